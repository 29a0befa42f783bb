/* SPDX-License-Identifier: Apache-2.0
 * One gRPC call over one HTTP/2 stream. Both ends share the framing (five bytes, then the message)
 * and the rule that the user may free the call inside any of its callbacks. */
#include <weft/conn/grpc_call.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/http/grpc_frame.h>

#define weft_grpc_call_MAGIC 0x47525043u
enum { MAX_TEXT = 1024 }; /* bytes of grpc-message that are sent or kept */

struct weft_grpc_call {
    WEFT_OBJ;
    struct weft_stream *stream; /* NULL once it is over */
    bool server;
    bool head_sent;  /* method's end */
    bool finished;   /* on_end was called, or finish() */
    bool in_ended;   /* the other side said all it will */
    bool freed;      /* by the user; the memory goes when neither callback nor stream needs it */
    uint32_t depth;  /* callbacks of ours on the C stack */
    uint16_t http;   /* caller's end: status of the response head */
    uint32_t status; /* ... and grpc-status, UINT32_MAX until seen */
    struct weft_buf text; /* ... and grpc-message */
    struct weft_grpc_reader in;
    struct weft_grpc_cb cb;
    void *ud;
};

static void send_trailers(struct weft_stream *s, bool head_sent, uint32_t status,
                          struct weft_slice text);

/* === entering and leaving callbacks === */

static struct weft_grpc_call *enter(void *ud) {
    struct weft_grpc_call *c = WEFT_CAST(weft_grpc_call, ud);
    c->depth++;
    return c;
}

static void destroy(struct weft_grpc_call *c) {
    weft_grpc_reader_done(&c->in);
    weft_buf_done(&c->text);
    WEFT_OBJ_DONE(c);
    free(c);
}

static void leave(struct weft_grpc_call *c) {
    if (--c->depth == 0 && c->freed && !c->stream) destroy(c);
}

static void drop_stream(struct weft_grpc_call *c) {
    struct weft_stream *s = weft_take(&c->stream);
    if (s) weft_stream_release(s);
}

static void end(struct weft_grpc_call *c, uint32_t status, struct weft_slice text) {
    if (c->finished || c->freed) return;
    c->finished = true;
    if (!c->server) drop_stream(c); /* a method's stream goes with the call, perhaps later */
    c->cb.on_end(c->ud, status, text);
}

/* The other side broke the rules: tell it, then our user. */
static void broken(struct weft_grpc_call *c, uint32_t status, const char *text) {
    if (c->server && c->stream)
        send_trailers(c->stream, c->head_sent, status, weft_slice_str(text));
    else if (c->stream)
        weft_stream_reset(c->stream, WEFT_CANCELED);
    end(c, status, weft_slice_str(text));
}

/* === incoming === */

static const char *refusal_of(enum weft_status st) {
    return st == WEFT_LIMIT         ? "the message is too large"
           : st == WEFT_UNSUPPORTED ? "compressed messages are not supported"
                                    : "the message framing is broken";
}

static void on_data(void *ud, struct weft_slice data) {
    struct weft_grpc_call *c = enter(ud);
    enum weft_status st = WEFT_OK;
    struct weft_slice message;
    while (!c->freed && !c->finished &&
           (st = weft_grpc_reader_next(&c->in, &data, &message)) == WEFT_OK)
        c->cb.on_message(c->ud, message);
    if (st != WEFT_OK && st != WEFT_AGAIN)
        broken(c, st == WEFT_LIMIT ? WEFT_GRPC_RESOURCE_EXHAUSTED : WEFT_GRPC_UNIMPLEMENTED,
               refusal_of(st));
    leave(c);
}

static void note_status(struct weft_grpc_call *c, const struct weft_fields *f) {
    const struct weft_field *status = weft_fields_token(f, WEFT_TOKEN_GRPC_STATUS);
    const struct weft_field *text = weft_fields_token(f, WEFT_TOKEN_GRPC_MESSAGE);
    uint64_t n;
    if (status && weft_slice_u64(status->value, UINT32_MAX - 1, &n)) c->status = (uint32_t)n;
    if (!text) return;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_slice plain = weft_grpc_message_decode(&a, weft_slice_head(text->value, MAX_TEXT));
    weft_buf_clear(&c->text);
    (void)weft_buf_append(&c->text, plain);
    weft_arena_done(&a);
}

static void response_over(struct weft_grpc_call *c) {
    if (c->http != 200)
        end(c, WEFT_GRPC_UNAVAILABLE, WEFT_SLICE_LIT("the answer is not a gRPC response"));
    else if (c->status == UINT32_MAX)
        end(c, WEFT_GRPC_UNKNOWN, WEFT_SLICE_LIT("the response has no grpc-status"));
    else
        end(c, c->status, weft_buf_slice(&c->text));
}

static void on_head(void *ud, struct weft_head *head, bool ended) {
    struct weft_grpc_call *c = enter(ud);
    c->http = head->status;
    note_status(c, &head->fields);
    c->in_ended = ended;
    if (ended)
        response_over(c);
    else if (c->http == 200 && c->cb.on_open)
        c->cb.on_open(c->ud);
    leave(c);
}

static void on_trailers(void *ud, struct weft_fields *trailers) {
    struct weft_grpc_call *c = enter(ud);
    note_status(c, trailers);
    leave(c);
}

static void on_end(void *ud) {
    struct weft_grpc_call *c = enter(ud);
    c->in_ended = true;
    if (c->freed)
        drop_stream(c); /* answered before; now nothing is cut off */
    else if (!c->server)
        response_over(c);
    else if (weft_grpc_reader_partial(&c->in))
        broken(c, WEFT_GRPC_INVALID_ARGUMENT, "the request ends inside a message");
    else if (c->cb.on_half_close && !c->finished)
        c->cb.on_half_close(c->ud);
    leave(c);
}

static void on_reset(void *ud, struct weft_reset reset) {
    struct weft_grpc_call *c = enter(ud);
    end(c, c->server ? WEFT_GRPC_CANCELLED : WEFT_GRPC_UNAVAILABLE,
        weft_slice_str(weft_status_text(reset.status)));
    drop_stream(c);
    leave(c);
}

static void on_writable(void *ud) {
    struct weft_grpc_call *c = enter(ud);
    if (c->cb.on_writable && !c->finished) c->cb.on_writable(c->ud);
    leave(c);
}

static const struct weft_stream_cb stream_cb = {
    .on_head = on_head,
    .on_data = on_data,
    .on_trailers = on_trailers,
    .on_end = on_end,
    .on_reset = on_reset,
    .on_writable = on_writable,
};

/* === outgoing === */

static struct weft_grpc_call *call_new(bool server, uint32_t max_message,
                                       const struct weft_grpc_cb *cb, void *ud) {
    struct weft_grpc_call *c = weft_new0(struct weft_grpc_call);
    WEFT_OBJ_INIT(weft_grpc_call, c);
    c->server = server;
    c->status = UINT32_MAX;
    c->cb = *cb;
    c->ud = ud;
    weft_grpc_reader_init(&c->in, max_message);
    weft_buf_init(&c->text, 0);
    return c;
}

static void request_head(struct weft_head *h, struct weft_arena *a,
                         const struct weft_grpc_request *r) {
    weft_head_init(h, a);
    h->method = WEFT_SLICE_LIT("POST");
    h->scheme = WEFT_SLICE_LIT("https");
    h->authority = r->authority;
    h->path = r->path;
    h->version = WEFT_HTTP_2;
    h->framing = WEFT_BODY_CHUNKED;
    h->te_trailers = true;
    (void)weft_fields_add(&h->fields, WEFT_SLICE_LIT("content-type"),
                          WEFT_SLICE_LIT("application/grpc"));
    (void)weft_fields_add(&h->fields, WEFT_SLICE_LIT("user-agent"),
                          WEFT_SLICE_LIT("weft/" WEFT_VERSION));
    if (r->authorization.len)
        (void)weft_fields_add(&h->fields, WEFT_SLICE_LIT("authorization"), r->authorization);
}

struct weft_grpc_call *weft_grpc_call_new(struct weft_client_conn *conn,
                                          const struct weft_grpc_request *r,
                                          const struct weft_grpc_cb *cb, void *ud) {
    struct weft_grpc_call *c = call_new(false, r->max_message, cb, ud);
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head head;
    request_head(&head, &a, r);
    c->stream = weft_client_conn_request(conn, &head, false, &stream_cb, c);
    weft_arena_done(&a);
    return c->stream ? c : weft_grpc_call_free(c);
}

bool weft_grpc_is_call(const struct weft_head *head) {
    return weft_slice_is(head->method, "POST") && weft_head_is_grpc(head);
}

struct weft_grpc_call *weft_grpc_call_accept(struct weft_stream *s, bool end_seen,
                                             uint32_t max_message, const struct weft_grpc_cb *cb,
                                             void *ud) {
    struct weft_grpc_call *c = call_new(true, max_message, cb, ud);
    c->stream = s;
    c->in_ended = end_seen;
    weft_stream_set_cb(s, &stream_cb, c);
    return c;
}

static void response_head(struct weft_head *h, struct weft_arena *a) {
    weft_head_init(h, a);
    h->status = 200;
    h->version = WEFT_HTTP_2;
    h->framing = WEFT_BODY_CHUNKED;
    (void)weft_fields_add(&h->fields, WEFT_SLICE_LIT("content-type"),
                          WEFT_SLICE_LIT("application/grpc"));
}

static void send_head(struct weft_grpc_call *c) {
    if (!c->server || c->head_sent) return;
    c->head_sent = true;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_head head;
    response_head(&head, &a);
    (void)weft_stream_head(c->stream, &head, false);
    weft_arena_done(&a);
}

void weft_grpc_call_open(struct weft_grpc_call *c) {
    if (c->stream && !c->finished) send_head(c);
}

static void add_status(struct weft_fields *f, struct weft_arena *a, uint32_t status,
                       struct weft_slice text) {
    text = weft_slice_trim(weft_slice_head(text, MAX_TEXT)); /* RFC 9113 8.2.1 */
    (void)weft_fields_add(f, WEFT_SLICE_LIT("grpc-status"), weft_arena_printf(a, "%u", status));
    if (text.len)
        (void)weft_fields_add(f, WEFT_SLICE_LIT("grpc-message"), weft_grpc_message_encode(a, text));
}

static void send_trailers(struct weft_stream *s, bool head_sent, uint32_t status,
                          struct weft_slice text) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    if (head_sent) {
        struct weft_fields trailers;
        weft_fields_init(&trailers, &a);
        add_status(&trailers, &a, status, text);
        (void)weft_stream_end(s, &trailers);
    } else {
        struct weft_head head;
        response_head(&head, &a);
        head.framing = WEFT_BODY_NONE;
        add_status(&head.fields, &a, status, text);
        (void)weft_stream_head(s, &head, true);
    }
    weft_arena_done(&a);
}

void weft_grpc_refuse(struct weft_stream *s, bool end_seen, uint32_t status,
                      struct weft_slice text) {
    static const struct weft_grpc_cb nobody = {0}; /* freed at once: none is called */
    struct weft_grpc_call *c = weft_grpc_call_accept(s, end_seen, 0, &nobody, NULL);
    weft_grpc_call_finish(c, status, text);
    weft_grpc_call_free(c);
}

void weft_grpc_call_finish(struct weft_grpc_call *c, uint32_t status, struct weft_slice text) {
    if (c->finished) return;
    c->finished = true;
    if (c->stream) send_trailers(c->stream, c->head_sent, status, text);
}

enum weft_status weft_grpc_call_send(struct weft_grpc_call *c, struct weft_slice message) {
    if (!c->stream || c->finished) return WEFT_CLOSED;
    if (message.len > UINT32_MAX) return WEFT_LIMIT;
    send_head(c);
    uint32_t n = (uint32_t)message.len;
    uint8_t prefix[WEFT_GRPC_PREFIX];
    weft_grpc_prefix(n, prefix);
    enum weft_status a =
        weft_stream_data(c->stream, weft_slice((const char *)prefix, sizeof prefix));
    enum weft_status b = message.len ? weft_stream_data(c->stream, message) : WEFT_OK;
    return a == WEFT_AGAIN || b == WEFT_AGAIN ? WEFT_AGAIN : b == WEFT_OK ? a : b;
}

void weft_grpc_call_half_close(struct weft_grpc_call *c) {
    if (c->stream && !c->server) (void)weft_stream_end(c->stream, NULL);
}

void weft_grpc_call_pause(struct weft_grpc_call *c) {
    if (c->stream) weft_stream_pause(c->stream);
}
void weft_grpc_call_resume(struct weft_grpc_call *c) {
    if (c->stream) weft_stream_resume(c->stream);
}

struct weft_grpc_call *weft_grpc_call_free(struct weft_grpc_call *c) {
    if (!c || c->freed) return NULL;
    c->freed = true;
    bool linger = c->server && c->finished && !c->in_ended; /* releasing now would reset it */
    if (!linger) drop_stream(c);
    if (c->depth == 0 && !c->stream) destroy(c);
    return NULL;
}
