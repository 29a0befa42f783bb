/* SPDX-License-Identifier: Apache-2.0
 * Two token buckets: one for all, and one an address. An address whose bucket is full again is as
 * good as one never seen and is forgotten; as each that is kept took from the common bucket a few
 * seconds ago, there are never more than 400. */
#include <controller/allowance.h>

#include <weft/base/alloc.h>

#include <uthash.h>

#define FULL_AGAIN_US                                                                              \
    (UINT64_C(1000000) * CONTROLLER_ALLOWANCE_ONE / CONTROLLER_ALLOWANCE_ONE_PER_SECOND)

struct controller_share {
    UT_hash_handle hh;
    double left;
    uint64_t at_us; /* when it was taken from last */
    char who[WEFT_ADDR_STR];
};

static double refilled(double left, uint64_t us, int per_second, int most) {
    left += (double)us * per_second / 1e6;
    return left > most ? most : left;
}

static void forget_full(struct controller_allowance *a, uint64_t now_us) {
    for (struct controller_share *s; (s = a->shares) && now_us - s->at_us >= FULL_AGAIN_US;) {
        HASH_DEL(a->shares, s);
        free(s);
    }
}

void controller_allowance_init(struct controller_allowance *a, uint64_t now_us) {
    *a = (struct controller_allowance){.left = CONTROLLER_ALLOWANCE_ALL, .at_us = now_us};
}

static struct controller_share *share_new(const char *who) {
    struct controller_share *s = weft_new0(struct controller_share);
    memcpy(s->who, who, sizeof s->who);
    s->left = CONTROLLER_ALLOWANCE_ONE;
    return s;
}

bool controller_allowance_take(struct controller_allowance *a, const struct weft_addr *from,
                               uint64_t now_us) {
    struct controller_share *s = NULL;
    char who[WEFT_ADDR_STR] = "";
    weft_addr_format_ip(from, who);
    forget_full(a, now_us);
    HASH_FIND_STR(a->shares, who, s);
    double all = refilled(a->left, now_us - a->at_us, CONTROLLER_ALLOWANCE_ALL_PER_SECOND,
                          CONTROLLER_ALLOWANCE_ALL),
           one = s ? refilled(s->left, now_us - s->at_us, CONTROLLER_ALLOWANCE_ONE_PER_SECOND,
                              CONTROLLER_ALLOWANCE_ONE)
                   : CONTROLLER_ALLOWANCE_ONE;
    if (all < 1 || one < 1) return false;
    if (s)
        HASH_DEL(a->shares, s);
    else
        s = share_new(who);
    s->left = one - 1;
    s->at_us = now_us;
    HASH_ADD_STR(a->shares, who, s); /* as the last */
    a->left = all - 1;
    a->at_us = now_us;
    return true;
}

size_t controller_allowance_known(const struct controller_allowance *a) {
    return HASH_COUNT(a->shares);
}

void controller_allowance_done(struct controller_allowance *a) {
    struct controller_share *s, *next;
    HASH_ITER(hh, a->shares, s, next) {
        HASH_DEL(a->shares, s);
        free(s);
    }
}
