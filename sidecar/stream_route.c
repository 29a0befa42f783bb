/* SPDX-License-Identifier: Apache-2.0
 * What a request falls under: the Destination in force now, a rule of it, its filters, one of its
 * backends (REQ-045). Every way out is an attempt or an answer with a reason. */
#include <sidecar/stream.h>

#include <sidecar/mirror.h>
#include <weft/http/path.h>

static void on_request_timeout(void *arg) {
    struct proxy_exchange *x = WEFT_CAST(proxy_exchange, arg);
    proxy_series_add(proxy_exchange_series(x), PROXY_SERIES_TIMEOUT_REQUEST, 1);
    proxy_exchange_reply(x, WEFT_REASON_REQUEST_TIMEOUT, WEFT_SLICE_EMPTY);
}

static void start_clock(struct proxy_exchange *x, const struct weft_rule *r) {
    if (!r->request_timeout_us) return;
    x->request_timer.fn = on_request_timeout;
    weft_timer_start(&x->request_timer, r->request_timeout_us);
}

static void on_mirror(void *ud, const struct weft_mirror *m, const struct weft_head *request) {
    proxy_mirror_start(WEFT_CAST(proxy_exchange, ud), m, request);
}

/* As the caller wrote it: filters may change the fields after this. */
static void take_cors(struct proxy_exchange *x) {
    struct weft_cors_request *r = weft_arena_alloc(x->req->fields.arena, sizeof *r);
    if (r) weft_cors_request_take(x->req, r);
    x->cors = r;
}

/* False: answered. */
static bool run_filters(struct proxy_exchange *x, const struct weft_filter *filters, uint32_t n) {
    if (!n) return true;
    if (!x->cors && weft_filters_want_cors(filters, n)) take_cors(x);
    struct weft_filter_input in = {
        .match = x->match.match,
        .listener_port = x->bound->bound->dest->port,
        .original_path = x->path,
        .original_authority = x->authority,
        .cors = x->cors,
        .on_mirror = on_mirror,
        .ud = x,
    };
    struct weft_head reply;
    struct weft_slice invalid = WEFT_SLICE_EMPTY;
    weft_head_init(&reply, x->req->fields.arena);
    switch (weft_filters_request(filters, n, &in, x->req, &reply, &invalid)) {
    case WEFT_FILTER_GO_ON:
        return true;
    case WEFT_FILTER_REPLY:
        proxy_exchange_answer(x, reply.status < 300 ? WEFT_REASON_PREFLIGHT : WEFT_REASON_REDIRECT,
                              &reply, WEFT_SLICE_EMPTY);
        return false;
    case WEFT_FILTER_FAIL:
        break;
    }
    proxy_exchange_reply(x, WEFT_REASON_INVALID_FILTER, invalid);
    return false;
}

static void choose_app(struct proxy_exchange *x) {
    x->app = proxy_app_version(x->be->protocol, x->app);
    if (x->app == WEFT_HTTP_2) x->req->upgrade = WEFT_SLICE_EMPTY; /* it has none */
}

static void to_backend(struct proxy_exchange *x, const struct weft_backend *be, int index) {
    x->be = be;
    x->backend = index;
    if (be->invalid.len || be->endpoints == WEFT_NO_ENDPOINTS) {
        proxy_exchange_reply(x, WEFT_REASON_INVALID_BACKEND, be->invalid);
        return;
    }
    if (!run_filters(x, be->filters, be->n_filters)) return;
    choose_app(x);
    x->eps = x->bound->bound->endpoints[be->endpoints];
    proxy_exchange_connect(x);
}

static void to_rule(struct proxy_exchange *x) {
    const struct weft_rule *r = x->match.rule;
    x->rule = (int)(r - x->bound->bound->dest->rules);
    start_clock(x, r);
    if (r->invalid.len) {
        proxy_exchange_reply(x, WEFT_REASON_INVALID_RULE, r->invalid);
        return;
    }
    if (!run_filters(x, r->filters, r->n_filters)) return;
    int i = weft_split_next(&x->bound->splits[x->rule], r);
    if (i < 0)
        proxy_exchange_reply(x, WEFT_REASON_NO_BACKEND, WEFT_SLICE_EMPTY);
    else
        to_backend(x, &r->backends[i], i);
}

/* Only where routes decide by it: what was matched is what is sent. */
static bool normalize(struct proxy_exchange *x) {
    enum weft_reason bad = weft_path_normalize(x->req->path, x->w->opt->allow_encoded_slashes,
                                               x->req->fields.arena, &x->req->path);
    if (bad == WEFT_REASON_NONE) {
        x->path = x->req->path;
        return true;
    }
    proxy_exchange_reply(x, bad, WEFT_SLICE_EMPTY);
    return false;
}

static void match(struct proxy_exchange *x) {
    const struct weft_destination *d = x->bound->bound->dest;
    if (d->routes == WEFT_ROUTES_GRPC && !x->grpc) { /* REQ-129 */
        proxy_exchange_reply(x, WEFT_REASON_NO_ROUTE,
                             WEFT_SLICE_LIT("a GRPCRoute rules this port, and the request is not "
                                            "gRPC by its content-type"));
        return;
    }
    if (!normalize(x)) return;
    weft_match(d, x->req, x->req->fields.arena, &x->match);
    if (x->match.regex_limit)
        proxy_exchange_reply(x, WEFT_REASON_REGEX_LIMIT, WEFT_SLICE_EMPTY);
    else if (!x->match.rule)
        proxy_exchange_reply(x, WEFT_REASON_NO_ROUTE, weft_slice_str(x->bound->service));
    else
        to_rule(x);
}

void proxy_exchange_route(struct proxy_exchange *x) {
    struct proxy_conn *c = x->conn;
    if (c->direct) {
        proxy_exchange_connect(x);
        return;
    }
    if (!c->dest->cur) { /* the Service went away under a kept connection */
        proxy_exchange_reply(x, WEFT_REASON_NO_CONFIG, WEFT_SLICE_EMPTY);
        return;
    }
    const struct weft_destination *d = c->dest->cur->bound->dest;
    if (d->kind == WEFT_DEST_NONE) { /* no longer one of ours: where the caller wanted to go */
        proxy_exchange_connect(x);
        return;
    }
    x->bound = proxy_bound_ref(c->dest->cur);
    c->dest->used_us = weft_loop_now_us(x->w->loop);
    if (d->routes != WEFT_ROUTES_NONE)
        match(x);
    else
        to_backend(x, &d->default_backend, 0);
}
