/* SPDX-License-Identifier: Apache-2.0
 * One HTTP exchange: set up, its bytes taken from libcurl, and its end told. libcurl must not be
 * called from its own callbacks; so these only note what came and leave the rest to a task. */
#include "client_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>

struct kube_transfer {
    struct weft_kube *kube;
    struct kube_wire *wire;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    struct weft_buf body;
    struct weft_task task;
    struct weft_timer deadline;
    struct kube_transfer_cb cb;
    char curl_error[CURL_ERROR_SIZE];
    char *error; /* the end's, for a person */
    long status;
    size_t taken; /* bytes that came, for "more came" */
    size_t told;  /* ... of these on_data knows */
    bool done, too_big, freed;
};

static void set_done(struct kube_transfer *t) {
    t->done = true;
    weft_timer_stop(&t->deadline);
    weft_task_queue(t->kube->loop, &t->task);
}

static void detach(struct kube_transfer *t) {
    if (!t->easy) return;
    if (t->wire) kube_wire_remove(t->wire, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

static char *describe(const struct kube_transfer *t, CURLcode result) {
    if (t->too_big)
        return weft_asprintf("%s: the answer is larger than %zu bytes", t->kube->config.server,
                             t->body.max);
    return weft_asprintf("%s: %s", t->kube->config.server,
                         *t->curl_error ? t->curl_error : curl_easy_strerror(result));
}

void kube_transfer_finished(CURL *easy, CURLcode result) {
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct kube_transfer *t = (struct kube_transfer *)(void *)private;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t->status);
    if (result != CURLE_OK) t->error = describe(t, result);
    detach(t);
    set_done(t);
}

static void run(void *arg) {
    struct kube_transfer *t = arg;
    if (t->easy) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
    if (t->cb.on_data && t->told < t->taken) {
        t->told = t->taken;
        t->cb.on_data(t->cb.ud, t->status, &t->body);
    }
    if (!t->done || t->freed) return;
    t->cb.on_done(t->cb.ud, t->error ? 0 : t->status, &t->body, t->error);
    kube_transfer_free(t);
}

static void on_deadline(void *arg) {
    struct kube_transfer *t = arg;
    t->error = weft_asprintf("%s: no answer in time", t->kube->config.server);
    detach(t);
    set_done(t);
    if (t->taken == 0) kube_doubt(t->kube);
}

static size_t on_write(char *bytes, size_t one, size_t n, void *ud) {
    struct kube_transfer *t = ud;
    (void)one; /* is always 1 */
    t->too_big = weft_buf_append(&t->body, weft_slice(bytes, n)) != WEFT_OK;
    t->taken += n;
    weft_task_queue(t->kube->loop, &t->task);
    return t->too_big ? 0 : n;
}

/* A server that lost its power says nothing: a watch would wait for it for minutes. */
static int on_socket(void *ud, curl_socket_t fd, curlsocktype purpose) {
    int on = 1, idle_s = 15, every_s = 5, times = 3;
    unsigned unanswered_ms = 30000;
    (void)ud;
    (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
    return CURL_SOCKOPT_OK;
}

static void set_blob(CURL *e, CURLoption option, char *pem) {
    struct curl_blob blob = {pem, strlen(pem), CURL_BLOB_COPY};
    curl_easy_setopt(e, option, &blob);
}

static void set_tls(CURL *e, const struct weft_kube_config *c) {
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 60L); /* a rotated file is seen */
    if (c->insecure) {
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (c->ca_file || c->ca_pem) curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* only the given one */
    if (c->ca_pem)
        set_blob(e, CURLOPT_CAINFO_BLOB, c->ca_pem);
    else if (c->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
    if (c->cert_pem)
        set_blob(e, CURLOPT_SSLCERT_BLOB, c->cert_pem);
    else if (c->cert_file)
        curl_easy_setopt(e, CURLOPT_SSLCERT, c->cert_file);
    if (c->key_pem)
        set_blob(e, CURLOPT_SSLKEY_BLOB, c->key_pem);
    else if (c->key_file)
        curl_easy_setopt(e, CURLOPT_SSLKEY, c->key_file);
}

/* The name in the certificate may be another than the one that is dialled. */
static char *make_url(struct kube_transfer *t, const char *path) {
    const struct weft_kube_config *c = &t->kube->config;
    if (!c->server_name) return weft_asprintf("%s%s", c->server, path);
    CURLU *u = curl_url();
    char *host = NULL, *port = NULL, *out = NULL;
    if (curl_url_set(u, CURLUPART_URL, c->server, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        WEFT_FREE char *to = weft_asprintf("%s:%s:%s:%s", c->server_name, port, host, port);
        t->connect_to = curl_slist_append(NULL, to);
        curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
        out = weft_asprintf("https://%s:%s%s", c->server_name, port, path);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return out ? out : weft_asprintf("%s%s", c->server, path);
}

static void add_header(struct kube_transfer *t, const char *name, const char *value) {
    WEFT_FREE char *line = weft_asprintf("%s: %s", name, value);
    t->headers = curl_slist_append(t->headers, line);
}

static enum weft_status set_headers(struct kube_transfer *t, const struct kube_transfer_spec *s,
                                    struct weft_error *err) {
    const char *token = t->kube->config.token;
    if (t->kube->token && !(token = kube_token_get(t->kube->token, err))) return WEFT_IO;
    if (token) {
        WEFT_FREE char *bearer = weft_asprintf("Bearer %s", token);
        add_header(t, "Authorization", bearer);
    }
    add_header(t, "Accept", s->accept ? s->accept : "application/json");
    if (s->body.base)
        add_header(t, "Content-Type", s->content_type ? s->content_type : "application/json");
    t->headers = curl_slist_append(t->headers, "Expect:"); /* no waiting for a 100 */
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    return WEFT_OK;
}

static void set_options(struct kube_transfer *t, const struct kube_transfer_spec *s) {
    CURL *e = t->easy;
    const struct weft_kube_config *c = &t->kube->config;
    WEFT_FREE char *url = make_url(t, s->path);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, s->method);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, c->proxy ? c->proxy : "");
    curl_easy_setopt(e, CURLOPT_USERAGENT, "weft/" WEFT_VERSION);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L); /* many watches share one HTTP/2 connection */
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error);
    if (s->body.base) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.len);
        curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, s->body.base);
    }
    set_tls(e, c);
}

static void start(struct kube_transfer *t, const struct kube_transfer_spec *s) {
    struct weft_error err = {0};
    t->easy = curl_easy_init();
    WEFT_CHECK(t->easy);
    set_options(t, s);
    if (set_headers(t, s, &err) != WEFT_OK) {
        t->error = weft_asprintf("%s: %s", err.path, err.message);
        detach(t);
        set_done(t);
        return;
    }
    if (s->timeout_us) weft_timer_start(&t->deadline, s->timeout_us);
    t->wire = t->kube->wire;
    kube_wire_add(t->wire, t->easy);
}

struct kube_transfer *kube_transfer_new(struct weft_kube *k, const struct kube_transfer_spec *s) {
    struct kube_transfer *t = weft_new0(struct kube_transfer);
    t->kube = k;
    t->cb = s->cb;
    weft_buf_init(&t->body, s->max_body);
    weft_task_init(&t->task, run, t);
    weft_timer_init(&t->deadline, k->loop, on_deadline, t);
    start(t, s);
    return t;
}

static void destroy(void *arg) {
    struct kube_transfer *t = arg;
    weft_buf_done(&t->body);
    curl_slist_free_all(t->headers);
    curl_slist_free_all(t->connect_to);
    free(t->error);
    free(t);
}

struct kube_transfer *kube_transfer_free(struct kube_transfer *t) {
    if (!t || t->freed) return NULL;
    t->freed = true;
    weft_task_cancel(&t->task);
    weft_timer_stop(&t->deadline);
    detach(t);
    weft_loop_defer(t->kube->loop, destroy, t);
    return NULL;
}
