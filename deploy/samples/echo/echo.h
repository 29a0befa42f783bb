/* SPDX-License-Identifier: Apache-2.0
 * weft-echo, the app of the samples: tells what reached it and misbehaves when asked to. One loop,
 * one thread; a connection speaks one protocol, a stream is one request and its answer. */
#pragma once
#include <weft/base/buf.h>
#include <weft/base/list.h>
#include <uv.h>

enum {
    ECHO_MAX_CONNS = 8192,
    ECHO_MAX_HEAD = 64 * 1024, /* bytes of a request head or trailer; 431 */
    ECHO_MAX_FIELDS = 256,
    ECHO_MAX_STREAMS = 1024,      /* of one HTTP/2 connection */
    ECHO_HIGH = 256 * 1024,       /* queued bytes at which a source pauses */
    ECHO_MAX_KEYS = 10000,        /* remembered keys of fail=; beyond it nothing fails */
    ECHO_MAX_CHUNK = 1024 * 1024, /* chunk= */
    ECHO_MAX_LISTEN = 32,
};

struct echo_app {
    uv_loop_t loop;
    const char *name; /* the pod */
    char hostname[256];
    const char *greeting; /* sent first on plain TCP ports; may be NULL */
    size_t conns;
};

/* ---- what a request asks for (controls.c) ---- */

enum echo_break { BREAK_NONE, BREAK_STATUS, BREAK_RESET, BREAK_CLOSE, BREAK_REFUSE, BREAK_ABORT };

struct echo_controls {
    uint64_t delay_ms, body_delay_ms, interval_ms, fail_delay_ms;
    uint64_t status, info, grpc_status;
    uint64_t fail, fail_status;
    enum echo_break fail_mode;
    struct weft_slice key;
    uint64_t stream, chunk, size;
    bool has_size, trailers, echo;
    bool reset_head, reset_body;
};

void echo_controls_init(struct echo_controls *c);
/* "a=b&c=d"; unknown names are skipped. Returns the name of the first one with a bad value, or an
 * empty slice. The key points into `text`. */
struct weft_slice echo_controls_parse(struct echo_controls *c, struct weft_slice text);
/* Counts a request under its key: is it among the first `n`? */
bool echo_should_fail(struct weft_slice key, uint64_t n);

/* ---- a request and its answer (stream.c) ---- */

struct echo_field {
    struct weft_slice name, value; /* into stream->head */
};

struct echo_stream;
struct echo_conn;

/* What a protocol does for its streams. */
struct echo_stream_ops {
    void (*info)(struct echo_stream *s, int status);
    /* length < 0: unknown. `end`: no body follows. */
    void (*head)(struct echo_stream *s, int status, const char *type, int64_t length, bool end);
    void (*wake)(struct echo_stream *s);               /* echo_stream_read has more, or the end */
    void (*consumed)(struct echo_stream *s, size_t n); /* request bytes that were dealt with */
    void (*broken)(struct echo_stream *s, enum echo_break how); /* cut it; s may be dropped */
};

struct echo_stream {
    struct weft_list in_conn;
    struct echo_conn *conn;
    const struct echo_stream_ops *ops;
    uv_timer_t timer;
    void (*on_timer)(struct echo_stream *s);
    int32_t id; /* HTTP/2 */
    const char *proto;

    struct weft_buf text; /* names and values of all fields; offsets while it grows */
    struct {
        uint32_t name, name_len, value_len;
    } fields[ECHO_MAX_FIELDS];
    size_t n_fields, n_head_fields; /* the rest are trailers */
    struct weft_slice method, path, host, type;
    uint64_t body_bytes;
    bool head_done, request_done, expects, grpc;
    bool too_large;

    struct echo_controls controls;
    struct weft_buf out;          /* answer bytes ready to be sent */
    uint64_t fill;                /* bytes still to be made up (size=) */
    uint64_t chunks, chunks_sent; /* stream= */
    uint64_t cut_after;           /* reset=body: bytes until the cut */
    bool started, hold, all_made, cutting, no_body;
    bool bad_frame;
    uint8_t frame[5], frame_have; /* gRPC framing, only to count and check */
    uint32_t frame_left;
    uint64_t messages;
};

struct echo_stream *echo_stream_new(struct echo_conn *c, const struct echo_stream_ops *ops,
                                    const char *proto);
/* Takes it off its connection and frees it once its timer is closed. */
void echo_stream_drop(struct echo_stream *s);
/* A field of head or trailer; pseudo-fields too. Sets too_large beyond the limits. */
void echo_stream_field(struct echo_stream *s, struct weft_slice name, struct weft_slice value);
struct echo_field echo_stream_field_at(const struct echo_stream *s, size_t i);
/* The value of the first field of that lower-case name, or an empty slice. */
struct weft_slice echo_stream_get(const struct echo_stream *s, const char *name);
/* The head is complete: method, path and host are set. */
void echo_stream_head(struct echo_stream *s);
void echo_stream_body(struct echo_stream *s, struct weft_slice data);
void echo_stream_end(struct echo_stream *s);

/* Answer bytes into buf: >0 bytes; 0 and *ret_end: that was all; 0: later, ops->wake tells. */
size_t echo_stream_read(struct echo_stream *s, char *buf, size_t max, bool *ret_end);
/* Writes the JSON report of a request. (report.c) */
void echo_report(struct echo_stream *s, struct weft_buf *out);
/* Trailers of the answer: fills up to 4 name/value pairs, returns how many. */
size_t echo_stream_trailers(struct echo_stream *s, struct weft_slice ret[][2], char scratch[32]);

/* ---- a connection (conn.c) ---- */

struct echo_proto {
    /* Bytes arrived; EOF: base NULL, len 0. */
    void (*on_read)(struct echo_conn *c, struct weft_slice data);
    void (*on_writable)(struct echo_conn *c); /* less than ECHO_HIGH is queued */
    void (*done)(struct echo_conn *c);        /* frees c->state */
};
extern const struct echo_proto echo_detect, echo_h1, echo_h2, echo_tcp;

struct echo_conn {
    struct echo_app *app;
    uv_tcp_t tcp;
    const struct echo_proto *proto;
    void *state;
    struct weft_list streams;
    struct weft_buf in; /* detection, and HTTP/1.1 bytes that wait */
    struct weft_buf pending, flying;
    uv_write_t write;
    bool writing, closing, close_when_sent, reading;
    char remote[64], local[64];
};

void echo_accept(uv_stream_t *listener, struct echo_app *app, const struct echo_proto *first);
/* Queues bytes; they go out at the end of the current step (echo_conn_flush). */
void echo_conn_write(struct echo_conn *c, struct weft_slice data);
void echo_conn_flush(struct echo_conn *c);
size_t echo_conn_backlog(const struct echo_conn *c);
void echo_conn_pause(struct echo_conn *c, bool pause);
/* At once, or when everything queued is sent. */
void echo_conn_close(struct echo_conn *c);
void echo_conn_close_sent(struct echo_conn *c);
/* By RST. */
void echo_conn_reset(struct echo_conn *c);
/* Hands the connection, with bytes already read, to another protocol. */
void echo_conn_become(struct echo_conn *c, const struct echo_proto *proto);
void echo_h1_init(struct echo_conn *c);
void echo_h2_init(struct echo_conn *c);

/* get.c: one request, and its answer on standard output. Returns the exit status. */
int echo_get(const char *url);
