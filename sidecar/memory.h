/* SPDX-License-Identifier: Apache-2.0
 * Memory of this container: when it is nearly used up, new connections are refused rather than all
 * of them lost. On the main thread, off the way of requests. */
#pragma once
#include <weft/net/loop.h>

struct proxy_memory_use {
    uint64_t max;  /* bytes; 0: no limit */
    uint64_t used; /* without file pages that the kernel gives up first, as the kubelet counts */
};
/* Of the own cgroup, v2 or v1. `proc_cgroup` is /proc/self/cgroup and `root` /sys/fs/cgroup but for
 * tests: where the own path is not below root (a container sees its own as the root), root counts.
 */
void proxy_memory_read(const char *proc_cgroup, const char *root, struct proxy_memory_use *ret);
/* Refuse from `percent` of the limit on, until five percent of it less are used; 0: never. */
bool proxy_memory_short(bool was, const struct proxy_memory_use *use, uint64_t percent);

struct proxy_memory;
/* Looks every second where there is a limit. fn: it became short, or is no more. NULL with
 * percent 0. */
struct proxy_memory *proxy_memory_watch(struct weft_loop *l, uint64_t percent,
                                        void (*fn)(void *ud, bool is_short), void *ud);
struct proxy_memory *proxy_memory_free(struct proxy_memory *m);
