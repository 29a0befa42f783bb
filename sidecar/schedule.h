/* SPDX-License-Identifier: Apache-2.0
 * How the kernel lets the proxy's threads take a CPU from others (sched(7)). */
#pragma once

enum proxy_scheduling { PROXY_SCHEDULE_BATCH, PROXY_SCHEDULE_OTHER };

/* The calling thread, and those that it makes from now on, are scheduled so. Needs no right; where
 * the kernel or a seccomp profile refuses, a warning says so and all goes on as it was. */
void proxy_schedule(enum proxy_scheduling how);
