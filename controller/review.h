/* SPDX-License-Identifier: Apache-2.0
 * Whose ServiceAccount token is this? The API server says so (TokenReview, with our audience). What
 * it said is believed for a few seconds, by the token's hash, so that a pod's retries and a burst
 * of pods cost it little. */
#pragma once
#include <controller/metrics.h>
#include <weft/kube/client.h>

struct controller_review;
struct controller_review *controller_review_new(struct weft_loop *l, struct weft_kube *k,
                                                const char *audience, struct controller_metrics *m);
/* Who waits is not told any more, and still cancels (connections end a little later than this). */
struct controller_review *controller_review_free(struct controller_review *r);

struct controller_review_answer {
    enum weft_status status; /* OK; DENIED: nobody's, or not for us; AGAIN: nothing is known now */
    struct weft_slice ns, service_account, pod; /* pod may be empty */
    bool away;       /* with AGAIN: the API server did not answer, or only with an error of its own;
                        nothing that who asks has in hand */
    const char *why; /* for a person, when not OK */
};
struct controller_review_wait;
/* fn is called once, never from inside this call, with what lives as long as it. The handle is dead
 * then. `from`: whose allowance it costs if the API server has to be asked. */
struct controller_review_wait *
controller_review_ask(struct controller_review *r, const struct weft_addr *from,
                      struct weft_slice token,
                      void (*fn)(void *ud, const struct controller_review_answer *a), void *ud);
void controller_review_cancel(struct controller_review_wait *w); /* fn is not called; takes NULL */

/* "system:serviceaccount:NS:NAME", strictly. For tests too. */
bool controller_review_user(struct weft_slice user, struct weft_slice *ret_ns,
                            struct weft_slice *ret_service_account);
