/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/ca_life.h>

#include <stdlib.h>
#include <weft/base/alloc.h>

enum { LATE_S = 90 * 86400 };

enum weft_status controller_ca_life_read(struct weft_slice chain, struct controller_ca_life *ret,
                                         struct weft_error *err) {
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    enum weft_status st = weft_pki_read(chain, &certs, &n, err);
    if (st != WEFT_OK) return st;
    const struct weft_pki_cert *issuer = &certs[0], *root = &certs[n - 1];
    *ret = (struct controller_ca_life){.from = issuer->not_before,
                                       .to = issuer->not_after,
                                       .root_from = root->not_before,
                                       .root_to = root->not_after,
                                       .is_root = issuer->self_signed};
    return WEFT_OK;
}

int64_t controller_ca_life_due_at(const struct controller_ca_life *l) {
    return l->is_root ? l->from : l->from + (l->to - l->from) / 3 * 2;
}

bool controller_ca_life_due(const struct controller_ca_life *l, int64_t now) {
    return now >= controller_ca_life_due_at(l);
}

static bool is_late(int64_t from, int64_t to, int64_t now) {
    int64_t quarter = (to - from) / 4;
    return to - now < (quarter < LATE_S ? quarter : LATE_S);
}

bool controller_ca_life_late(const struct controller_ca_life *l, int64_t now) {
    return is_late(l->from, l->to, now) || is_late(l->root_from, l->root_to, now);
}
