/* SPDX-License-Identifier: Apache-2.0
 * weft.v1.Certificates/Sign: finds out who asks, then signs. */
#pragma once
#include <controller/ca.h>
#include <controller/review.h>
#include <weft/conn/server.h>

struct controller_sign {
    const struct controller_ca *ca;
    const char *token_dir;            /* bootstrap tokens in files, or NULL */
    struct controller_review *review; /* ServiceAccount tokens, or NULL; neither: only renewals */
    /* Is there a pod of this ServiceAccount at this address, as far as is known? Asked only while
     * the API server is away; NULL: none is. */
    bool (*is_pod)(void *ud, const struct weft_addr *ip, struct weft_slice ns,
                   struct weft_slice service_account);
    void *ud;
    struct controller_metrics *metrics;
};
/* Takes over the stream of one Sign call. `peer`: the verified client certificate's ID, or empty,
 * and its end. `s` must outlive the connection. */
void controller_sign_serve(const struct controller_sign *s, struct weft_stream *stream,
                           const struct weft_head *head, bool end,
                           const struct weft_xport_info *peer);
