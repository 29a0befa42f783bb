/* SPDX-License-Identifier: Apache-2.0
 * How many worker threads fit the CPU share of this container. */
#pragma once
#include <weft/base/slice.h>

/* min(2, ceil(CPU limit)), never more than the CPUs this process may run on, at least 1. */
unsigned proxy_default_workers(void);
/* Hundredths of a CPU from the text of cpu.max (cgroup v2), or of quota and period (v1);
 * 0: no limit. */
unsigned proxy_cpu_limit_v2(struct weft_slice cpu_max);
unsigned proxy_cpu_limit_v1(struct weft_slice quota, struct weft_slice period);
