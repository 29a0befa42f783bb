/* SPDX-License-Identifier: Apache-2.0
 * Which replica leads: a coordination.k8s.io/v1 Lease, guarded by its resourceVersion. Clocks of
 * other machines are not believed: a Lease is over when it has not changed for its duration, as
 * seen from here. */
#pragma once
#include <weft/kube/client.h>

struct controller_lease_options {
    const char *ns, *name;
    const char *identity; /* unique among the replicas */
    uint64_t duration_us; /* others take over after so long a silence; 0: 15 s */
    uint64_t renew_us;    /* a leader that could not renew for so long stops; 0: 10 s */
    uint64_t retry_us;    /* between attempts, give or take a fifth; 0: 2 s */
};
struct controller_lease_cb {
    void *ud;
    void (*on_leader)(void *ud, bool leads); /* each change; not from inside new or free */
};
struct controller_lease;
struct controller_lease *controller_lease_new(struct weft_loop *l, struct weft_kube *k,
                                              const struct controller_lease_options *opt,
                                              const struct controller_lease_cb *cb);
bool controller_lease_leads(const struct controller_lease *l);
/* Leads no more (on_leader tells) and says so to the others, so that they need not wait; `done`
 * follows, not from inside this call, when that is said or cannot be said within 2 s. */
void controller_lease_release(struct controller_lease *l, void (*done)(void *ud), void *ud);
struct controller_lease *controller_lease_free(struct controller_lease *l);
