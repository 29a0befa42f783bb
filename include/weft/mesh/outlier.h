/* SPDX-License-Identifier: Apache-2.0
 * When an endpoint is ejected: after failures in a row, for a while that grows with every time,
 * and never more than half of its set. Pure; who holds the state, and shares it, is the caller's
 * business. */
#pragma once
#include <weft/base/forward.h>

struct weft_outlier_policy {
    uint32_t failures; /* in a row that eject; 0: never */
    uint64_t eject_us; /* the first time; n times that the n-th time, up to ten */
};
struct weft_outlier {
    uint32_t failures; /* in a row */
    uint32_t times;    /* ejections so far, forgotten after ten times eject_us without one */
    uint64_t until_us; /* end of the last one */
};
/* `until_us`: end of the ejection under way or last, of any worker. What comes in during an
 * ejection was sent before it and does not count. */
void weft_outlier_success(struct weft_outlier *o, uint64_t until_us, uint64_t now_us);
/* True: it should be ejected, if weft_outlier_room says that it may. */
bool weft_outlier_failure(struct weft_outlier *o, const struct weft_outlier_policy *p,
                          uint64_t until_us, uint64_t now_us);
/* May one more of n endpoints be ejected, of which `ejected` are? At most half of them. */
bool weft_outlier_room(uint32_t n, uint32_t ejected);
/* Ejects: returns until when. Afterwards the first failure ejects again. */
uint64_t weft_outlier_eject(struct weft_outlier *o, const struct weft_outlier_policy *p,
                            uint64_t now_us);
