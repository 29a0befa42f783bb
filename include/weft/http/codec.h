/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.x and HTTP/2 behind one interface: bytes in, message events out; messages in, bytes out.
 * No I/O, no clock. Callbacks may call any function here on the same codec except
 * weft_codec_feed, weft_codec_eof and weft_codec_free.
 *
 * A stream is one request and its response. It belongs to the codec until both sides are complete
 * or reset; the user holds it from on_request / weft_codec_request until weft_stream_release,
 * which must be called exactly once. Events stop at release; releasing a stream that is not
 * complete resets it; but a server's answer that was ended flows out on its own. Between its end
 * and its release a stream is inert: sends are ignored and return WEFT_CLOSED.
 *
 * Tunnels (HTTP/1.1, RFC 9110 7.8): a request head with `upgrade` comes with `end`. When it is
 * answered by 101 (a final head here: on_head in the client role, weft_stream_head in the server
 * role), both directions of the stream open anew for raw bytes: on_data and weft_stream_data, with
 * on_end and weft_stream_end as the half-closes. The connection carries nothing else after it. */
#pragma once
#include <weft/base/buf.h>
#include <weft/http/head.h>
#include <weft/http/limit.h>

struct weft_codec;
struct weft_stream;

enum weft_role { WEFT_SERVER, WEFT_CLIENT };

struct weft_codec_limits { /* weft_codec_limits_default fills it from base/limits.h */
    uint32_t head_bytes, fields, target_bytes, streams;
    uint32_t extension_bytes; /* HTTP/1: chunk extensions of one body; more breaks the message */
    uint32_t request_bytes;   /* memory of one stream; above WEFT_ARENA_RESERVE */
    uint32_t stream_window, conn_window;
    /* HTTP/2 server, per ten seconds: frames that carry nothing, streams reset by the peer or for
     * its errors. More: GOAWAY ENHANCE_YOUR_CALM. */
    uint32_t frames, resets;
    /* Queued output of a connection from which its streams get WEFT_STREAM_FLOOR each. */
    uint32_t queued;
    const struct weft_output_budget *budget; /* may be NULL */
};
/* What many connections have queued together; kept by their owner. */
struct weft_output_budget {
    uint64_t used, max;
    struct weft_task *over; /* queued at the end of the turn in which `used` passes twice the max */
};
struct weft_codec_limits weft_codec_limits_default(void);

struct weft_reset {
    enum weft_status status; /* RESET, PROTOCOL, CLOSED, CANCELED, LIMIT ... */
    bool unprocessed; /* the peer surely did not process it: REFUSED_STREAM, above GOAWAY's last id,
                         or nothing of it was pulled from the codec */
    bool response_started; /* at least one byte of its response was seen (HTTP/1), or its head
                              (HTTP/2) */
};

struct weft_stream_cb { /* all get the user pointer given with the callbacks */
    /* Client role: an interim (1xx) response head, then the final one. `end`: no body, no trailers.
     */
    void (*on_info)(void *ud, struct weft_head *head); /* may be NULL */
    void (*on_head)(void *ud, struct weft_head *head, bool end);
    /* Body bytes, valid for the call. */
    void (*on_data)(void *ud, struct weft_slice data);
    void (*on_trailers)(void *ud, struct weft_fields *trailers);
    /* The incoming message is complete (not called after `end` was true in the head event). */
    void (*on_end)(void *ud);
    /* The stream failed; the last event but for nothing. */
    void (*on_reset)(void *ud, struct weft_reset reset);
    /* Queued output fell below WEFT_STREAM_LOW after weft_stream_data returned WEFT_AGAIN. */
    void (*on_writable)(void *ud);
};

struct weft_codec_cb { /* get the owner given at creation */
    /* Server role: a request head is complete (or refused: head->refused). The user sets callbacks
     * with weft_stream_set_cb before returning. */
    void (*on_request)(void *owner, struct weft_stream *s, struct weft_head *head, bool end);
    /* There are bytes to pull (called at least on every change from none to some), or
     * weft_codec_finished has become true outside of feed, eof and pull: look at both. */
    void (*on_output)(void *owner);
    /* A formerly full or paused codec takes input again: offer what feed left over. */
    void (*on_input)(void *owner);
    /* Client role: the peer takes no new requests on this connection (GOAWAY, Connection: close).
     */
    void (*on_retire)(void *owner); /* may be NULL */
};

struct weft_codec *weft_h1_new(enum weft_role role, const struct weft_codec_limits *limits,
                               const struct weft_codec_cb *cb, void *owner);
struct weft_codec *weft_h2_new(enum weft_role role, const struct weft_codec_limits *limits,
                               const struct weft_codec_cb *cb, void *owner);
/* Resets (on_reset, status CLOSED) every stream not yet complete, then frees. Streams that the user
 * still holds stay valid but inert until released. Returns NULL. */
struct weft_codec *weft_codec_free(struct weft_codec *c);

/* Parses. *ret_used < in.len when input is paused: keep the rest, offer it again after on_input.
 * Anything but WEFT_OK: pull what is left (error answer, GOAWAY), then close the connection. */
enum weft_status weft_codec_feed(struct weft_codec *c, struct weft_slice in, size_t *ret_used);
/* The peer closed its sending side. Ends close-delimited responses and the peer's side of a tunnel,
 * resets what is incomplete. */
void weft_codec_eof(struct weft_codec *c);
/* Appends at most about `max` pending bytes to `out`; returns how many. */
size_t weft_codec_pull(struct weft_codec *c, struct weft_buf *out, size_t max);
bool weft_codec_has_output(const struct weft_codec *c);
/* False: stop reading the connection until on_input. */
bool weft_codec_wants_input(const struct weft_codec *c);
/* Nothing more will come: all streams done and closing was asked or agreed. Close after the flush.
 */
bool weft_codec_finished(const struct weft_codec *c);
/* A message was cut: the connection must end with RST, so that nobody takes it for complete. */
bool weft_codec_broken(const struct weft_codec *c);
/* True (then finished is true as well and nothing is left to pull) when an HTTP/1 message was cut
 * short: the transport must be aborted (RST), as an orderly FIN could pass for its end. */
bool weft_codec_broken(const struct weft_codec *c);
/* A 101 was sent or received (HTTP/1). */
bool weft_codec_is_tunnel(const struct weft_codec *c);
/* Our side of a tunnel has ended: after what there is to pull, FIN; reading goes on. */
bool weft_codec_out_ended(const struct weft_codec *c);
/* HTTP/1, server role: the peer asked for the connection to be closed with the request that was
 * answered now, and sent nothing behind it: closing needs not wait for its end. */
bool weft_codec_peer_ended(const struct weft_codec *c);
/* Graceful end: GOAWAY / "Connection: close" on the last response; streams in flight go on. An
 * HTTP/2 server says the last GOAWAY one round trip (a PING) after the first. */
void weft_codec_drain(struct weft_codec *c);
/* Streams in flight; and how many more requests the client role may open now (0 when retired;
 * HTTP/1: 1 when idle). A connection more than half of whose window is held by paused streams
 * offers 0 (DESIGN: head-of-line). */
uint32_t weft_codec_streams(const struct weft_codec *c);
uint32_t weft_codec_capacity(const struct weft_codec *c);
bool weft_codec_is_h2(const struct weft_codec *c);
/* Server role: true between the first byte of a head and its end (slow-head timer). */
bool weft_codec_in_head(const struct weft_codec *c);
/* The monotonic time of what is fed next; codecs have no clock of their own. */
void weft_codec_at(struct weft_codec *c, uint64_t now_us);
/* Outgoing bytes of all streams that were not pulled; and those that were, growing. */
uint64_t weft_codec_queued(const struct weft_codec *c);
uint64_t weft_codec_sent(const struct weft_codec *c);
/* HTTP/2: something is queued, and the peer's window of the whole connection is shut. */
bool weft_codec_blocked(const struct weft_codec *c);
/* HTTP/2, to be called every second or so: resets (on_reset, TIMEOUT) the streams that have bytes
 * queued while the peer kept their own window shut for after_us; returns how many. */
uint32_t weft_codec_expire(struct weft_codec *c, uint64_t now_us, uint64_t after_us);
/* Resets the stream with the longest queue (on_reset, AGAIN); false when none has any. */
bool weft_codec_shed(struct weft_codec *c);
/* on_reset with `status` for every stream not yet complete; only weft_codec_free may follow. */
void weft_codec_fail(struct weft_codec *c, enum weft_status status);
/* Queued output reached the connection's own maximum. */
bool weft_codec_over_queued(const struct weft_codec *c);
/* The limit that the peer ran into, or NONE; with HTTP/2 the connection is lost then. */
enum weft_cap weft_codec_cap(const struct weft_codec *c);
/* HTTP/2 streams refused because as many as may be were open; counts anew from here. */
uint32_t weft_codec_take_refused(struct weft_codec *c);
/* HTTP/2: ends the connection with GOAWAY ENHANCE_YOUR_CALM. No effect on HTTP/1. */
void weft_codec_calm(struct weft_codec *c, enum weft_cap why);
/* HTTP/2: sends PING (liveness); no effect on HTTP/1. */
void weft_codec_ping(struct weft_codec *c);

/* Client role: opens a stream. NULL when capacity is 0. The head is copied. */
struct weft_stream *weft_codec_request(struct weft_codec *c, const struct weft_head *head, bool end,
                                       const struct weft_stream_cb *cb, void *ud);

void weft_stream_set_cb(struct weft_stream *s, const struct weft_stream_cb *cb, void *ud);
/* The stream's memory, capped at limits.request_bytes, freed at release. The exchange lives here.
 * Bytes from the peer never take the last WEFT_ARENA_RESERVE of it. */
struct weft_arena *weft_stream_arena(struct weft_stream *s);
uint32_t weft_stream_id(const struct weft_stream *s);
/* The limit that what the peer sends on it ran into, or NONE: the head that is refused, or the
 * message for which on_reset is called. What ends a server's connection is weft_codec_cap's. */
enum weft_cap weft_stream_cap(const struct weft_stream *s);
/* Server role: 1xx heads (status 100..199), then one final head. `end`: nothing follows. For HEAD
 * requests and 204/304 the codec itself sends no body whatever is given. */
enum weft_status weft_stream_head(struct weft_stream *s, const struct weft_head *head, bool end);
/* Body bytes, copied. WEFT_AGAIN: taken, but stop until on_writable. */
enum weft_status weft_stream_data(struct weft_stream *s, struct weft_slice data);
/* Ends the outgoing message, with trailers unless NULL (dropped where the wire cannot carry them).
 */
enum weft_status weft_stream_end(struct weft_stream *s, const struct weft_fields *trailers);
/* RST_STREAM, or the end of an HTTP/1 connection, so that the peer cannot take the message for
 * complete. `status` picks the HTTP/2 error code (CANCELED, PROTOCOL, INTERNAL, REFUSED...). No
 * event follows. */
void weft_stream_reset(struct weft_stream *s, enum weft_status status);
/* Incoming body: counted pauses. While paused, windows stay shut (HTTP/2) or the connection is not
 * read (HTTP/1); bytes already granted may still arrive. */
void weft_stream_pause(struct weft_stream *s);
void weft_stream_resume(struct weft_stream *s);
/* Server role, HTTP/1.1 and Expect: 100-continue: nothing is sent unless the user sends a 100 head.
 */
size_t weft_stream_queued(const struct weft_stream *s); /* outgoing body bytes not yet pulled */
bool weft_stream_sent_any(
    const struct weft_stream *s); /* anything of it was pulled from the codec */
/* Both directions complete without reset. */
bool weft_stream_complete(const struct weft_stream *s);
struct weft_codec *weft_stream_codec(struct weft_stream *s); /* NULL once detached */
void *weft_codec_owner(struct weft_codec *c);
void weft_stream_release(struct weft_stream *s);
