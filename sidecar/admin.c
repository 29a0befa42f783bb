/* SPDX-License-Identifier: Apache-2.0
 * Three ports, one table: the admin port (loopback) serves everything, the metrics port /metrics,
 * the readiness port /ready. Answers are made whole; none is large or slow to make, but one has to
 * be asked of the workers. */
#include <sidecar/admin.h>

#include <weft/base/alloc.h>
#include <weft/conn/crowd.h>
#include <weft/conn/server.h>
#include <weft/obs/log.h>

enum { ON_ADMIN = 1, ON_METRICS = 2, ON_READY = 4, MAX_PORTS = 5, IDLE_US = 60000000 };

struct port {
    struct proxy_admin *a;
    struct weft_listener *ln;
    unsigned kind;
};
struct admin_conn {
    struct weft_crowd_member member;
    struct port *port;
    struct weft_server_conn *c;
};
struct proxy_admin {
    struct weft_loop *loop;
    struct proxy_admin_source src;
    struct port ports[MAX_PORTS];
    size_t n_ports;
    uint64_t write_timeout_us;
    struct weft_crowd conns;
    bool freeing;
};

struct answer {
    uint16_t status;
    const char *type, *allow;
    struct weft_buf body;
};

/* ---- pages ---- */

static void ready(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    bool yes = a->src.ready(a->src.ud);
    r->status = yes ? 200 : 503;
    weft_buf_str(&r->body, yes ? "ready\n" : "not ready\n");
}

static void metrics(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    r->type = "text/plain; version=0.0.4; charset=utf-8";
    a->src.metrics(a->src.ud, &r->body);
}

static void config_dump(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    WEFT_FREE char *text = a->src.config_dump(a->src.ud);
    r->type = "application/json";
    weft_buf_str(&r->body, text);
}

static void stats(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    struct proxy_stats_query q;
    if (proxy_stats_query_parse(query, &q) != WEFT_OK) {
        r->status = 400;
        weft_buf_str(&r->body, "use /stats?filter=TEXT&all&format=json\n");
        return;
    }
    if (q.json) r->type = "application/json";
    a->src.stats(a->src.ud, &q, &r->body);
}

/* One "what=value" of the query; false: nobody knows it. */
static bool set_logging(struct proxy_admin *a, struct weft_slice what, struct weft_slice value) {
    WEFT_FREE char *word = weft_slice_dup(value);
    enum proxy_log_mode mode;
    if (weft_slice_is(what, "level")) return weft_log_set_level(word) == WEFT_OK;
    if (!weft_slice_is(what, "access") || !proxy_log_mode_from(word, &mode)) return false;
    a->src.set_access_log(a->src.ud, mode);
    return true;
}

static void logging(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    while (query.len) {
        struct weft_slice value = weft_slice_cut(&query, '&'), what = weft_slice_cut(&value, '=');
        if (set_logging(a, what, value)) continue;
        r->status = 400;
        weft_buf_str(&r->body, "use POST /logging?level=error, warn, info or debug, "
                               "?access=off, errors or all\n");
        return;
    }
    weft_buf_printf(&r->body, "level: %s\naccess: %s\n", levels[weft_log_level()],
                    proxy_log_mode_word(a->src.access_log(a->src.ud)));
}

static void live(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    weft_buf_str(&r->body, "live\n");
}

static void drain(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    a->src.drain(a->src.ud);
    weft_buf_str(&r->body, "draining: what is in flight is finished, then the proxy ends\n");
}

static void home(struct proxy_admin *a, struct weft_slice query, struct answer *r);
#define ENDPOINTS "/endpoints"

enum { READ = 1, CHANGE = 2 }; /* GET and HEAD; POST */

static const struct {
    const char *path;
    unsigned on, methods;
    void (*fn)(struct proxy_admin *a, struct weft_slice query, struct answer *r);
    const char *help;
} pages[] = {
    {"/", ON_ADMIN, READ, home, "this list"},
    {"/live", ON_ADMIN | ON_READY, READ, live, "200 while the main thread runs"},
    {"/ready", ON_ADMIN | ON_READY, READ, ready, "200 when configured and not draining, else 503"},
    {"/metrics", ON_ADMIN | ON_METRICS, READ, metrics, "Prometheus text"},
    {"/stats", ON_ADMIN, READ, stats,
     "the same for people: what is not 0; ?filter=TEXT, ?all, ?format=json"},
    {"/config_dump", ON_ADMIN, READ, config_dump, "all resources in force, sorted JSON"},
    {ENDPOINTS, ON_ADMIN, READ, NULL, "what the workers know of endpoints, sorted JSON"},
    {"/logging", ON_ADMIN, READ | CHANGE, logging,
     "log level and access log; POST ?level=error|warn|info|debug, ?access=off|errors|all"},
    {"/drain", ON_ADMIN, CHANGE, drain,
     "POST: finishes what is in flight, then ends, as SIGTERM does"},
    {"/quitquitquit", ON_ADMIN, CHANGE, drain, "POST: the same, by the name that Jobs know"},
};

static void list_pages(unsigned on, struct weft_buf *out) {
    for (size_t i = 0; i < WEFT_LEN(pages); i++)
        if (pages[i].on & on) weft_buf_printf(out, "%-14s %s\n", pages[i].path, pages[i].help);
}

static void home(struct proxy_admin *a, struct weft_slice query, struct answer *r) {
    list_pages(ON_ADMIN, &r->body);
}

/* A query at a page that knows both is a wish for change. */
static bool allowed(unsigned methods, const struct weft_head *head) {
    if (weft_slice_is(head->method, "POST")) return methods & CHANGE;
    if (!weft_slice_is(head->method, "GET") && !weft_slice_is(head->method, "HEAD")) return false;
    return methods == READ || (methods & READ && !weft_head_query(head).len);
}

static void refuse_method(unsigned methods, struct answer *r) {
    r->status = 405;
    r->allow = methods == READ ? "GET, HEAD" : methods == CHANGE ? "POST" : "GET, HEAD, POST";
    weft_buf_str(&r->body, methods & CHANGE ? "use POST for changes\n" : "use GET\n");
}

static void make(struct port *p, const struct weft_head *head, struct answer *r) {
    struct weft_slice path = weft_head_path_only(head);
    for (size_t i = 0; i < WEFT_LEN(pages); i++) {
        if (!(pages[i].on & p->kind) || !weft_slice_is(path, pages[i].path)) continue;
        if (!allowed(pages[i].methods, head))
            refuse_method(pages[i].methods, r);
        else
            pages[i].fn(p->a, weft_head_query(head), r);
        return;
    }
    r->status = 404;
    weft_buf_str(&r->body, "no such page; there are:\n");
    list_pages(p->kind, &r->body);
}

/* ---- serving ---- */

static void send_answer(struct weft_stream *s, struct answer *r) {
    struct weft_head head;
    weft_head_init(&head, weft_stream_arena(s));
    head.status = r->status;
    head.framing = WEFT_BODY_LENGTH;
    head.has_content_length = true;
    head.content_length = weft_buf_size(&r->body);
    weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"), weft_slice_str(r->type));
    if (r->allow) weft_fields_add(&head.fields, WEFT_SLICE_LIT("allow"), weft_slice_str(r->allow));
    if (weft_stream_head(s, &head, false) != WEFT_OK) return;
    (void)weft_stream_data(s, weft_buf_slice(&r->body));
    (void)weft_stream_end(s, NULL);
}

/* An answer that the workers are asked for; the caller may go away meanwhile. */
struct later {
    struct weft_stream *s;
    bool gone;
};

static void on_later_reset(void *ud, struct weft_reset r) {
    ((struct later *)ud)->gone = true;
}

static void on_endpoints(void *arg, char *text) {
    struct later *l = arg;
    struct answer r = {.status = 200, .type = "application/json"};
    weft_buf_init(&r.body, 0);
    weft_buf_str(&r.body, text);
    if (!l->gone) send_answer(l->s, &r);
    weft_buf_done(&r.body);
    weft_stream_release(l->s);
    free(text);
    free(l);
}

static void ask_workers(struct proxy_admin *a, struct weft_stream *s) {
    static const struct weft_stream_cb waiting = {.on_reset = on_later_reset};
    struct later *l = weft_new0(struct later);
    l->s = s;
    weft_stream_set_cb(s, &waiting, l);
    a->src.endpoints(a->src.ud, on_endpoints, l);
}

static bool is_endpoints(const struct port *p, const struct weft_head *head) {
    return head->refused == WEFT_REASON_NONE && (p->kind & ON_ADMIN) && allowed(READ, head) &&
           weft_slice_is(weft_head_path_only(head), ENDPOINTS);
}

static void on_request(void *ud, struct weft_server_conn *c, struct weft_stream *s,
                       struct weft_head *head, bool end) {
    struct admin_conn *ac = ud;
    static const struct weft_stream_cb nothing = {0};
    struct answer r = {.status = 200, .type = "text/plain; charset=utf-8"};
    if (is_endpoints(ac->port, head)) {
        ask_workers(ac->port->a, s);
        return;
    }
    weft_stream_set_cb(s, &nothing, NULL);
    if (head->refused == WEFT_REASON_NONE && (ac->port->kind & ON_METRICS) &&
        app_probes_serve(ac->port->a->src.probes, s, head))
        return;
    weft_buf_init(&r.body, 0);
    if (head->refused != WEFT_REASON_NONE)
        r.status = weft_reason_http(head->refused);
    else
        make(ac->port, head, &r);
    send_answer(s, &r);
    weft_buf_done(&r.body);
    weft_stream_release(s);
}

static void free_if_done(struct proxy_admin *a) {
    if (a->freeing && weft_crowd_empty(&a->conns)) free(a);
}

static void on_closed(void *ud, struct weft_server_conn *c) {
    struct admin_conn *ac = ud;
    struct proxy_admin *a = ac->port->a;
    weft_crowd_leave(&ac->member);
    free(ac);
    free_if_done(a);
}

static void on_limit(void *ud, struct weft_server_conn *c, enum weft_cap cap) {
    struct proxy_admin *a = ((struct admin_conn *)ud)->port->a;
    if (!a->freeing) a->src.limit(a->src.ud, cap);
}

static const struct weft_server_cb server_cb = {
    .on_request = on_request, .on_limit = on_limit, .on_closed = on_closed};

/* Who comes new pushes out who came first; or the proxy ends. */
static void end_conn(struct weft_crowd_member *m) {
    struct admin_conn *ac = WEFT_CONTAINER(m, struct admin_conn, member);
    struct proxy_admin *a = ac->port->a;
    if (!a->freeing) a->src.limit(a->src.ud, WEFT_CAP_CONNECTIONS);
    weft_server_conn_close(ac->c);
}

static void on_accept(void *ud, struct weft_xport *x) {
    struct port *p = ud;
    struct weft_server_options opt = {.limits = weft_codec_limits_default(),
                                      .head_timeout_us = IDLE_US,
                                      .idle_timeout_us = IDLE_US,
                                      .write_timeout_us = p->a->write_timeout_us,
                                      .checks_itself = true};
    struct admin_conn *ac = weft_new0(struct admin_conn);
    ac->port = p;
    weft_crowd_join(&p->a->conns, &ac->member); /* the kubelet's probes come in, too */
    ac->c = weft_server_conn_new(x, &opt, &server_cb, ac);
}

static enum weft_status open_port(struct proxy_admin *a, const struct weft_addr *at, unsigned kind,
                                  struct weft_error *err) {
    struct port *p = &a->ports[a->n_ports];
    *p = (struct port){.a = a, .kind = kind};
    struct weft_listen_options opt = {.v6_only = true};
    enum weft_status st = weft_listener_new(a->loop, at, &opt, on_accept, p, &p->ln, err);
    if (st == WEFT_OK) a->n_ports++;
    return st;
}

static enum weft_status open_everywhere(struct proxy_admin *a, uint64_t port, unsigned kind,
                                        struct weft_error *err) {
    struct weft_addr v4 = {.family = 4, .port = (uint16_t)port};
    struct weft_addr v6 = {.family = 6, .port = (uint16_t)port};
    struct weft_error ignored;
    if (!port) return WEFT_OK;
    enum weft_status st = open_port(a, &v4, kind, err);
    if (st == WEFT_OK) (void)open_port(a, &v6, kind, &ignored); /* no IPv6: v4 alone */
    return st;
}

enum weft_status proxy_admin_new(struct weft_loop *l, const struct proxy_options *o,
                                 const struct proxy_admin_source *src, struct proxy_admin **ret,
                                 struct weft_error *err) {
    struct proxy_admin *a = weft_new0(struct proxy_admin);
    a->loop = l;
    a->src = *src;
    a->write_timeout_us = o->admin_write_timeout_us;
    weft_crowd_init(&a->conns, o->max_admin_connections, end_conn);
    enum weft_status st = o->admin.family ? open_port(a, &o->admin, ON_ADMIN, err) : WEFT_OK;
    if (st == WEFT_OK) st = open_everywhere(a, o->metrics_port, ON_METRICS, err);
    if (st == WEFT_OK) st = open_everywhere(a, o->ready_port, ON_READY, err);
    if (st == WEFT_OK)
        *ret = a;
    else
        proxy_admin_free(a);
    return st;
}

const struct weft_addr *proxy_admin_addr(const struct proxy_admin *a) {
    return weft_listener_addr(a->ports[0].ln);
}

struct proxy_admin *proxy_admin_free(struct proxy_admin *a) {
    if (!a) return NULL;
    for (size_t i = 0; i < a->n_ports; i++) weft_listener_close(a->ports[i].ln);
    a->freeing = true;
    weft_crowd_end(&a->conns);
    free_if_done(a);
    return NULL;
}
