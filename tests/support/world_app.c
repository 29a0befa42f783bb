/* SPDX-License-Identifier: Apache-2.0
 * Fake apps: a real HTTP server over a memory pipe, that follows a script and remembers what it was
 * asked. */
#include "support/world_internal.h"

struct app_request {
    struct app *a;
    struct weft_stream *s;
    enum app_act act;
    struct weft_buf body;
    bool answered, ended;
};

static void put(char **to, struct weft_slice s) {
    free(*to);
    *to = weft_slice_dup(s);
}

static void dump_fields(const struct weft_fields *f, char **to) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    for (uint32_t i = 0; i < f->n; i++)
        weft_buf_printf(&b, WEFT_SLICE_FMT ": " WEFT_SLICE_FMT "\n",
                        WEFT_SLICE_ARG(f->items[i].name), WEFT_SLICE_ARG(f->items[i].value));
    put(to, weft_buf_slice(&b));
    weft_buf_done(&b);
}

static void add_fields(struct weft_fields *f, const char *text) {
    struct weft_slice rest = weft_slice_str(text);
    while (rest.len) {
        struct weft_slice line = weft_slice_cut(&rest, '\n');
        struct weft_slice name = weft_slice_cut(&line, ':');
        weft_fields_add(f, name, weft_slice_trim(line));
    }
}

static void request_free(struct app_request *r) {
    if (r->a->held == r) r->a->held = NULL;
    weft_buf_done(&r->body);
    weft_stream_release(r->s);
    free(r);
}

static void answer(struct app_request *r, uint16_t status) {
    struct app *a = r->a;
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(r->s));
    h.status = status;
    struct weft_slice body =
        a->reply_body ? weft_slice_str(a->reply_body) : weft_buf_slice(&r->body);
    bool trailers = a->reply_trailers != NULL;
    h.framing = trailers ? WEFT_BODY_CHUNKED : WEFT_BODY_LENGTH;
    h.has_content_length = !trailers;
    h.content_length = body.len;
    add_fields(&h.fields, a->reply_fields ? a->reply_fields : "");
    r->answered = true;
    (void)weft_stream_head(r->s, &h, false);
    (void)weft_stream_data(r->s, body);
    struct weft_fields t;
    weft_fields_init(&t, weft_stream_arena(r->s));
    if (trailers) add_fields(&t, a->reply_trailers);
    (void)weft_stream_end(r->s, trailers ? &t : NULL);
    if (a->close_after) weft_server_conn_drain(weft_server_conn_of(r->s));
    if (r->ended) request_free(r);
}

static void interim(struct app_request *r, uint16_t status) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(r->s));
    h.status = status;
    (void)weft_stream_head(r->s, &h, false);
}

static void cut(struct app_request *r, enum weft_status why) {
    struct weft_stream *s = r->s;
    weft_stream_reset(s, why);
    r->ended = true;
    request_free(r);
}

static void half_then_cut(struct app_request *r) {
    struct weft_head h;
    weft_head_init(&h, weft_stream_arena(r->s));
    h.status = 200;
    h.framing = WEFT_BODY_LENGTH;
    h.has_content_length = true;
    h.content_length = 1000;
    (void)weft_stream_head(r->s, &h, false);
    (void)weft_stream_data(r->s, WEFT_SLICE_LIT("half"));
    r->a->held = r; /* the test cuts it by world_app_answer(a, 0) */
}

static void act(struct app_request *r) {
    switch (r->act) {
    case ACT_EARLY:
        if (r->answered) request_free(r);
        return;
    case ACT_HOLD:
        r->a->held = r;
        return;
    case ACT_RESET:
        cut(r, WEFT_INTERNAL);
        return;
    case ACT_REFUSE:
        cut(r, WEFT_REFUSED);
        return;
    case ACT_HEAD_ONLY_THEN_RESET:
        half_then_cut(r);
        return;
    case ACT_500:
        answer(r, 500);
        return;
    case ACT_503:
        answer(r, 503);
        return;
    default:
        answer(r, 200);
    }
}

static void on_data(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct app_request *)ud)->body, data);
}
static void on_trailers(void *ud, struct weft_fields *t) {
    dump_fields(t, &((struct app_request *)ud)->a->seen.trailers);
}
static void on_end(void *ud) {
    struct app_request *r = ud;
    r->ended = true;
    put(&r->a->seen.body, weft_buf_slice(&r->body));
    act(r);
}
static void on_reset(void *ud, struct weft_reset reset) {
    request_free(ud);
}
static const struct weft_stream_cb stream_cb = {
    .on_data = on_data, .on_trailers = on_trailers, .on_end = on_end, .on_reset = on_reset};

static void remember(struct app *a, const struct weft_head *h) {
    struct app_seen *s = &a->seen;
    snprintf(s->method, sizeof s->method, WEFT_SLICE_FMT, WEFT_SLICE_ARG(h->method));
    snprintf(s->path, sizeof s->path, WEFT_SLICE_FMT, WEFT_SLICE_ARG(h->path));
    snprintf(s->authority, sizeof s->authority, WEFT_SLICE_FMT, WEFT_SLICE_ARG(h->authority));
    snprintf(s->protocol, sizeof s->protocol, "%s",
             h->version == WEFT_HTTP_2    ? "h2"
             : h->version == WEFT_HTTP_10 ? "h1.0"
                                          : "h1");
    s->has_length = h->has_content_length;
    s->chunked = h->framing == WEFT_BODY_CHUNKED;
    s->te_trailers = h->te_trailers;
    dump_fields(&h->fields, &s->fields);
    put(&s->body, WEFT_SLICE_EMPTY);
    put(&s->trailers, WEFT_SLICE_EMPTY);
}

static void on_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct app *a = ud;
    struct app_request *r = weft_new0(struct app_request);
    r->a = a;
    r->s = s;
    weft_buf_init(&r->body, 0);
    r->act = a->hold_all ? ACT_HOLD : a->requests < a->n_script ? a->script[a->requests] : ACT_OK;
    a->requests++;
    remember(a, head);
    weft_stream_set_cb(s, &stream_cb, r);
    if (r->act == ACT_HINTS) interim(r, 103);
    if (r->act == ACT_CONTINUE) interim(r, 100);
    r->ended = end;
    if (r->act == ACT_EARLY)
        answer(r, 200);
    else if (end)
        act(r);
}

static void on_closed(void *ud, struct weft_server_conn *c) {
    struct app *a = ud;
    for (size_t i = 0; i < WEFT_LEN(a->conns); i++)
        if (a->conns[i] == c) a->conns[i] = NULL;
    a->ended++;
}

static const struct weft_server_cb server_cb = {.on_request = on_request, .on_closed = on_closed};

/* ---- raw apps ---- */

static void raw_read(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct app *)ud)->raw_in, data);
}
static void raw_eof(void *ud) {
    ((struct app *)ud)->raw_eof = true;
}
static const struct weft_xport_cb raw_cb = {.on_read = raw_read, .on_eof = raw_eof};

void world_app_send(struct app *a, const char *bytes) {
    weft_xport_write(a->raw, weft_slice_str(bytes));
    world_settle(a->w);
}

/* ---- dialling ---- */

void world_app_accept(struct app *a, struct weft_xport *x) {
    struct weft_server_options opt = {.h2 = a->h2, .limits = weft_codec_limits_default()};
    a->dials++;
    switch (a->mode) {
    case APP_REFUSE:
        weft_xport_abort(x);
        return;
    case APP_RAW:
        if (a->raw) weft_xport_close(a->raw);
        a->raw = x;
        weft_xport_set_cb(x, &raw_cb, a);
        weft_xport_read_start(x);
        return;
    case APP_PROXY:
        proxy_inbound_accept(a->proxy, x, -1);
        return;
    default:
        break;
    }
    for (size_t i = 0; i < WEFT_LEN(a->conns); i++) {
        if (a->conns[i]) continue;
        a->conns[i] = weft_server_conn_new(x, &opt, &server_cb, a);
        return;
    }
    fail_msg("an app has too many connections");
}

void world_app_close(struct app *a) {
    for (size_t i = 0; i < WEFT_LEN(a->conns); i++)
        if (a->conns[i]) weft_server_conn_close(a->conns[i]);
    if (a->raw) weft_xport_close(a->raw);
    a->raw = NULL;
}

void world_app_done(struct app *a) {
    free(a->seen.fields);
    free(a->seen.body);
    free(a->seen.trailers);
    weft_buf_done(&a->raw_in);
}

struct app *world_app(struct world *w, const char *addr) {
    struct weft_addr at;
    assert_true(weft_addr_parse(weft_slice_str(addr), &at));
    for (int i = 0; i < w->n_apps; i++)
        if (weft_addr_eq(&w->apps[i].addr, &at)) return &w->apps[i];
    struct app *a = &w->apps[w->n_apps++];
    *a = (struct app){.w = w, .addr = at};
    weft_buf_init(&a->raw_in, 0);
    return a;
}

void world_app_answer(struct app *a, uint16_t status) {
    assert_non_null(a->held);
    if (status)
        answer(a->held, status);
    else
        cut(a->held, WEFT_INTERNAL);
    world_settle(a->w);
}

const char *world_app_field(struct app *a, const char *name) {
    static char value[1024];
    struct weft_slice rest = weft_slice_str(a->seen.fields);
    while (rest.len) {
        struct weft_slice line = weft_slice_cut(&rest, '\n');
        struct weft_slice key = weft_slice_cut(&line, ':');
        if (!weft_slice_is(key, name)) continue;
        snprintf(value, sizeof value, WEFT_SLICE_FMT, WEFT_SLICE_ARG(weft_slice_trim(line)));
        return value;
    }
    return NULL;
}
