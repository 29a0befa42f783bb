/* SPDX-License-Identifier: Apache-2.0
 * What the two codecs share: the stream, its life, and the way events leave the codec.
 *
 * Re-entry: every public function that may call back runs between codec_enter and codec_leave.
 * Only the outermost codec_leave settles: it fires on_writable, on_input, on_retire and on_output
 * until nothing is left to tell, then frees the streams that were released meanwhile. So a callback
 * may call anything, and nothing it was given vanishes under its caller. */
#pragma once
#include <weft/base/check.h>
#include <weft/base/limits.h>
#include <weft/base/list.h>
#include "message.h"

#define weft_codec_MAGIC  0x434f4443u
#define weft_stream_MAGIC 0x53545245u

struct codec_ops {
    enum weft_status (*feed)(struct weft_codec *c, struct weft_slice in, size_t *ret_used);
    void (*eof)(struct weft_codec *c);
    size_t (*pull)(struct weft_codec *c, struct weft_buf *out, size_t max);
    bool (*has_output)(const struct weft_codec *c);
    bool (*wants_input)(const struct weft_codec *c);
    bool (*finished)(const struct weft_codec *c);
    void (*drain)(struct weft_codec *c);
    uint32_t (*capacity)(const struct weft_codec *c);
    void (*ping)(struct weft_codec *c);
    bool (*in_head)(const struct weft_codec *c);
    uint64_t (*queued_all)(const struct weft_codec *c);
    uint64_t (*sent)(const struct weft_codec *c);
    void (*calm)(struct weft_codec *c);
    /* The peer's window is shut: of the stream, or (NULL) of the connection. NULL: has no windows.
     */
    bool (*shut)(const struct weft_codec *c, const struct weft_stream *s);
    void (*destroy)(struct weft_codec *c); /* wire state and the codec itself */
    /* Client role: the stream's head is to be sent. */
    enum weft_status (*request)(struct weft_stream *s, const struct weft_head *head, bool end);
    /* Server role. `head` has passed the checks of the common part. */
    enum weft_status (*head)(struct weft_stream *s, const struct weft_head *head, bool end);
    void (*data)(struct weft_stream *s, struct weft_slice data);
    void (*end)(struct weft_stream *s, const struct weft_fields *trailers);
    void (*reset)(struct weft_stream *s, enum weft_status status); /* s is marked dead already */
    void (*resumed)(struct weft_stream *s);
    size_t (*queued)(const struct weft_stream *s);
    void (*dropped)(struct weft_stream *s); /* its queue goes; may be NULL */
    bool (*sent_any)(const struct weft_stream *s);
    /* A 101 was sent or received: raw bytes from here on. NULL where there is none. */
    void (*tunnel)(struct weft_stream *s);
    /* Both sides done or reset: called once. */
    void (*over)(struct weft_stream *s);
    /* The user let go of a stream whose answer is complete but whose request is not. */
    void (*abandon)(struct weft_stream *s);
};

struct weft_codec {
    WEFT_OBJ;
    const struct codec_ops *ops;
    struct weft_codec_cb cb;
    void *owner;
    struct weft_codec_limits limits;
    struct weft_list streams; /* every stream not yet freed */
    struct weft_list reap;    /* those that the next settling frees */
    enum weft_role role;
    uint32_t depth;
    uint32_t live; /* streams neither complete nor reset */
    bool is_h2;
    bool told_output;    /* on_output was called, not everything pulled since */
    bool told_finished;  /* the same for the end */
    bool told_out_ended; /* and for that of our side of a tunnel */
    bool took_input;     /* wants_input when it was looked at last */
    bool settled;        /* nothing was touched since has_out was worked out */
    bool has_out;        /* nghttp2 has to walk its queues to say so */
    bool closing;        /* drain: no further exchange */
    bool retired, told_retired;
    bool broken;
    uint32_t last_id;
    uint32_t n_want_writable;
    uint64_t now_us;
    enum weft_cap cap; /* the limit that the peer ran into first */
    uint32_t refused;  /* streams beyond limits.streams, since weft_codec_take_refused */
};

struct weft_stream {
    WEFT_OBJ;
    struct weft_codec *codec; /* NULL: detached */
    struct weft_list link, reap_link;
    struct weft_arena arena;
    const struct weft_stream_cb *cb;
    void *ud;
    struct weft_head *rx; /* the head being received, or received last */
    struct weft_fields trailers;
    uint64_t out_left; /* of the announced content-length */
    uint32_t id, paused;
    uint8_t interim;    /* 1xx heads seen */
    bool head_request;  /* its request is HEAD */
    bool request_10;    /* its request is HTTP/1.0 */
    bool upgrade;       /* its request asks for a tunnel */
    bool out_head;      /* the (final) head was sent */
    bool out_none;      /* the message sent has no body: data is swallowed */
    bool out_counted;   /* out_left holds */
    bool out_done;      /* the user ended his message */
    bool in_head;       /* the (final) head was received */
    bool in_any;        /* at least a byte of it was */
    bool in_done;       /* the peer's message is complete */
    bool dead;          /* reset by either side */
    bool over;          /* complete or dead: counted out */
    bool owned;         /* the user got it and must release it */
    bool released;      /* by the user */
    bool want_writable; /* data returned AGAIN */
    bool wire;          /* the codec still refers to it */
    /* HTTP/1 */
    uint64_t out_start; /* codec's output offset of its first byte */
    /* HTTP/2 */
    struct weft_buf out; /* body bytes not yet framed */
    struct weft_fields out_trailers;
    struct weft_arena out_arena; /* of out_trailers */
    uint64_t held;               /* bytes received whose window is not given back */
    size_t rx_bytes;             /* of the head being received, as RFC 9113 6.5.2 counts */
    enum weft_reason rx_refused;
    enum weft_cap cap; /* what it was refused or failed for */
    struct weft_slice rx_host;
    struct weft_fields *rx_fields; /* of s->rx or the trailers */
    bool sent_head, sent_end;      /* on the wire */
    bool out_moved;                /* body bytes left since weft_codec_expire looked */
    uint64_t out_since_us;         /* when it saw them move, or free to */
    bool rst_after_end;            /* the rest of the request is not wanted */
};

void codec_init(struct weft_codec *c, const struct codec_ops *ops, enum weft_role role,
                const struct weft_codec_limits *limits, const struct weft_codec_cb *cb,
                void *owner);
/* The connection, or all of them together, have too much queued. */
bool codec_is_tight(const struct weft_codec *c);
void codec_enter(struct weft_codec *c);
void codec_leave(struct weft_codec *c);
/* Worked out once where nothing has happened since. */
bool codec_has_output(struct weft_codec *c);
/* Client role: no further requests; told at settling. */
void codec_retire(struct weft_codec *c);

struct weft_stream *stream_new(struct weft_codec *c);
/* What the peer sends may fill the arena only up to a reserve, so that the user, who must not fail
 * for lack of memory, always finds room. Around every allocation for received bytes. */
static inline void stream_peer_allocates(struct weft_stream *s, bool on) {
    s->arena.limit = s->codec->limits.request_bytes - (on ? (uint32_t)WEFT_ARENA_RESERVE : 0);
}
/* The wire no longer needs it (`wire` false): frees what the user has released. */
void stream_unwire(struct weft_stream *s);
/* Events to the user; nothing after `dead` or `released`. */
void stream_emit_request(struct weft_stream *s, struct weft_head *head, bool end);
void stream_emit_response(struct weft_stream *s, struct weft_head *head, bool end);
void stream_emit_info(struct weft_stream *s, struct weft_head *head);
void stream_emit_data(struct weft_stream *s, struct weft_slice data);
void stream_emit_trailers(struct weft_stream *s, struct weft_fields *trailers);
/* Opens both directions anew. */
void stream_open_tunnel(struct weft_stream *s);
/* Marks the incoming side done; on_end unless `told` (end was in the head event). */
void stream_in_end(struct weft_stream *s, bool told);
/* The stream failed: on_reset, then it is inert. */
void stream_fail(struct weft_stream *s, enum weft_status status, bool unprocessed);
/* Drops what is queued and resets it, whether or not its user is done with it. */
void stream_drop(struct weft_stream *s, enum weft_status status);
/* The same as stream_fail for all that are not over. */
void codec_fail_all(struct weft_codec *c, enum weft_status status);
/* Marks it dead without an event. */
void stream_kill(struct weft_stream *s);
void stream_check_over(struct weft_stream *s);
static inline bool stream_listens(const struct weft_stream *s) {
    return !s->dead && !s->released;
}
