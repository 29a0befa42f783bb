/* SPDX-License-Identifier: Apache-2.0
 * getaddrinfo() blocks for as long as a name server is silent and cannot be interrupted. It runs in
 * a thread of its own that nobody waits for: who has no use for the answer any more leaves the job
 * to the thread. */
#include "loop_internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/net/resolve.h>

enum { MAX_ADDRS = 16, MAX_HOST = 253, STACK = 256 * 1024 };

struct job { /* shared by the requester and the thread; freed by the last */
    _Atomic int refs;
    char host[MAX_HOST + 1];
    uint16_t port;
    int fd; /* eventfd: the answer is there */
    enum weft_status st;
    struct weft_addr addrs[MAX_ADDRS];
    size_t n;
};

struct weft_resolve {
    struct weft_loop *loop;
    struct job *job;
    bool waits; /* for a thread, by poll */
    uv_poll_t poll;
    struct weft_timer deadline; /* also: an answer that needs no thread */
    weft_resolve_fn fn;
    void *ud;
};

static void job_unref(struct job *j) {
    if (--j->refs) return;
    if (j->fd >= 0) close(j->fd);
    free(j);
}

/* === the thread === */

static bool has(const struct job *j, const struct weft_addr *a) {
    for (size_t i = 0; i < j->n; i++)
        if (weft_addr_eq(&j->addrs[i], a)) return true;
    return false;
}

static void keep(struct job *j, const struct addrinfo *list) {
    for (const struct addrinfo *i = list; i && j->n < MAX_ADDRS; i = i->ai_next) {
        struct weft_addr a;
        weft_addr_from_sockaddr(i->ai_addr, &a);
        a.port = j->port;
        if (a.family && !has(j, &a)) j->addrs[j->n++] = a;
    }
    j->st = j->n ? WEFT_OK : WEFT_NOT_FOUND;
}

static void *look_up(void *arg) {
    struct job *j = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    j->st = WEFT_NOT_FOUND;
    if (getaddrinfo(j->host, NULL, &hints, &list) == 0) keep(j, list);
    if (list) freeaddrinfo(list);
    const uint64_t one = 1;
    ssize_t n = write(j->fd, &one, sizeof one);
    (void)n;
    job_unref(j);
    return NULL;
}

static bool start_thread(struct job *j) {
    pthread_attr_t attr;
    pthread_t id;
    if (pthread_attr_init(&attr) != 0) return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK);
    j->refs++;
    bool ok = pthread_create(&id, &attr, look_up, j) == 0;
    if (!ok) j->refs--;
    pthread_attr_destroy(&attr);
    return ok;
}

/* === the requester === */

static void on_poll_closed(uv_handle_t *h) {
    free(h->data);
}

void weft_resolve_cancel(struct weft_resolve *r) {
    if (!r) return;
    struct job *j = r->job;
    weft_timer_stop(&r->deadline);
    if (r->waits)
        uv_close((uv_handle_t *)&r->poll, on_poll_closed); /* while the descriptor is open */
    else
        free(r);
    job_unref(j);
}

static void finish(struct weft_resolve *r, enum weft_status st) {
    struct weft_addr addrs[MAX_ADDRS];
    size_t n = st == WEFT_OK ? r->job->n : 0;
    memcpy(addrs, r->job->addrs, n * sizeof addrs[0]);
    weft_resolve_fn fn = r->fn;
    void *ud = r->ud;
    weft_resolve_cancel(r);
    fn(ud, st, addrs, n);
}

static void on_answer(uv_poll_t *h, int status, int events) {
    struct weft_resolve *r = h->data;
    uint64_t one;
    ssize_t n = read(r->job->fd, &one, sizeof one); /* what the thread wrote before is ours now */
    (void)n;
    r->loop->activity++;
    finish(r, r->job->st);
}

static void on_deadline(void *arg) {
    struct weft_resolve *r = arg;
    finish(r, r->waits ? WEFT_TIMEOUT : r->job->st);
}

bool weft_host_port(struct weft_slice s, struct weft_slice *ret_host, uint16_t *ret_port) {
    struct weft_addr a;
    uint64_t port;
    size_t colon = weft_slice_find(s, ':');
    if (s.len && s.base[0] == '[') { /* IPv6 */
        if (!weft_addr_parse(s, &a)) return false;
        *ret_host = weft_slice(s.base + 1, weft_slice_find(s, ']') - 1);
        *ret_port = a.port;
        return true;
    }
    *ret_host = weft_slice_head(s, colon);
    if (colon == 0 || colon > MAX_HOST ||
        !weft_slice_u64(weft_slice_from(s, colon + 1), 65535, &port) || port == 0)
        return false;
    for (size_t i = 0; i < colon; i++) {
        char c = weft_lower(s.base[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
    }
    *ret_port = (uint16_t)port;
    return true;
}

static bool take_literal(struct job *j, struct weft_slice host) {
    struct weft_addr a;
    if (!weft_addr_parse_ip(host, &a)) return false;
    a.port = j->port;
    j->addrs[j->n++] = a;
    j->st = WEFT_OK;
    return true;
}

static bool wait_for_thread(struct weft_resolve *r) {
    struct job *j = r->job;
    j->st = WEFT_IO; /* without descriptors or threads */
    j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->fd < 0 || uv_poll_init(&r->loop->uv, &r->poll, j->fd) != 0) return false;
    r->poll.data = r;
    r->waits = true;
    if (!start_thread(j)) return false;
    uv_poll_start(&r->poll, UV_READABLE, on_answer);
    return true;
}

struct weft_resolve *weft_resolve_start(struct weft_loop *l, struct weft_slice host, uint16_t port,
                                        uint64_t timeout_us, weft_resolve_fn fn, void *ud) {
    struct weft_resolve *r = weft_new0(struct weft_resolve);
    struct job *j = weft_new0(struct job);
    r->loop = l;
    r->job = j;
    r->fn = fn;
    r->ud = ud;
    j->refs = 1;
    j->fd = -1;
    j->port = port;
    WEFT_CHECK(host.len <= MAX_HOST);
    memcpy(j->host, host.base, host.len);
    weft_timer_init(&r->deadline, l, on_deadline, r);
    bool waits = !take_literal(j, host) && wait_for_thread(r);
    weft_timer_start(&r->deadline, waits ? timeout_us : 1);
    return r;
}
