/* SPDX-License-Identifier: Apache-2.0
 * Limits on callers. Nothing here runs for each request but one comparison; what does not move is
 * looked for once a second. */
#include <sidecar/limits.h>

#include <sys/resource.h>

#include <sidecar/stream.h>
#include <weft/base/limits.h>

enum { PEER_FACTOR = 16, FILES_PART = 8, FILES_RESERVE = 128 };

void proxy_limits_raise_files(void) {
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max) return;
    r.rlim_cur = r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

static uint64_t part(uint64_t all, size_t workers) {
    return all ? (all + workers - 1) / workers : UINT64_MAX;
}

void proxy_limits_share(struct proxy_worker *w, size_t workers) {
    w->max_conns = part(w->opt->max_connections, workers);
    w->output.max = part(w->opt->max_buffered, workers);
}

void proxy_limits_of_codec(struct proxy_worker *w, struct weft_codec_limits *ret) {
    const struct proxy_options *o = w->opt;
    *ret = weft_codec_limits_default();
    ret->head_bytes = (uint32_t)o->max_head_bytes;
    ret->fields = (uint32_t)o->max_head_fields;
    ret->target_bytes = (uint32_t)o->max_target_bytes;
    ret->extension_bytes = (uint32_t)o->max_chunk_extensions;
    ret->request_bytes = (uint32_t)proxy_options_request_memory(o);
    ret->queued = (uint32_t)o->max_conn_buffered;
    ret->budget = &w->output;
}

void proxy_limits_of_conn(struct proxy_conn *c, struct weft_server_options *ret) {
    const struct proxy_options *o = c->w->opt;
    uint32_t factor = c->peer_id.len ? PEER_FACTOR : 1;
    ret->head_timeout_us = o->head_timeout_us;
    ret->idle_timeout_us = o->caller_idle_timeout_us;
    ret->write_timeout_us = o->write_timeout_us;
    ret->half_close_timeout_us = o->half_close_timeout_us;
    ret->budget = &c->w->output;
    proxy_limits_of_codec(c->w, &ret->limits);
    ret->limits.streams = (uint32_t)o->max_streams;
    ret->limits.resets = (uint32_t)o->max_resets * factor;
    ret->limits.frames = (uint32_t)o->max_control_frames * factor;
    ret->limits.queued *= factor / 4 + 1;
}

void proxy_limits_hit(struct proxy_worker *w, enum proxy_dir dir, enum weft_cap cap) {
    if (cap == WEFT_CAP_NONE) return;
    proxy_stats_count(&w->stats, PROXY_METRIC_LIMITS, proxy_dir_name(dir), weft_cap_word(cap));
}

/* The kernel gives the lowest free number, so it tells how many are open. The reserve is for the
 * connections to endpoints of those who are in. */
bool proxy_limits_files_short(int fd, uint64_t max) {
    uint64_t reserve = max / FILES_PART < FILES_RESERVE ? max / FILES_PART : FILES_RESERVE;
    return fd >= 0 && (uint64_t)fd + reserve >= max;
}

static bool files_short(struct weft_xport *x) {
    struct rlimit r; /* asked each time: it can be changed from outside */
    return getrlimit(RLIMIT_NOFILE, &r) == 0 &&
           proxy_limits_files_short(weft_xport_fd(x), r.rlim_cur);
}

bool proxy_limits_admit_conn(struct proxy_conn *c) {
    const struct proxy_worker *w = c->w;
    enum weft_cap cap = w->n_conns > w->max_conns ? WEFT_CAP_CONNECTIONS
                        : w->memory_short         ? WEFT_CAP_MEMORY
                        : files_short(c->x)       ? WEFT_CAP_FILES
                                                  : WEFT_CAP_NONE;
    proxy_limits_hit(c->w, c->dir, cap);
    return cap == WEFT_CAP_NONE;
}

/* Over the process's maximum those get nothing more who hold some of it. */
bool proxy_limits_admit_request(struct proxy_conn *c) {
    const struct weft_output_budget *b = &c->w->output;
    bool holds = weft_server_conn_queued(c->server) >= WEFT_STREAM_FLOOR;
    if (!(holds && b->used >= b->max) && !weft_server_conn_over_queued(c->server)) return true;
    proxy_limits_hit(c->w, c->dir, WEFT_CAP_BUFFERED);
    return false;
}

static struct weft_server_conn *longest(struct proxy_worker *w) {
    struct weft_server_conn *most = NULL;
    weft_list_each(it, &w->conns) {
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        if (!c->server) continue;
        if (!most || weft_server_conn_queued(c->server) > weft_server_conn_queued(most))
            most = c->server;
    }
    return most;
}

/* The longest queue of all, be it for a caller or for an endpoint; how much less there is. */
static uint64_t cut_longest(struct proxy_worker *w) {
    struct weft_client_conn *up = NULL;
    struct weft_server_conn *down = longest(w);
    uint64_t n = down ? weft_server_conn_queued(down) : 0;
    if (weft_pool_longest(w->pool, &up) > n) return weft_client_conn_shed(up);
    if (n) weft_server_conn_cut(down, WEFT_CAP_BUFFERED);
    return n;
}

void proxy_limits_evict(void *worker) {
    struct proxy_worker *w = WEFT_CAST(proxy_worker, worker);
    weft_list_each(it, &w->conns) { /* what went out since is counted out */
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        if (c->server) (void)weft_server_conn_queued(c->server);
    }
    uint64_t left = w->output.used;
    while (left / 2 >= w->output.max) {
        uint64_t n = cut_longest(w);
        if (n == 0) return; /* all the rest is closing already */
        left -= n < left ? n : left;
    }
}

/* A request whose body stands still while nothing is answered. gRPC streams may be silent. */
static void check_body(struct proxy_exchange *x, uint64_t now_us) {
    if (x->req_end || x->resp_started || x->grpc || x->down_paused || x->bytes_in != x->body_mark) {
        x->body_mark = x->bytes_in;
        x->body_moved_us = now_us;
        return;
    }
    if (x->state == PROXY_ST_FINISH || x->state == PROXY_ST_LINGER) return;
    if (now_us - x->body_moved_us < x->w->opt->body_timeout_us) return;
    proxy_limits_hit(x->w, x->conn->dir, WEFT_CAP_BODY_TIMEOUT);
    x->req_end = true; /* nobody waits for the rest */
    proxy_exchange_reply(x, WEFT_REASON_REQUEST_BODY_TIMEOUT, WEFT_SLICE_EMPTY);
}

void proxy_limits_check(struct proxy_worker *w) {
    uint64_t now_us = weft_loop_now_us(w->loop);
    weft_list_each(it, &w->conns) {
        struct proxy_conn *c = WEFT_CONTAINER(it, struct proxy_conn, link);
        if (c->server) weft_server_conn_check(c->server);
        if (c->relay) proxy_opaque_check(c);
    }
    weft_pool_check(w->pool, w->opt->write_timeout_us, w->opt->dead_timeout_us);
    if (!w->opt->body_timeout_us) return;
    weft_list_each(it, &w->exchanges) {
        check_body(WEFT_CONTAINER(it, struct proxy_exchange, link), now_us);
    }
}
