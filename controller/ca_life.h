/* SPDX-License-Identifier: Apache-2.0
 * How long an authority still lasts, and when something has to be done about it. Pure. */
#pragma once
#include <weft/net/tls.h>

struct controller_ca_life { /* Unix seconds */
    int64_t from, to;       /* of the certificate that signs */
    int64_t root_from, root_to;
    bool is_root; /* the one that signs is the root itself */
};
/* `chain`: PEM, issuer first, root last. */
enum weft_status controller_ca_life_read(struct weft_slice chain, struct controller_ca_life *ret,
                                         struct weft_error *err);
/* From here on another issuer is wanted: at two thirds of its life, and always instead of a root
 * that signs itself. */
bool controller_ca_life_due(const struct controller_ca_life *l, int64_t now);
int64_t controller_ca_life_due_at(const struct controller_ca_life *l);
/* Somebody has to look after it: less than a quarter of its life, and less than 90 days, is left of
 * the issuer or of the root. */
bool controller_ca_life_late(const struct controller_ca_life *l, int64_t now);
/* Renewed in time, an issuer of this life signs no workload certificate that it cuts short. */
#define CONTROLLER_CA_ISSUER_TTL_S ((int64_t)365 * 86400)
