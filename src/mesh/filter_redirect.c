/* SPDX-License-Identifier: Apache-2.0
 * The Location of a RequestRedirect (REQ-086 to 090). */
#include <stdio.h>

#include "filter_internal.h"

/* "host", "host:80", "[::1]", "[::1]:80" -> without the port. */
static struct weft_slice without_port(struct weft_slice authority) {
    size_t end = authority.len;
    while (end && authority.base[end - 1] >= '0' && authority.base[end - 1] <= '9') end--;
    if (end && authority.base[end - 1] == ':') return weft_slice_head(authority, end - 1);
    return authority;
}

/* REQ-088: the given port; else that of the given scheme; else the one the client dialled. */
static uint16_t location_port(const struct weft_filter *f, uint16_t listener_port, bool https) {
    uint16_t well_known = https ? 443 : 80;
    if (f->redirect.port) return f->redirect.port == well_known ? 0 : f->redirect.port;
    if (f->redirect.scheme.len || listener_port == well_known) return 0;
    return listener_port;
}

/* A request without Host (HTTP/1.0) gets a relative reference; "//" would begin a host in one. */
static struct weft_slice relative(struct weft_slice target, struct weft_arena *a) {
    const char *dot = weft_slice_starts(target, WEFT_SLICE_LIT("//")) ? "/." : "";
    return weft_arena_printf(a, "%s" WEFT_SLICE_FMT, dot, WEFT_SLICE_ARG(target));
}

static struct weft_slice location(const struct weft_filter *f, const struct weft_filter_input *in,
                                  const struct weft_head *request, struct weft_slice target,
                                  struct weft_arena *a) {
    struct weft_slice scheme = f->redirect.scheme.len ? f->redirect.scheme : request->scheme;
    if (!scheme.len) scheme = WEFT_SLICE_LIT("http");
    struct weft_slice host = f->redirect.hostname;
    if (!host.len) host = without_port(in->original_authority);
    if (!host.len) return relative(target, a);
    host = weft_target_clean(host, WEFT_PATH_FOR_REDIRECT, a);
    if (!host.base) return host;
    uint16_t port = location_port(f, in->listener_port, weft_slice_is(scheme, "https"));
    char port_text[8] = "";
    if (port) snprintf(port_text, sizeof port_text, ":%u", port);
    return weft_arena_printf(a, WEFT_SLICE_FMT "://" WEFT_SLICE_FMT "%s" WEFT_SLICE_FMT,
                             WEFT_SLICE_ARG(scheme), WEFT_SLICE_ARG(host), port_text,
                             WEFT_SLICE_ARG(target));
}

bool weft_redirect_reply(const struct weft_filter *f, const struct weft_filter_input *in,
                         const struct weft_head *request, struct weft_head *ret,
                         struct weft_slice *ret_why) {
    struct weft_arena *a = request->fields.arena;
    struct weft_slice target;
    if (!weft_path_mod_apply(&f->redirect.path, in, WEFT_PATH_FOR_REDIRECT, a, &target, ret_why))
        return false;
    if (!weft_slice_starts(target, WEFT_SLICE_LIT("/"))) target = WEFT_SLICE_LIT("/");
    struct weft_slice where = location(f, in, request, target, a);
    weft_head_init(ret, a);
    ret->status = f->redirect.status;
    ret->framing = WEFT_BODY_LENGTH;
    ret->has_content_length = true;
    if (where.base && weft_fields_add_ref(&ret->fields, WEFT_TOKEN_LOCATION,
                                          WEFT_SLICE_LIT("location"), where) == WEFT_OK)
        return true;
    *ret_why = OUT_OF_MEMORY;
    return false;
}
