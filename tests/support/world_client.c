/* SPDX-License-Identifier: Apache-2.0
 * Clients of the test world: one that speaks in bytes, one that speaks HTTP/2. */
#include "support/world_internal.h"

#include <string.h>

#include <weft/conn/pool.h>

/* ---- bytes ---- */

static void on_read(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct client *)ud)->in, data);
}
static void on_eof(void *ud) {
    ((struct client *)ud)->eof = true;
}
static void on_error(void *ud, enum weft_status st) {
    ((struct client *)ud)->broken = true;
}
static const struct weft_xport_cb client_cb = {
    .on_read = on_read, .on_eof = on_eof, .on_error = on_error};

static struct world *world_of(struct proxy_worker *to) {
    return to->hooks.ud;
}

struct client *world_connect_to(struct proxy_worker *to, enum proxy_dir dir, const char *dst) {
    struct world *w = world_of(to);
    struct client *c = weft_new0(struct client);
    struct weft_xport *server;
    c->w = w;
    c->x = world_pipe(w, dst, &server);
    weft_buf_init(&c->in, 0);
    w->clients[w->n_clients++] = c;
    weft_xport_set_cb(c->x, &client_cb, c);
    weft_xport_read_start(c->x);
    if (dir == PROXY_OUTBOUND)
        proxy_outbound_accept(to, server, -1);
    else
        proxy_inbound_accept(to, server, -1);
    world_settle(w);
    return c;
}

struct client *world_connect(struct world *w, const char *dst) {
    return world_connect_to(w->proxy, PROXY_OUTBOUND, dst);
}

void client_send(struct client *c, const char *text) {
    weft_xport_write(c->x, weft_slice_str(text));
    world_settle(c->w);
}

void client_close(struct client *c) {
    if (c->x) weft_xport_close(c->x);
    c->x = NULL;
    world_settle(c->w);
}

void client_abort(struct client *c) {
    if (c->x) weft_xport_abort(c->x);
    c->x = NULL;
    world_settle(c->w);
}

const char *client_text(struct client *c) {
    (void)weft_buf_char(&c->in, 0);
    c->in.len--;
    return weft_buf_slice(&c->in).base;
}

const char *client_ask(struct client *c, const char *text) {
    weft_buf_clear(&c->in);
    client_send(c, text);
    return client_text(c);
}

void world_assert_has(const char *text, const char *part, bool yes, const char *file, int line) {
    bool has = text && strstr(text, part) != NULL;
    if (has == yes) return;
    print_error("%s:%d: %s \"%s\" in:\n%s\n", file, line, yes ? "missing" : "unexpected", part,
                text ? text : "(nothing)");
    fail();
}

/* ---- HTTP/2 ---- */

static void dump(const struct weft_fields *f, char **to) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    for (uint32_t i = 0; i < f->n; i++)
        weft_buf_printf(&b, WEFT_SLICE_FMT ": " WEFT_SLICE_FMT "\n",
                        WEFT_SLICE_ARG(f->items[i].name), WEFT_SLICE_ARG(f->items[i].value));
    *to = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
}

static void call_head(void *ud, struct weft_head *head, bool end) {
    struct h2_call *c = ud;
    c->status = head->status;
    c->ended = end;
    dump(&head->fields, &c->fields);
}
static void call_data(void *ud, struct weft_slice data) {
    (void)weft_buf_append(&((struct h2_call *)ud)->body, data);
}
static void call_trailers(void *ud, struct weft_fields *t) {
    dump(t, &((struct h2_call *)ud)->trailers);
}
static void call_end(void *ud) {
    ((struct h2_call *)ud)->ended = true;
}
static void call_reset(void *ud, struct weft_reset r) {
    ((struct h2_call *)ud)->reset = true;
}
static const struct weft_stream_cb call_cb = {.on_head = call_head,
                                              .on_data = call_data,
                                              .on_trailers = call_trailers,
                                              .on_end = call_end,
                                              .on_reset = call_reset};

static void conn_closed(void *ud) {
    *(struct weft_client_conn **)ud = NULL;
}

struct weft_client_conn *world_connect_h2(struct proxy_worker *to, enum proxy_dir dir,
                                          const char *dst) {
    struct world *w = world_of(to);
    struct weft_xport *server, *x = world_pipe(w, dst, &server);
    struct weft_codec_limits limits = weft_codec_limits_default();
    struct weft_client_conn **slot = &w->h2_conns[w->n_h2++];
    *slot = weft_client_conn_new(x, true, &limits, conn_closed, slot);
    if (dir == PROXY_OUTBOUND)
        proxy_outbound_accept(to, server, -1);
    else
        proxy_inbound_accept(to, server, -1);
    world_settle(w);
    return *slot;
}

void world_call(struct weft_client_conn *c, const char *method, const char *path,
                const char *fields, const char *body, struct h2_call *ret) {
    struct weft_arena a;
    struct weft_head h;
    *ret = (struct h2_call){0};
    weft_buf_init(&ret->body, 0);
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = weft_slice_str(method);
    h.scheme = WEFT_SLICE_LIT("http");
    h.authority = WEFT_SLICE_LIT("web");
    h.path = weft_slice_str(path);
    h.version = WEFT_HTTP_2;
    h.framing = body ? WEFT_BODY_CHUNKED : WEFT_BODY_NONE;
    struct weft_slice rest = weft_slice_str(fields);
    while (rest.len) {
        struct weft_slice line = weft_slice_cut(&rest, '\n');
        struct weft_slice name = weft_slice_cut(&line, ':');
        if (weft_slice_is(name, "te"))
            h.te_trailers = true;
        else
            weft_fields_add(&h.fields, name, weft_slice_trim(line));
    }
    ret->s = weft_client_conn_request(c, &h, body == NULL, &call_cb, ret);
    assert_non_null(ret->s);
    if (body) {
        (void)weft_stream_data(ret->s, weft_slice_str(body));
        (void)weft_stream_end(ret->s, NULL);
    }
    weft_arena_done(&a);
}

void world_call_done(struct h2_call *c) {
    weft_stream_release(c->s);
    weft_buf_done(&c->body);
    free(c->fields);
    free(c->trailers);
}

/* ---- the end ---- */

void world_clients_close(struct world *w) {
    for (int i = 0; i < w->n_clients; i++) {
        if (w->clients[i]->x) weft_xport_abort(w->clients[i]->x);
        w->clients[i]->x = NULL;
    }
    for (int i = 0; i < w->n_h2; i++)
        if (w->h2_conns[i]) weft_client_conn_close(w->h2_conns[i]);
}

void world_clients_done(struct world *w) {
    for (int i = 0; i < w->n_clients; i++) {
        weft_buf_done(&w->clients[i]->in);
        free(w->clients[i]);
    }
}
