/* SPDX-License-Identifier: Apache-2.0
 * What callers may take of a worker: connections, queued output, time. docs/reference/limits.md. */
#pragma once
#include <sidecar/stats.h>
#include <weft/conn/server.h>

struct proxy_worker;
struct proxy_conn;

/* As many descriptors as the system lets this process have. */
void proxy_limits_raise_files(void);
/* The worker's part of what the options give the process; `workers` share it. */
void proxy_limits_share(struct proxy_worker *w, size_t workers);
/* What the options say of every HTTP connection of the worker, of callers and to endpoints. */
void proxy_limits_of_codec(struct proxy_worker *w, struct weft_codec_limits *ret);
/* The same, and what else they say of a caller's. A verified peer carries many callers at once. */
void proxy_limits_of_conn(struct proxy_conn *c, struct weft_server_options *ret);
/* Counts it; NONE does nothing. */
void proxy_limits_hit(struct proxy_worker *w, enum proxy_dir dir, enum weft_cap cap);
/* False: one more is too many (counted): connections, memory or file descriptors. */
bool proxy_limits_admit_conn(struct proxy_conn *c);
/* A socket with this number leaves too few of the `max` descriptors for what is in flight. */
bool proxy_limits_files_short(int fd, uint64_t max);
/* False: the caller reads too little of what it asked for to be given more (counted). */
bool proxy_limits_admit_request(struct proxy_conn *c);
/* Queues of callers hold twice what they may: the longest go. */
void proxy_limits_evict(void *worker);
/* Every second: ends what does not move. */
void proxy_limits_check(struct proxy_worker *w);
