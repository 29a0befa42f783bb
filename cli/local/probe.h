/* SPDX-License-Identifier: Apache-2.0
 * The kubelet's probes (httpGet, tcpSocket, exec), and one of ours: is the declared port open. */
#pragma once
#include <cli/local/reactor.h>
#include <cli/local/spawn.h>
#include <jansson.h>
#include <weft/base/addr.h>

enum local_probe_kind {
    LOCAL_PROBE_NONE,
    LOCAL_PROBE_HTTP,
    LOCAL_PROBE_TCP,
    LOCAL_PROBE_EXEC,
    LOCAL_PROBE_HTTPS /* a child of ours makes the request: https_get.c */
};

struct local_probe {
    enum local_probe_kind kind;
    struct weft_addr addr;    /* for HTTP, HTTPS and TCP */
    char *request;            /* HTTP request text */
    struct local_spawn spawn; /* for exec and HTTPS; program and argv are the prober's own */
    char **argv;
    char *program;
    int netns; /* the pod's; sockets are made there */
    uint64_t delay_us, period_us, fast_us, timeout_us;
    unsigned need_ok, need_bad;            /* thresholds */
    void (*on_result)(void *arg, bool ok); /* when a threshold is reached, each time */
    void *arg;

    struct local_reactor *reactor;
    struct local_journal *journal;
    bool running, ok; /* ok: the state after the thresholds */
    unsigned in_row_ok, in_row_bad;
    int fd;
    size_t sent;
    char head[16]; /* the start of the answer */
    size_t n_head;
    struct local_timer next, deadline;
    struct local_child child;
};

/* From a probe of a manifest (NULL: kind NONE). `container` resolves named ports, `ip` is the pod's
 * address. The caller sets on_result, arg, and for exec spawn.ns, uid, gid, envp. `fast_us` is the
 * period until it first succeeds. */
void local_probe_init(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                      int netns, const json_t *spec, const json_t *container, const char *ip,
                      const char *bin_dir);
/* A connect to ip:port, every 100 ms until it succeeds, then every second. */
void local_probe_init_tcp(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                          int netns, const char *ip, uint16_t port);
/* GET path from ip:port, likewise. */
void local_probe_init_http(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                           int netns, const char *ip, uint16_t port, const char *path);
void local_probe_done(struct local_probe *p);
void local_probe_start(struct local_probe *p); /* idempotent; state begins as not ok */
void local_probe_stop(struct local_probe *p);  /* idempotent */
