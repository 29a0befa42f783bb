/* SPDX-License-Identifier: Apache-2.0
 * A check is one connection (one more for each redirect), one request, one deadline. It ends in
 * finish(); what is left of its connection closes on its own. */
#include <sidecar/app_check.h>

#include <ctype.h>
#include <stdio.h>

#include <weft/base/alloc.h>
#include <weft/conn/grpc_call.h>

enum { MAX_TEXT = 100, MAX_BODY = 10 * 1024, MAX_HEALTH = 64 };
#define HEALTH_PATH "/grpc.health.v1.Health/Check"

struct app_check {
    struct weft_loop *loop;
    const struct app_check_spec *spec;
    struct weft_tls_ctx *tls;
    void (*on_done)(void *ud, const struct app_check_result *r); /* NULL once told or cancelled */
    void *ud;
    struct weft_timer deadline;
    /* the connection of now */
    struct weft_addr to;
    bool secure;
    char *path;
    int redirects;
    struct weft_xport *xport; /* until it is open */
    struct weft_client_conn *conn;
    struct weft_stream *stream;
    struct weft_grpc_call *call;
    bool again; /* follow a redirect when the connection is gone */
    uint16_t status;
    int serving;             /* gRPC: ServingStatus; -1: no message yet */
    char text[MAX_TEXT + 1]; /* the body's beginning */
    size_t n_text, n_body;
};

static void check_free(struct app_check *c) {
    weft_timer_stop(&c->deadline);
    weft_tls_ctx_unref(c->tls);
    free(c->path);
    free(c);
}

/* No events any more from what there is; the check is freed now or when its connection is gone. */
static void let_go(struct app_check *c) {
    weft_timer_stop(&c->deadline);
    c->on_done = NULL;
    if (c->stream) weft_stream_release(weft_take(&c->stream));
    c->call = weft_grpc_call_free(c->call);
    if (c->xport) weft_xport_close(weft_take(&c->xport));
    if (c->conn)
        weft_client_conn_close(c->conn); /* on_conn_closed follows */
    else
        check_free(c);
}

static void finish(struct app_check *c, const struct app_check_result *r) {
    void (*on_done)(void *, const struct app_check_result *) = c->on_done;
    void *ud = c->ud;
    let_go(c);
    if (on_done) on_done(ud, r);
}

static void fail(struct app_check *c, const char *what) {
    struct app_check_result r = {0};
    char at[WEFT_ADDR_STR];
    weft_addr_format(&c->to, at);
    snprintf(r.text, sizeof r.text, "%s: %s", at, what);
    finish(c, &r);
}

static void on_deadline(void *arg) {
    struct app_check *c = arg;
    char what[64];
    snprintf(what, sizeof what, "no answer within %llu s",
             (unsigned long long)(c->spec->timeout_us / 1000000));
    fail(c, what);
}

/* === HTTP === */

/* RFC 3986 5.2.4, up to the query. */
static void remove_dots(char *path) {
    char *out = path, *end = path + strcspn(path, "?");
    for (char *in = path; in < end;) { /* at a slash */
        size_t n = 1 + strcspn(in + 1, "/?");
        bool last = in + n == end, one = n == 2 && in[1] == '.';
        bool two = n == 3 && in[1] == '.' && in[2] == '.';
        if (two)
            while (out > path && *--out != '/') {
            }
        if (one || two) {
            if (last) *out++ = '/';
        } else {
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    memmove(out, end, strlen(end) + 1);
}

/* RFC 3986 5.2.2, of a reference without scheme, authority and fragment; `absolute`: it had them.
 */
static char *resolve(const char *base, struct weft_slice ref, bool absolute) {
    struct weft_slice path = weft_slice(base, strcspn(base, "?"));
    char *to;
    if (ref.len && ref.base[0] == '/')
        to = weft_slice_dup(ref);
    else if (absolute)
        to = weft_asprintf("/" WEFT_SLICE_FMT, WEFT_SLICE_ARG(ref));
    else if (!ref.len)
        return weft_strdup(base);
    else {
        while (ref.base[0] != '?' && path.len && path.base[path.len - 1] != '/') path.len--;
        to =
            weft_asprintf(WEFT_SLICE_FMT WEFT_SLICE_FMT, WEFT_SLICE_ARG(path), WEFT_SLICE_ARG(ref));
    }
    remove_dots(to);
    return to;
}

/* Follows to the same host only, as the kubelet does; else the redirect itself is the answer. */
static bool follow(struct app_check *c, struct weft_slice location) {
    char own[WEFT_ADDR_STR];
    weft_addr_format_ip(&c->to, own);
    struct weft_addr to = c->to;
    bool secure = c->secure;
    struct weft_slice rest = location;
    bool https = weft_slice_starts(location, WEFT_SLICE_LIT("https://"));
    bool same = weft_slice_starts(location, WEFT_SLICE_LIT("//"));
    bool absolute = same || https || weft_slice_starts(location, WEFT_SLICE_LIT("http://"));
    if (same) https = secure;
    if (absolute) {
        rest = weft_slice_from(location, weft_slice_find(location, '/') + 2);
        size_t end = 0;
        while (end < rest.len && !strchr("/?#", rest.base[end])) end++;
        struct weft_slice authority = weft_slice_head(rest, end);
        rest = weft_slice_from(rest, end);
        secure = https;
        if (!weft_addr_parse(authority, &to)) {
            if (!weft_slice_is(authority, own)) return false;
            to.port = https ? 443 : 80;
        }
        struct weft_addr host = to;
        host.port = c->to.port;
        if (!weft_addr_eq(&host, &c->to)) return false;
    }
    char *path = resolve(c->path, weft_slice_head(rest, weft_slice_find(rest, '#')), absolute);
    free(c->path);
    c->path = path;
    c->to = to;
    c->secure = secure;
    return true;
}

static bool is_redirect(uint16_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void judge(struct app_check *c) {
    struct app_check_result r = {.answered = true, .ok = c->status >= 200 && c->status < 400};
    for (size_t i = 0; i < c->n_text; i++)
        if (!isprint((unsigned char)c->text[i])) c->text[i] = ' ';
    c->text[c->n_text] = 0;
    snprintf(r.text, sizeof r.text, "HTTP status %u%s%s", c->status, c->n_text ? ": " : "",
             c->text);
    finish(c, &r);
}

static void on_head(void *ud, struct weft_head *head, bool end) {
    struct app_check *c = ud;
    const struct weft_field *location = weft_fields_token(&head->fields, WEFT_TOKEN_LOCATION);
    c->status = head->status;
    if (is_redirect(head->status) && location && location->value.len) {
        if (c->redirects >= APP_CHECK_REDIRECTS) {
            fail(c, "stopped after 10 redirects");
            return;
        }
        if (follow(c, location->value)) {
            c->redirects++;
            c->again = true;
            weft_stream_release(weft_take(&c->stream));
            weft_client_conn_close(c->conn);
            return;
        }
    }
    if (end) judge(c);
}

static void on_data(void *ud, struct weft_slice data) {
    struct app_check *c = ud;
    size_t room = MAX_TEXT - c->n_text, n = data.len < room ? data.len : room;
    memcpy(c->text + c->n_text, data.base, n);
    c->n_text += n;
    c->n_body += data.len;
    if (c->n_body > MAX_BODY) judge(c);
}

static void on_end(void *ud) {
    judge(ud);
}
static void on_trailers(void *ud, struct weft_fields *trailers) {}
static void on_writable(void *ud) {}
static void on_reset(void *ud, struct weft_reset why) {
    struct app_check *c = ud;
    if (c->status >= 400)
        judge(c);
    else
        fail(c, why.status == WEFT_PROTOCOL ? "the answer is not HTTP"
                                            : "the connection ended before an answer came");
}

static const struct weft_stream_cb stream_cb = {.on_head = on_head,
                                                .on_data = on_data,
                                                .on_trailers = on_trailers,
                                                .on_end = on_end,
                                                .on_reset = on_reset,
                                                .on_writable = on_writable};

/* The probe's own headers replace ours; an empty value takes one of ours away. */
static void add_headers(struct app_check *c, struct weft_head *h) {
    static const struct {
        const char *name, *value;
    } ours[] = {{"user-agent", "kube-probe/weft"}, {"accept", "*/*"}};
    for (size_t k = 0; k < WEFT_LEN(ours); k++) {
        bool given = false;
        for (size_t i = 0; i < c->spec->n_headers; i++)
            given = given || !strcasecmp(c->spec->headers[i].name, ours[k].name);
        if (!given)
            (void)weft_fields_add(&h->fields, weft_slice_str(ours[k].name),
                                  weft_slice_str(ours[k].value));
    }
    for (size_t i = 0; i < c->spec->n_headers; i++) {
        const struct app_check_header *f = &c->spec->headers[i];
        if (!strcasecmp(f->name, "host"))
            h->authority = weft_slice_str(f->value);
        else if (*f->value)
            (void)weft_fields_add(&h->fields, weft_slice_str(f->name), weft_slice_str(f->value));
    }
}

static void request_http(struct app_check *c) {
    struct weft_arena a;
    struct weft_head h;
    char at[WEFT_ADDR_STR];
    weft_addr_format(&c->to, at);
    weft_arena_init(&a, 0);
    weft_head_init(&h, &a);
    h.method = WEFT_SLICE_LIT("GET");
    h.scheme = c->secure ? WEFT_SLICE_LIT("https") : WEFT_SLICE_LIT("http");
    h.authority = weft_slice_str(at);
    h.path = weft_slice_str(c->path);
    h.version = WEFT_HTTP_11;
    h.framing = WEFT_BODY_NONE;
    add_headers(c, &h);
    c->stream = weft_client_conn_request(c->conn, &h, true, &stream_cb, c);
    weft_arena_done(&a);
    if (!c->stream) fail(c, "the connection takes no request");
}

/* === gRPC health (grpc.health.v1) === */

/* HealthCheckResponse { ServingStatus status = 1; }: a varint; 1 is SERVING. */
static void on_message(void *ud, struct weft_slice m) {
    struct app_check *c = ud;
    c->serving = m.len == 0 ? 0 : m.len >= 2 && m.base[0] == 0x08 ? m.base[1] : -1;
}

static void on_call_end(void *ud, uint32_t status, struct weft_slice text) {
    struct app_check *c = ud;
    static const char *const words[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    char what[160];
    if (status == WEFT_GRPC_OK && c->serving == 1) {
        finish(c, &(struct app_check_result){.ok = true, .text = "SERVING"});
        return;
    }
    if (status == WEFT_GRPC_UNIMPLEMENTED)
        snprintf(what, sizeof what, "does not implement grpc.health.v1.Health");
    else if (status != WEFT_GRPC_OK)
        snprintf(what, sizeof what, "gRPC status %u: " WEFT_SLICE_FMT, status,
                 WEFT_SLICE_ARG(weft_slice_head(text, 100)));
    else
        snprintf(what, sizeof what, "health of service \"%.60s\" is %s", c->spec->service,
                 c->serving >= 0 && c->serving < 4 ? words[c->serving] : "not told");
    for (char *p = what; *p; p++)
        if (!isprint((unsigned char)*p)) *p = ' ';
    fail(c, what);
}

static const struct weft_grpc_cb call_cb = {.on_message = on_message, .on_end = on_call_end};

static void request_health(struct app_check *c) {
    char at[WEFT_ADDR_STR];
    weft_addr_format(&c->to, at);
    const struct weft_grpc_request r = {.authority = weft_slice_str(at),
                                        .path = WEFT_SLICE_LIT(HEALTH_PATH),
                                        .max_message = MAX_HEALTH};
    c->serving = -1;
    c->call = weft_grpc_call_new(c->conn, &r, &call_cb, c);
    if (!c->call) {
        fail(c, "the connection takes no request");
        return;
    }
    size_t n = strlen(c->spec->service);
    struct weft_buf m;
    weft_buf_init(&m, 0);
    if (n) { /* HealthCheckRequest { string service = 1; } */
        weft_buf_char(&m, 0x0a);
        if (n >= 0x80) weft_buf_char(&m, (char)(0x80 | (n & 0x7f)));
        weft_buf_char(&m, (char)(n >= 0x80 ? n >> 7 : n));
        weft_buf_str(&m, c->spec->service);
    }
    (void)weft_grpc_call_send(c->call, weft_buf_slice(&m));
    if (c->call) weft_grpc_call_half_close(c->call);
    weft_buf_done(&m);
}

/* === the connection === */

static void connect_app(struct app_check *c);

static void on_conn_closed(void *ud) {
    struct app_check *c = ud;
    c->conn = NULL;
    if (!c->on_done) {
        check_free(c);
    } else if (c->again) {
        c->again = false;
        connect_app(c);
    } else {
        fail(c, "the connection ended before an answer came");
    }
}

static void on_open(void *ud, enum weft_status st) {
    struct app_check *c = ud;
    if (st != WEFT_OK) {
        fail(c, weft_status_text(st));
        return;
    }
    if (c->spec->kind == APP_CHECK_TCP) {
        finish(c, &(struct app_check_result){.ok = true, .text = "connected"});
        return;
    }
    struct weft_codec_limits limits = weft_codec_limits_default();
    bool grpc = c->spec->kind == APP_CHECK_GRPC;
    c->conn = weft_client_conn_new(weft_take(&c->xport), grpc, &limits, on_conn_closed, c);
    if (grpc)
        request_health(c);
    else
        request_http(c);
}

static void on_error(void *ud, enum weft_status st) {
    fail(ud, weft_status_text(st));
}
static void on_eof(void *ud) {
    fail(ud, "the connection ended at once");
}

static void connect_app(struct app_check *c) {
    static const struct weft_xport_cb cb = {
        .on_open = on_open, .on_error = on_error, .on_eof = on_eof};
    c->status = 0;
    c->n_text = c->n_body = 0;
    c->xport = weft_xport_dial(c->loop, &c->to, NULL, c->spec->timeout_us);
    if (c->secure && !c->tls) {
        struct weft_error err;
        if (weft_tls_ctx_new(WEFT_TLS_PROBE_CLIENT, NULL, NULL, &c->tls, &err) != WEFT_OK) {
            weft_xport_close(weft_take(&c->xport)); /* the deadline tells */
            return;
        }
    }
    if (c->secure)
        c->xport = weft_xport_tls_client(c->xport, c->tls, WEFT_SLICE_EMPTY, NULL, NULL,
                                         c->spec->timeout_us);
    weft_xport_set_cb(c->xport, &cb, c);
}

struct app_check *app_check_start(struct weft_loop *l, const struct app_check_spec *spec,
                                  void (*on_done)(void *ud, const struct app_check_result *r),
                                  void *ud) {
    struct app_check *c = weft_new0(struct app_check);
    *c = (struct app_check){.loop = l,
                            .spec = spec,
                            .on_done = on_done,
                            .ud = ud,
                            .to = spec->to,
                            .secure = spec->tls,
                            .path = weft_strdup(spec->path ? spec->path : "/")};
    weft_timer_init(&c->deadline, l, on_deadline, c);
    weft_timer_start(&c->deadline, spec->timeout_us);
    connect_app(c);
    return c;
}

void app_check_cancel(struct app_check *c) {
    if (c) let_go(c);
}
