/* SPDX-License-Identifier: Apache-2.0
 * One JSON line a request or opaque connection, through a buffer of the worker that is written
 * without ever blocking; lines are dropped and counted when their reader is too slow. */
#pragma once
#include <sidecar/options.h>
#include <sidecar/stats.h>
#include <weft/net/loop.h>

struct proxy_log {
    struct weft_loop *loop;
    struct proxy_stats *stats;
    enum proxy_log_mode mode;
    int fd;          /* -1: none */
    unsigned worker; /* stands in every line */
    struct weft_buf buf;
    struct weft_timer timer;
};

struct proxy_log_line {
    enum proxy_dir dir;
    struct weft_slice request_id, method, authority, path;
    const char *protocol; /* "h1", "h1.0", "h2", "opaque" */
    uint16_t status;      /* 0: none was sent */
    enum weft_reason reason;
    struct weft_slice route, rule, backend; /* "ns/name", name or index, "ns/svc:port" */
    const struct weft_addr *client, *endpoint;
    struct weft_slice peer_id; /* who proved itself at the other end */
    uint32_t attempts;
    uint64_t duration_us, bytes_in, bytes_out;
};

/* Opens standard output (file NULL) or the file for appending; -1 and errno when it cannot. */
int proxy_log_open(const char *file);
/* `fd` stays the caller's; -1 with mode off. */
void proxy_log_init(struct proxy_log *l, struct weft_loop *loop, struct proxy_stats *stats,
                    enum proxy_log_mode mode, int fd);
void proxy_log_done(struct proxy_log *l); /* writes what it still can */
/* Is a line for such an end wanted? */
bool proxy_log_wants(const struct proxy_log *l, uint16_t status, enum weft_reason reason);
void proxy_log_write(struct proxy_log *l, const struct proxy_log_line *line);
