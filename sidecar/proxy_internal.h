/* SPDX-License-Identifier: Apache-2.0
 * The proxy on the main thread, shared by proxy.c (build, run), proxy_post.c (main to workers and
 * back) and proxy_report.c (what the admin ports show). */
#pragma once
#include <sidecar/admin.h>
#include <sidecar/agent.h>
#include <sidecar/config.h>
#include <sidecar/memory.h>
#include <sidecar/snapshot.h>
#include <sidecar/worker.h>

struct proxy;
struct proxy_thread {
    struct proxy *p;
    struct weft_loop *loop;
    struct proxy_worker *w;
    struct weft_thread *thread;
    bool drained;
};
struct proxy {
    const struct proxy_options *opt;
    struct weft_loop *loop;
    struct proxy_config *config;
    struct proxy_snapshot *snapshot;
    struct proxy_agent *agent;
    struct proxy_admin *admin;
    struct proxy_memory *memory;
    struct app_probes *probes;    /* NULL: none were handed over */
    struct weft_metrics *metrics; /* the main thread's own */
    struct weft_identity *identity;
    struct proxy_thread *threads;
    size_t n_threads;
    int log_fd;
    enum proxy_log_mode log_mode;
    uint64_t changed_us; /* when the configuration changed last */
    bool running;        /* worker threads are up: talk to them by posting */
    bool draining, connected;
    struct weft_timer drain_timer;
};

/* proxy_post.c */
extern const struct proxy_config_cb proxy_post_config_cb; /* its ud is to be the proxy */
void proxy_post_identity(struct proxy *p, struct weft_identity *id);
void proxy_post_connected(struct proxy *p, bool connected);
void proxy_post_log_mode(struct proxy *p, enum proxy_log_mode mode);
void proxy_post_each(struct proxy *p, void (*fn)(struct proxy_worker *w));
struct proxy_worker_hooks proxy_post_hooks(struct proxy *p);
/* On the main thread: worker w has nothing in flight any more (proxy.c). */
void proxy_on_drained(struct proxy *p, struct proxy_worker *w);

/* proxy_report.c */
struct proxy_admin_source proxy_report_source(struct proxy *p);
/* What SIGTERM does: readiness off, what is in flight is finished, then the proxy ends. Idempotent.
 */
void proxy_drain(struct proxy *p);
bool proxy_is_ready(const struct proxy *p);
