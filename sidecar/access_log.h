/* SPDX-License-Identifier: Apache-2.0
 * One JSON line a request or opaque connection, through a buffer of the worker that is written
 * without ever blocking; lines are dropped and counted when their reader is too slow. */
#pragma once
#include <sidecar/options.h>
#include <sidecar/series.h>
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

enum { PROXY_NOT_YET = UINT32_MAX };
/* When a request came how far, in µs since its head was there. */
struct proxy_log_marks {
    uint32_t routed_us;     /* a backend was chosen */
    uint32_t connected_us;  /* the last attempt had a connection */
    uint32_t first_byte_us; /* the head of the response, or our own answer */
};
#define PROXY_LOG_NO_MARKS ((struct proxy_log_marks){PROXY_NOT_YET, PROXY_NOT_YET, PROXY_NOT_YET})

struct proxy_log_line {
    const struct proxy_series_labels *labels; /* direction and who decided */
    struct weft_slice request_id, method, authority, path;
    struct weft_slice sni; /* of TLS that is passed on, cleaned */
    const char *protocol;  /* "h1", "h1.0", "h2", "opaque", "refused" */
    uint16_t status;       /* 0: none was sent */
    int8_t grpc_status;    /* or PROXY_GRPC_* */
    enum weft_reason reason;
    const struct weft_addr *client, *endpoint;
    struct weft_slice peer_id; /* who proved itself at the other end */
    uint32_t attempts;
    uint64_t duration_us, bytes_in, bytes_out;
    const struct proxy_log_marks *marks; /* NULL: not a request */
};

/* Opens standard output (file NULL) or the file for appending; -1 and errno when it cannot. */
int proxy_log_open(const char *file);
/* `fd` stays the caller's; -1: the log is off and stays so. */
void proxy_log_init(struct proxy_log *l, struct weft_loop *loop, struct proxy_stats *stats,
                    enum proxy_log_mode mode, int fd);
void proxy_log_done(struct proxy_log *l); /* writes what it still can */
/* Takes effect with the next line; without an fd it stays off. */
void proxy_log_set_mode(struct proxy_log *l, enum proxy_log_mode mode);
/* Is a line for such an end wanted? Of gRPC statuses those that mean a fault of the server. */
static inline bool proxy_log_wants(const struct proxy_log *l, uint16_t status, int8_t grpc_status,
                                   enum weft_reason reason) {
    if (l->mode != PROXY_LOG_ERRORS) return l->mode == PROXY_LOG_ALL;
    return status >= 500 ||
           (reason != WEFT_REASON_NONE && reason != WEFT_REASON_REDIRECT &&
            reason != WEFT_REASON_PREFLIGHT) ||
           proxy_grpc_failed(grpc_status);
}
void proxy_log_write(struct proxy_log *l, const struct proxy_log_line *line);
