/* SPDX-License-Identifier: Apache-2.0
 * Between the main thread and the workers: every message carries its own references and runs on
 * the receiver's loop in the order of posting. Before the threads run it is applied at once. */
#include <sidecar/proxy_internal.h>

#include <weft/base/alloc.h>
#include <weft/obs/log.h>

struct message {
    struct proxy *p;
    struct proxy_worker *w;
    struct weft_addr addr;
    struct weft_bound *bound;
    const struct weft_inbound *inbound;
    struct weft_identity *identity;
    void (*fn)(struct proxy_worker *w);
    enum proxy_log_mode log_mode;
    bool flag;
};

static void release(struct message *m) {
    weft_bound_unref(m->bound);
    weft_inbound_unref((struct weft_inbound *)(uintptr_t)m->inbound);
    weft_identity_unref(m->identity);
    free(m);
}

/* One message a worker; `like` says what, its references are taken anew. */
static void to_workers(struct proxy *p, const struct message *like, void (*run)(void *arg)) {
    for (size_t i = 0; i < p->n_threads; i++) {
        struct message *m = weft_new0(struct message);
        *m = *like;
        m->p = p;
        m->w = p->threads[i].w;
        if (m->bound) weft_bound_ref(m->bound);
        if (m->inbound) m->inbound = weft_inbound_ref(m->inbound);
        if (m->identity) weft_identity_ref(m->identity);
        if (p->running)
            weft_loop_post(p->threads[i].loop, run, m);
        else
            run(m);
    }
}

/* ---- main to workers ---- */

static void run_bound(void *arg) {
    struct message *m = arg;
    proxy_dests_put(&m->w->dests, &m->addr, m->bound);
    release(m);
}

static void on_bound(void *ud, const struct weft_addr *addr, struct weft_bound *b) {
    struct proxy *p = ud;
    p->changed_us = weft_clock_mono_us();
    to_workers(p, &(struct message){.addr = *addr, .bound = b}, run_bound);
}

static void run_inbound(void *arg) {
    struct message *m = arg;
    proxy_worker_set_inbound(m->w, m->inbound);
    release(m);
}

static void on_inbound(void *ud, const struct weft_inbound *i) {
    struct proxy *p = ud;
    p->changed_us = weft_clock_mono_us();
    to_workers(p, &(struct message){.inbound = i}, run_inbound);
}

static void on_trust(void *ud, const struct weft_trust *t) {
    struct proxy *p = ud;
    p->changed_us = weft_clock_mono_us(); /* the agent makes the new identity of it */
}

const struct proxy_config_cb proxy_post_config_cb = {
    .on_bound = on_bound, .on_inbound = on_inbound, .on_trust = on_trust};

static void run_identity(void *arg) {
    struct message *m = arg;
    struct weft_error err = {0};
    if (proxy_worker_set_identity(m->w, m->identity, &err) != WEFT_OK)
        weft_error("identity", "not taken up: %s", err.message);
    release(m);
}

void proxy_post_identity(struct proxy *p, struct weft_identity *id) {
    weft_identity_unref(p->identity);
    p->identity = weft_identity_ref(id);
    to_workers(p, &(struct message){.identity = id}, run_identity);
}

static void run_connected(void *arg) {
    struct message *m = arg;
    m->w->dests.connected = m->flag;
    release(m);
}

void proxy_post_connected(struct proxy *p, bool connected) {
    p->connected = connected;
    to_workers(p, &(struct message){.flag = connected}, run_connected);
}

static void run_log_mode(void *arg) {
    struct message *m = arg;
    proxy_log_set_mode(&m->w->log, m->log_mode);
    release(m);
}

void proxy_post_log_mode(struct proxy *p, enum proxy_log_mode mode) {
    p->log_mode = mode;
    to_workers(p, &(struct message){.log_mode = mode}, run_log_mode);
}

static void run_fn(void *arg) {
    struct message *m = arg;
    m->fn(m->w);
    release(m);
}

void proxy_post_each(struct proxy *p, void (*fn)(struct proxy_worker *w)) {
    to_workers(p, &(struct message){.fn = fn}, run_fn);
}

/* ---- workers to main ---- */

static void to_main(struct proxy *p, struct proxy_worker *w, const struct weft_addr *addr,
                    void (*run)(void *arg)) {
    struct message *m = weft_new0(struct message);
    m->p = p;
    m->w = w;
    if (addr) m->addr = *addr;
    weft_loop_post(p->loop, run, m);
}

static void run_want(void *arg) {
    struct message *m = arg;
    proxy_config_want(m->p->config, &m->addr);
    release(m);
}
static void run_unwant(void *arg) {
    struct message *m = arg;
    proxy_config_unwant(m->p->config, &m->addr);
    release(m);
}
static void run_drained(void *arg) {
    struct message *m = arg;
    proxy_on_drained(m->p, m->w);
    release(m);
}
static void on_want(void *ud, struct proxy_worker *w, const struct weft_addr *addr) {
    to_main(ud, w, addr, run_want);
}
static void on_unwant(void *ud, struct proxy_worker *w, const struct weft_addr *addr) {
    to_main(ud, w, addr, run_unwant);
}
static void on_drained(void *ud, struct proxy_worker *w) {
    to_main(ud, w, NULL, run_drained);
}

struct proxy_worker_hooks proxy_post_hooks(struct proxy *p) {
    return (struct proxy_worker_hooks){
        .ud = p, .want = on_want, .unwant = on_unwant, .drained = on_drained};
}
