/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi handle driven by the loop: its sockets are polls, its timeout is a timer. A wire
 * and its connections are given up when an answer does not come: over HTTP/2 everything shares one
 * connection, and libcurl would go on using it. */
#include "client_internal.h"

#include <pthread.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>

struct kube_wire {
    struct weft_list link; /* kube->wires */
    struct weft_loop *loop;
    CURLM *multi;
    struct weft_timer timer; /* libcurl's */
    struct weft_task now;    /* the same, when it is due already */
    struct weft_task end;    /* retired, and nothing is on it any more */
    size_t n;
    bool retired;
};

static void collect(struct kube_wire *w) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(w->multi, &left));)
        if (m->msg == CURLMSG_DONE) kube_transfer_finished(m->easy_handle, m->data.result);
}

struct kube_socket {
    struct kube_wire *wire;
    struct weft_poll *poll;
    int fd;
};

static void on_ready(void *ud, unsigned events) {
    struct kube_socket *s = ud;
    struct kube_wire *w = s->wire; /* `s` may be gone after the next call */
    int mask = (events & WEFT_POLL_READ ? CURL_CSELECT_IN : 0) |
               (events & WEFT_POLL_WRITE ? CURL_CSELECT_OUT : 0) |
               (events & WEFT_POLL_ERROR ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(w->multi, s->fd, mask, &running);
    collect(w);
}

static void on_timer(void *arg) {
    struct kube_wire *w = arg;
    int running;
    curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(w);
}

static int on_multi_timer(CURLM *multi, long ms, void *ud) {
    struct kube_wire *w = ud;
    (void)multi;
    weft_timer_stop(&w->timer);
    weft_task_cancel(&w->now);
    if (ms == 0)
        weft_task_queue(w->loop, &w->now); /* this turn, not the next */
    else if (ms > 0)
        weft_timer_start(&w->timer, (uint64_t)ms * 1000);
    return 0;
}

static int on_multi_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket) {
    struct kube_wire *w = ud;
    struct kube_socket *s = socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) weft_poll_free(s->poll);
        free(s);
        return 0;
    }
    if (!s) {
        s = weft_new0(struct kube_socket);
        *s = (struct kube_socket){.wire = w, .fd = fd};
        s->poll = weft_poll_new(w->loop, fd, on_ready, s);
        WEFT_CHECK(s->poll); /* a socket that libcurl has just made */
        curl_multi_assign(w->multi, fd, s);
    }
    weft_poll_set(s->poll, (what & CURL_POLL_IN ? WEFT_POLL_READ : 0u) |
                               (what & CURL_POLL_OUT ? WEFT_POLL_WRITE : 0u));
    return 0;
}

static void init_curl(void) {
    WEFT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static void on_end(void *arg) {
    kube_wire_free(arg);
}

struct kube_wire *kube_wire_new(struct weft_kube *k) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct kube_wire *w = weft_new0(struct kube_wire);
    w->loop = k->loop;
    weft_timer_init(&w->timer, k->loop, on_timer, w);
    weft_task_init(&w->now, on_timer, w);
    weft_task_init(&w->end, on_end, w);
    weft_list_push(&k->wires, &w->link);
    w->multi = curl_multi_init();
    WEFT_CHECK(w->multi);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_multi_socket);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    return w;
}

struct kube_wire *kube_wire_free(struct kube_wire *w) {
    weft_list_remove(&w->link);
    curl_multi_cleanup(w->multi);
    weft_timer_stop(&w->timer);
    weft_task_cancel(&w->now);
    weft_task_cancel(&w->end);
    free(w);
    return NULL;
}

void kube_wire_drop(struct weft_list *link) {
    kube_wire_free(WEFT_CONTAINER(link, struct kube_wire, link));
}

static void end_if_empty(struct kube_wire *w) {
    if (w->retired && w->n == 0) weft_task_queue(w->loop, &w->end);
}

void kube_wire_retire(struct kube_wire *w) {
    w->retired = true;
    end_if_empty(w);
}

void kube_wire_add(struct kube_wire *w, CURL *easy) {
    w->n++;
    WEFT_CHECK(curl_multi_add_handle(w->multi, easy) == CURLM_OK);
}

void kube_wire_remove(struct kube_wire *w, CURL *easy) {
    curl_multi_remove_handle(w->multi, easy);
    w->n--;
    end_if_empty(w);
}
