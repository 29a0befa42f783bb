/* SPDX-License-Identifier: Apache-2.0
 * Ejection of endpoints that fail in a row. */
#include <weft/mesh/outlier.h>

enum { MAX_TIMES = 10 };

void weft_outlier_success(struct weft_outlier *o, uint64_t until_us, uint64_t now_us) {
    if (now_us >= until_us) o->failures = 0;
}

bool weft_outlier_failure(struct weft_outlier *o, const struct weft_outlier_policy *p,
                          uint64_t until_us, uint64_t now_us) {
    if (!p->failures || now_us < until_us) return false;
    if (o->failures < p->failures) o->failures++;
    return o->failures >= p->failures;
}

bool weft_outlier_room(uint32_t n, uint32_t ejected) {
    return ejected < n / 2;
}

uint64_t weft_outlier_eject(struct weft_outlier *o, const struct weft_outlier_policy *p,
                            uint64_t now_us) {
    if (now_us > o->until_us + MAX_TIMES * p->eject_us) o->times = 0;
    if (o->times < MAX_TIMES) o->times++;
    o->failures = p->failures - 1;
    o->until_us = now_us + o->times * p->eject_us;
    return o->until_us;
}
