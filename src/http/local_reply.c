/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/http/grpc_frame.h>
#include <weft/http/local_reply.h>
#include "message.h"

static void add(struct weft_head *h, enum weft_token t, struct weft_slice value) {
    (void)weft_fields_add_ref(&h->fields, t, http_token_slice(t), value); /* best effort */
}

static struct weft_slice message(enum weft_reason r, struct weft_slice detail,
                                 struct weft_arena *arena) {
    const char *sep = detail.len ? ": " : "";
    struct weft_slice s =
        weft_arena_printf(arena, "weft: %s: %s%s%.*s", weft_reason_word(r), weft_reason_text(r),
                          sep, (int)detail.len, detail.len ? detail.base : "");
    return s.base ? s : weft_slice_str(weft_reason_text(r));
}

static void fill_grpc(enum weft_reason r, struct weft_slice text, struct weft_arena *arena,
                      struct weft_head *h) {
    h->status = 200;
    h->framing = WEFT_BODY_NONE;
    add(h, WEFT_TOKEN_CONTENT_TYPE, WEFT_SLICE_LIT("application/grpc"));
    struct weft_slice code = weft_arena_printf(arena, "%u", weft_reason_grpc(r));
    add(h, WEFT_TOKEN_GRPC_STATUS, code.base ? code : WEFT_SLICE_LIT("14"));
    add(h, WEFT_TOKEN_GRPC_MESSAGE, weft_grpc_message_encode(arena, text));
}

static void fill_plain(enum weft_reason r, struct weft_slice text, struct weft_arena *arena,
                       struct weft_head *h, struct weft_slice *ret_body) {
    h->status = weft_reason_http(r);
    add(h, WEFT_TOKEN_CONTENT_TYPE, WEFT_SLICE_LIT("text/plain; charset=utf-8"));
    struct weft_slice body = weft_arena_printf(arena, "%.*s\n", WEFT_SLICE_ARG(text));
    *ret_body = body.base ? body : text;
    h->framing = WEFT_BODY_LENGTH;
    h->has_content_length = true;
    h->content_length = ret_body->len;
}

void weft_local_reply(enum weft_reason reason, struct weft_slice detail, bool grpc,
                      bool reason_header, struct weft_arena *arena, struct weft_head *ret_head,
                      struct weft_slice *ret_body) {
    weft_head_init(ret_head, arena);
    *ret_body = WEFT_SLICE_EMPTY;
    struct weft_slice text = message(reason, detail, arena);
    if (grpc)
        fill_grpc(reason, text, arena, ret_head);
    else
        fill_plain(reason, text, arena, ret_head, ret_body);
    if (reason_header)
        add(ret_head, WEFT_TOKEN_WEFT_REASON, weft_slice_str(weft_reason_word(reason)));
}
