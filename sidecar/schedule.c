/* SPDX-License-Identifier: Apache-2.0
 * SCHED_BATCH: a proxy that is woken does not push aside who woke it. An app that has written its
 * request is about to wait anyway; let it get there, and two switches of the process are saved, and
 * what came meanwhile is found in one turn. Where all CPUs are busy, the proxy waits for its turn.
 */
#include <sidecar/schedule.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <weft/obs/log.h>

void proxy_schedule(enum proxy_scheduling how) {
    const struct sched_param p = {0};
    int policy = how == PROXY_SCHEDULE_BATCH ? SCHED_BATCH : SCHED_OTHER;
    if (sched_setscheduler(0, policy, &p) != 0)
        weft_warn("proxy", "--scheduling: refused: %s; it stays as it was", strerror(errno));
}
