/* SPDX-License-Identifier: Apache-2.0
 * HTTP/2 (RFC 9113) over nghttp2: session and connection matters in h2.c, what comes in in
 * h2_recv.c, what goes out in h2_send.c. Receive windows open for what the user consumed. */
#pragma once
#include "codec_internal.h"
#include "h2_budget.h"

#include <nghttp2/nghttp2.h>

struct h2 {
    struct weft_codec base; /* first */
    nghttp2_session *session;
    struct weft_buf *pulling; /* where DATA goes during a pull ... */
    size_t pulled, pull_max;  /* ... how much went there, and may */
    nghttp2_nv *nva;          /* scratch for the head being sent */
    size_t nva_n, nva_cap;
    uint64_t held;               /* received by paused streams, windows not given back */
    uint32_t wires;              /* streams that nghttp2 knows */
    struct weft_stream *heading; /* whose head is coming in, if it is wanted */
    /* Server role: the peer's highest stream, how many it opened, and the highest that we reset. */
    uint32_t peer_last, peer_opened, reset_last;
    uint32_t peer_reset;  /* the stream that the peer reset last */
    uint32_t walk_left;   /* bytes of the frame at hand ... */
    uint8_t walk_head[9]; /* ... and its head, as far as walk_have */
    uint8_t walk_have;
    struct h2_budget budget;
    uint64_t queued;    /* body bytes of all streams not yet pulled */
    uint64_t data_sent; /* ... and pulled */
    uint32_t lose_code; /* why the connection is lost, where it is not PROTOCOL_ERROR */
    bool in_session;    /* nghttp2 must not be entered again */
    bool failed;        /* the connection is lost: at most a GOAWAY goes out */
    bool gone;          /* the peer closed: nothing goes out */
    bool peer_going;    /* GOAWAY received */
    bool last_goaway;   /* ours was submitted */
};

static inline struct h2 *h2_of(const struct weft_codec *c) {
    return (struct h2 *)(uintptr_t)c; /* base is the first member; also from const queries */
}
static inline struct h2 *h2_cast(void *user_data) {
    return h2_of(WEFT_CAST(weft_codec, user_data));
}
/* nghttp2 allocates from here. */
nghttp2_mem *h2_mem(void);
struct weft_stream *h2_stream(const struct h2 *h, int32_t id); /* NULL when none */

uint32_t h2_code_of(enum weft_status status);
enum weft_status h2_status_of(uint32_t code);

/* h2_guard.c: on_begin_frame, on_invalid_frame_recv, and a RST_STREAM of ours was sent. */
int h2_guard_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ud);
int h2_guard_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error, void *ud);
void h2_guard_reset(struct h2 *h, int32_t id);
/* Looks at frame heads before nghttp2 does. False: lose_code says why. */
bool h2_guard_input(struct h2 *h, struct weft_slice in);

void h2_set_recv_callbacks(nghttp2_session_callbacks *cbs);
void h2_set_send_callbacks(nghttp2_session_callbacks *cbs);
/* Gives back the window of what a stream held. */
void h2_give_back(struct weft_stream *s, bool stream_open);
void h2_begin_last_goaway(struct h2 *h);

enum weft_status h2_request(struct weft_stream *s, const struct weft_head *head, bool end);
enum weft_status h2_head(struct weft_stream *s, const struct weft_head *head, bool end);
void h2_data(struct weft_stream *s, struct weft_slice data);
void h2_dropped(struct weft_stream *s);
void h2_end(struct weft_stream *s, const struct weft_fields *trailers);
void h2_reset(struct weft_stream *s, enum weft_status status);
void h2_abandon(struct weft_stream *s);
size_t h2_pull(struct weft_codec *c, struct weft_buf *out, size_t max);

/* The eight bytes of the PING that measures one round trip after the shutdown notice. */
#define H2_DRAIN_PING ((const uint8_t *)"weftgone")
