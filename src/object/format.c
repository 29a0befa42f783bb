/* SPDX-License-Identifier: Apache-2.0
 * Formats of single values, as the CRDs and core validation have them. */
#include "object_internal.h"

#include <weft/base/addr.h>
#include <weft/http/grpc_status.h>
#include <weft/object/types.h>

static bool lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
static bool alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool digit(char c) {
    return c >= '0' && c <= '9';
}
static bool hex(char c) {
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool weft_fmt_label(struct weft_slice s) {
    if (!s.len || !lower_alnum(s.base[0]) || !lower_alnum(s.base[s.len - 1])) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!lower_alnum(s.base[i]) && s.base[i] != '-') return false;
    return true;
}

bool weft_fmt_subdomain(struct weft_slice s) {
    if (!s.len || s.base[s.len - 1] == '.') return false;
    while (s.len)
        if (!weft_fmt_label(weft_slice_cut(&s, '.'))) return false;
    return true;
}

bool weft_fmt_group(struct weft_slice s) {
    return s.len == 0 || weft_fmt_subdomain(s);
}

bool weft_fmt_kind(struct weft_slice s) {
    if (!s.len || !alpha(s.base[0]) || s.base[s.len - 1] == '-') return false;
    for (size_t i = 0; i < s.len; i++)
        if (!alpha(s.base[i]) && !digit(s.base[i]) && s.base[i] != '-') return false;
    return true;
}

bool weft_fmt_token(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        if (!alpha(c) && !digit(c) && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return s.len > 0;
}

bool weft_fmt_precise_host(struct weft_slice s) {
    struct weft_addr ip;
    return weft_fmt_subdomain(s) && !weft_addr_parse_ip(s, &ip);
}

bool weft_fmt_hostname(struct weft_slice s) {
    if (weft_slice_starts(s, WEFT_SLICE_LIT("*."))) s = weft_slice_from(s, 2);
    return weft_fmt_precise_host(s);
}

bool weft_fmt_duration(struct weft_slice s) {
    uint64_t us;
    return weft_duration_parse(s, &us);
}

/* ^[!-~]+([\t ]?[!-~]+)*$ */
bool weft_fmt_header_value(struct weft_slice s) {
    bool space = true; /* none at the start, none at the end, never two */
    for (size_t i = 0; i < s.len; i++) {
        bool now = s.base[i] == ' ' || s.base[i] == '\t';
        if ((now && space) || (!now && (s.base[i] < '!' || s.base[i] > '~'))) return false;
        space = now;
    }
    return !space;
}

bool weft_fmt_ip(struct weft_slice s) {
    struct weft_addr ip;
    return weft_addr_parse_ip(s, &ip);
}

bool weft_fmt_ip_or_none(struct weft_slice s) {
    return s.len == 0 || weft_slice_is(s, "None") || weft_fmt_ip(s);
}

/* An IANA-like name, or DOMAIN/NAME. */
bool weft_fmt_app_protocol(struct weft_slice s) {
    size_t slash = weft_slice_find(s, '/');
    if (slash < s.len && !weft_fmt_subdomain(weft_slice_head(s, slash))) return false;
    struct weft_slice name = slash < s.len ? weft_slice_from(s, slash + 1) : s;
    for (size_t i = 0; i < name.len; i++)
        if (!alpha(name.base[i]) && !digit(name.base[i]) && !strchr("-_.", name.base[i]))
            return false;
    return name.len > 0;
}

bool weft_fmt_grpc_method(struct weft_slice s) {
    if (!s.len || digit(s.base[0])) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!alpha(s.base[i]) && !digit(s.base[i]) && s.base[i] != '_') return false;
    return true;
}

bool weft_fmt_grpc_service(struct weft_slice s) {
    if (s.len && s.base[0] == '.') s = weft_slice_from(s, 1);
    if (!s.len || s.base[s.len - 1] == '.') return false;
    while (s.len)
        if (!weft_fmt_grpc_method(weft_slice_cut(&s, '.'))) return false;
    return true;
}

bool weft_fmt_attempts(struct weft_slice s) {
    uint64_t n;
    return weft_slice_u64(s, 100, &n) && n > 0;
}

bool weft_fmt_grpc_codes(struct weft_slice s) {
    uint32_t code = 0;
    while (s.len)
        if (!weft_grpc_status_parse(weft_slice_trim(weft_slice_cut(&s, ',')), &code) || !code)
            return false;
    return code != 0;
}

bool weft_fmt_mtls(struct weft_slice s) {
    s = weft_slice_trim(s);
    return weft_slice_is(s, "strict") || weft_slice_is(s, "permissive") ||
           weft_slice_is(s, "disabled");
}

bool weft_fmt_mtls_ports(struct weft_slice s) {
    while (s.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&s, ','));
        struct weft_slice port = weft_slice_trim(weft_slice_cut(&item, '='));
        uint64_t n;
        if (!weft_slice_u64(port, 65535, &n) || n == 0) return false;
        if (!weft_fmt_mtls(weft_slice_trim(item))) return false;
    }
    return true;
}

bool weft_fmt_port_list(struct weft_slice s) {
    while (s.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&s, ','));
        struct weft_slice from = weft_slice_trim(weft_slice_cut(&item, '-'));
        uint64_t a, b;
        if (!weft_slice_u64(from, 65535, &a) || a == 0) return false;
        if (item.base && (!weft_slice_u64(weft_slice_trim(item), 65535, &b) || b < a)) return false;
    }
    return true;
}

bool weft_fmt_port_include(struct weft_slice s) {
    s = weft_slice_trim(s);
    return weft_slice_is(s, "*") || weft_slice_is(s, "none") || (s.len && weft_fmt_port_list(s));
}

static const char *path_sequence_fault(struct weft_slice s) {
    static const struct {
        const char *text, *fault;
    } rows[] = {
        {"//", "must not contain \"//\""},     {"/./", "must not contain \"/./\""},
        {"/../", "must not contain \"/../\""}, {"%2f", "must not contain \"%2f\""},
        {"%2F", "must not contain \"%2F\""},   {"#", "must not contain \"#\""},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++)
        if (weft_slice_search(s, weft_slice_str(rows[i].text)) < s.len) return rows[i].fault;
    if (weft_slice_ends(s, WEFT_SLICE_LIT("/.."))) return "must not end in \"/..\"";
    if (weft_slice_ends(s, WEFT_SLICE_LIT("/."))) return "must not end in \"/.\"";
    return NULL;
}

const char *weft_fmt_path_fault(struct weft_slice s) {
    if (!s.len || s.base[0] != '/') return "must start with \"/\"";
    const char *fault = path_sequence_fault(s);
    for (size_t i = 0; i < s.len && !fault; i++) {
        char c = s.base[i];
        if (c == '%' && i + 2 < s.len && hex(s.base[i + 1]) && hex(s.base[i + 2]))
            i += 2;
        else if (!alpha(c) && !digit(c) && (c == 0 || !strchr("-/._~!$&'()*+,;=:@", c)))
            fault = "has a character that a path cannot have; percent-encode it";
    }
    return fault;
}

/* One component: digits{1,5} and a unit; cut from *s. */
static bool duration_part(struct weft_slice *s, uint64_t *ret_us) {
    size_t n = 0;
    while (n < s->len && digit(s->base[n])) n++;
    uint64_t value, scale;
    if (n == 0 || n > 5 || !weft_slice_u64(weft_slice_head(*s, n), 99999, &value)) return false;
    *s = weft_slice_from(*s, n);
    size_t unit = 1;
    if (weft_slice_starts(*s, WEFT_SLICE_LIT("ms")))
        scale = 1000, unit = 2;
    else if (s->len && s->base[0] == 's')
        scale = 1000000;
    else if (s->len && s->base[0] == 'm')
        scale = 60000000;
    else if (s->len && s->base[0] == 'h')
        scale = 3600000000u;
    else
        return false;
    *s = weft_slice_from(*s, unit);
    *ret_us = value * scale;
    return true;
}

bool weft_duration_parse(struct weft_slice s, uint64_t *ret_us) {
    uint64_t sum = 0, part;
    int parts = 0;
    do {
        if (++parts > 4 || !duration_part(&s, &part)) return false;
        sum += part;
    } while (s.len);
    *ret_us = sum;
    return true;
}
