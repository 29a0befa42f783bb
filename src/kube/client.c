/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi handle driven by the loop: its sockets are polls, its timeout is a timer. */
#include "client_internal.h"

#include <pthread.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>

static void collect(struct weft_kube *k) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(k->multi, &left));)
        if (m->msg == CURLMSG_DONE) kube_transfer_finished(m->easy_handle, m->data.result);
}

struct kube_socket {
    struct weft_kube *kube;
    struct weft_poll *poll;
    int fd;
};

static void on_ready(void *ud, unsigned events) {
    struct kube_socket *s = ud;
    struct weft_kube *k = s->kube; /* `s` may be gone after the next call */
    int mask = (events & WEFT_POLL_READ ? CURL_CSELECT_IN : 0) |
               (events & WEFT_POLL_WRITE ? CURL_CSELECT_OUT : 0) |
               (events & WEFT_POLL_ERROR ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(k->multi, s->fd, mask, &running);
    collect(k);
}

static void on_timer(void *arg) {
    struct weft_kube *k = arg;
    int running;
    curl_multi_socket_action(k->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(k);
}

static int on_multi_timer(CURLM *multi, long ms, void *ud) {
    struct weft_kube *k = ud;
    (void)multi;
    weft_timer_stop(&k->timer);
    weft_task_cancel(&k->now);
    if (ms == 0)
        weft_task_queue(k->loop, &k->now); /* this turn, not the next */
    else if (ms > 0)
        weft_timer_start(&k->timer, (uint64_t)ms * 1000);
    return 0;
}

static int on_multi_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket) {
    struct weft_kube *k = ud;
    struct kube_socket *s = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) weft_poll_free(s->poll);
        free(s);
        return 0;
    }
    if (!s) {
        s = weft_new0(struct kube_socket);
        *s = (struct kube_socket){.kube = k, .fd = fd};
        s->poll = weft_poll_new(k->loop, fd, on_ready, s);
        WEFT_CHECK(s->poll); /* a socket that libcurl has just made */
        curl_multi_assign(k->multi, fd, s);
    }
    weft_poll_set(s->poll, (what & CURL_POLL_IN ? WEFT_POLL_READ : 0u) |
                               (what & CURL_POLL_OUT ? WEFT_POLL_WRITE : 0u));
    return 0;
}

static void copy_config(struct weft_kube_config *to, const struct weft_kube_config *from) {
    *to = *from;
    char **const strings[] = {&to->server,     &to->ca_file,  &to->ca_pem,      &to->cert_file,
                              &to->cert_pem,   &to->key_file, &to->key_pem,     &to->token,
                              &to->token_file, &to->ns,       &to->server_name, &to->proxy};
    for (size_t i = 0; i < WEFT_LEN(strings); i++)
        if (*strings[i]) *strings[i] = weft_strdup(*strings[i]);
}

static void init_curl(void) {
    WEFT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static void make_multi(struct weft_kube *k) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    k->multi = curl_multi_init();
    WEFT_CHECK(k->multi);
    curl_multi_setopt(k->multi, CURLMOPT_SOCKETFUNCTION, on_multi_socket);
    curl_multi_setopt(k->multi, CURLMOPT_SOCKETDATA, k);
    curl_multi_setopt(k->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(k->multi, CURLMOPT_TIMERDATA, k);
}

static bool is_loopback(struct weft_slice server) {
    return weft_slice_starts(server, WEFT_SLICE_LIT("http://127.0.0.1:")) ||
           weft_slice_starts(server, WEFT_SLICE_LIT("http://localhost:")) ||
           weft_slice_starts(server, WEFT_SLICE_LIT("http://[::1]:"));
}

enum weft_status weft_kube_new(struct weft_loop *l, const struct weft_kube_config *config,
                               struct weft_kube **ret, struct weft_error *err) {
    struct weft_slice server = weft_slice_str(config->server);
    bool https = weft_slice_starts(server, WEFT_SLICE_LIT("https://"));
    if (!https && !weft_slice_starts(server, WEFT_SLICE_LIT("http://")))
        return weft_error_set(err, WEFT_INVALID, "server",
                              "\"%s\" must begin with https:// or http://",
                              config->server ? config->server : "");
    if ((config->token_file || config->token) && !https && !is_loopback(server))
        return weft_error_set(err, WEFT_INVALID, "server",
                              "a token is not sent without TLS: %s must begin with https://",
                              config->server);
    struct weft_kube *k = weft_new0(struct weft_kube);
    k->loop = l;
    copy_config(&k->config, config);
    if (k->config.token_file) k->token = kube_token_new(k->config.token_file);
    weft_timer_init(&k->timer, l, on_timer, k);
    weft_task_init(&k->now, on_timer, k);
    weft_list_init(&k->calls);
    weft_list_init(&k->watches);
    weft_rng_seed_system(&k->rng);
    make_multi(k);
    *ret = k;
    return WEFT_OK;
}

static void destroy(void *arg) {
    struct weft_kube *k = arg;
    weft_kube_config_done(&k->config);
    kube_token_free(k->token);
    free(k);
}

struct weft_kube *weft_kube_free(struct weft_kube *k) {
    if (!k) return NULL;
    weft_list_each(it, &k->calls) kube_call_drop(it);
    weft_list_each(it, &k->watches) kube_watch_drop(it);
    curl_multi_cleanup(k->multi);
    weft_timer_stop(&k->timer);
    weft_task_cancel(&k->now);
    weft_loop_defer(k->loop, destroy, k);
    return NULL;
}

const char *weft_kube_namespace(const struct weft_kube *k) {
    return k->config.ns ? k->config.ns : "default";
}
