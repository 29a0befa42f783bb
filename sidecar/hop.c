/* SPDX-License-Identifier: Apache-2.0
 * weft-hop: "1;app=h1;framing=length" on requests, "1;unprocessed" or "1;failed" on responses.
 * Unknown parameters are skipped, so that versions up to two apart understand each other. */
#include <sidecar/hop.h>

static const char *const apps[] = {
    [WEFT_HTTP_10] = "h1.0", [WEFT_HTTP_11] = "h1", [WEFT_HTTP_2] = "h2"};
static const char *const framings[] = {[WEFT_BODY_NONE] = "none",
                                       [WEFT_BODY_LENGTH] = "length",
                                       [WEFT_BODY_CHUNKED] = "chunked",
                                       [WEFT_BODY_CLOSE] = "chunked"};

_Static_assert(PROXY_HOP_VERSION == 1, "the texts below say 1");

static void set(struct weft_head *head, struct weft_slice value) {
    weft_fields_remove_token(&head->fields, WEFT_TOKEN_WEFT_HOP);
    weft_fields_add_ref(&head->fields, WEFT_TOKEN_WEFT_HOP, WEFT_SLICE_LIT("weft-hop"), value);
}

static const char *const hosts[] = {
    [PROXY_HOST_GIVEN] = "given", [PROXY_HOST_NONE] = "none", [PROXY_HOST_EMPTY] = "empty"};

void proxy_hop_set_request(struct weft_head *head, enum weft_version app) {
    struct weft_slice parts[] = {
        WEFT_SLICE_LIT("1;app="),    weft_slice_str(apps[app]),
        WEFT_SLICE_LIT(";framing="), weft_slice_str(framings[head->framing]),
        WEFT_SLICE_LIT(";host="),    WEFT_SLICE_EMPTY};
    bool named = head->authority.len > 0;
    if (!named)
        parts[5] = weft_slice_str(hosts[head->authority.base ? PROXY_HOST_EMPTY : PROXY_HOST_NONE]);
    set(head, weft_arena_join(head->fields.arena, parts, named ? 4 : 6));
    if (!named) head->authority = WEFT_SLICE_LIT("host.invalid");
}

void proxy_hop_restore_host(const struct proxy_hop *hop, struct weft_head *head) {
    if (hop->host == PROXY_HOST_NONE) head->authority = WEFT_SLICE_EMPTY;
    if (hop->host == PROXY_HOST_EMPTY) head->authority = weft_slice("", 0);
}

void proxy_hop_set_unprocessed(struct weft_head *head) {
    set(head, WEFT_SLICE_LIT("1;unprocessed"));
}

void proxy_hop_set_failed(struct weft_head *head) {
    set(head, WEFT_SLICE_LIT("1;failed"));
}

static bool lookup(const char *const *names, size_t n, struct weft_slice value, int *ret) {
    for (size_t i = 0; i < n; i++) {
        if (!weft_slice_is(value, names[i])) continue;
        *ret = (int)i;
        return true;
    }
    return false;
}

static bool version_ok(struct weft_slice v) {
    uint64_t n;
    return weft_slice_u64(weft_slice_trim(v), 1000, &n) &&
           n <= PROXY_HOP_VERSION + PROXY_HOP_TOLERANCE;
}

static void parse(struct weft_slice value, struct proxy_hop *ret) {
    int found;
    if (!version_ok(weft_slice_cut(&value, ';'))) return;
    ret->valid = true;
    while (value.len) {
        struct weft_slice word = weft_slice_trim(weft_slice_cut(&value, ';'));
        struct weft_slice key = weft_slice_cut(&word, '=');
        if (weft_slice_is(key, "unprocessed"))
            ret->unprocessed = true;
        else if (weft_slice_is(key, "failed"))
            ret->failed = true;
        else if (weft_slice_is(key, "app") && lookup(apps, WEFT_LEN(apps), word, &found))
            ret->app = (enum weft_version)found;
        else if (weft_slice_is(key, "host") && lookup(hosts, WEFT_LEN(hosts), word, &found))
            ret->host = (enum proxy_hop_host)found;
        else if (weft_slice_is(key, "framing") &&
                 lookup(framings, WEFT_LEN(framings), word, &found))
            ret->framing = (enum weft_framing)found;
    }
}

void proxy_hop_take(struct weft_fields *fields, struct proxy_hop *ret) {
    *ret = (struct proxy_hop){.app = WEFT_HTTP_11, .framing = WEFT_BODY_CHUNKED};
    const struct weft_field *f = weft_fields_token(fields, WEFT_TOKEN_WEFT_HOP);
    if (!f) return;
    parse(f->value, ret);
    weft_fields_remove_token(fields, WEFT_TOKEN_WEFT_HOP);
}
