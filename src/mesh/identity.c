/* SPDX-License-Identifier: Apache-2.0
 * SPIFFE IDs, strictly: peers are let in by comparing these, so there is one spelling for each
 * (SPIFFE-ID section 2; RFC 3986 without percent-encoding). */
#include <weft/mesh/identity.h>

enum { MAX_ID = 2048 }; /* SPIFFE-ID section 2.3 */

static bool is_word(struct weft_slice s, bool upper) {
    if (!s.len || weft_slice_is(s, ".") || weft_slice_is(s, "..")) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        bool ok =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (upper && c >= 'A' && c <= 'Z');
        if (!ok && c != '-' && c != '.' && c != '_') return false;
    }
    return true;
}

static bool take(struct weft_slice *s, struct weft_slice text) {
    if (!weft_slice_starts(*s, text)) return false;
    *s = weft_slice(s->base + text.len, s->len - text.len);
    return true;
}

bool weft_spiffe_parse(struct weft_slice id, struct weft_spiffe *ret) {
    struct weft_spiffe s;
    if (id.len > MAX_ID || !take(&id, WEFT_SLICE_LIT("spiffe://"))) return false;
    s.trust_domain = weft_slice_cut(&id, '/');
    if (!is_word(s.trust_domain, false) || !take(&id, WEFT_SLICE_LIT("ns/"))) return false;
    s.ns = weft_slice_cut(&id, '/');
    if (!is_word(s.ns, true) || !take(&id, WEFT_SLICE_LIT("sa/"))) return false;
    s.service_account = id;
    if (!is_word(id, true)) return false;
    *ret = s;
    return true;
}

struct weft_slice weft_spiffe_format(struct weft_arena *a, const struct weft_spiffe *s) {
    return weft_arena_printf(
        a, "spiffe://" WEFT_SLICE_FMT "/ns/" WEFT_SLICE_FMT "/sa/" WEFT_SLICE_FMT,
        WEFT_SLICE_ARG(s->trust_domain), WEFT_SLICE_ARG(s->ns), WEFT_SLICE_ARG(s->service_account));
}
