/* SPDX-License-Identifier: Apache-2.0
 * How many TokenReviews may be asked for: so many by all together, and a tenth of that by one
 * address, so that a pod that shows random tokens costs itself its certificate and nobody else. */
#pragma once
#include <weft/base/addr.h>

enum {
    CONTROLLER_ALLOWANCE_ALL = 200, /* at once */
    CONTROLLER_ALLOWANCE_ALL_PER_SECOND = 50,
    CONTROLLER_ALLOWANCE_ONE = 20, /* a node behind one address starts its pods as well */
    CONTROLLER_ALLOWANCE_ONE_PER_SECOND = 5,
};

struct controller_share;
struct controller_allowance {
    struct controller_share *shares; /* of addresses not long ago, the longest unused first */
    double left;
    uint64_t at_us;
};
void controller_allowance_init(struct controller_allowance *a, uint64_t now_us);
/* The port of `from` does not matter. False: too many, and nothing is taken. */
bool controller_allowance_take(struct controller_allowance *a, const struct weft_addr *from,
                               uint64_t now_us);
size_t controller_allowance_known(const struct controller_allowance *a); /* for tests */
void controller_allowance_done(struct controller_allowance *a);
