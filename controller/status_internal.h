/* SPDX-License-Identifier: Apache-2.0
 * The status writer: what has to be written and when (status.c), one write (status_write.c). */
#pragma once
#include <controller/status.h>
#include <controller/status_merge.h>
#include <weft/base/clock.h>

#include <uthash.h>

enum status_phase { STATUS_QUEUED, STATUS_SENT, STATUS_IDLE };

struct status_target { /* a route that has, had, or should have entries of ours */
    UT_hash_handle hh;
    struct controller_status *status;
    char *key; /* "KIND/NS/NAME" */
    char *kind, *ns, *name;
    enum status_phase phase;
    json_t *fresh; /* newer than the store's while that is of version `based` */
    char *based;
    char *refused; /* resourceVersion at which the API server took our entries for wrong */
    struct weft_kube_call *call;
    struct weft_timer retry;
    unsigned attempts; /* since the last success */
};

struct controller_status {
    struct weft_loop *loop;
    struct controller_status_options opt;
    struct weft_rng rng;
    bool leads;
    json_t *wanted; /* list that the index borrows from */
    struct status_wanted *index;
    struct status_target *targets;
    size_t n_sent;
    double allowance;
    uint64_t allowance_at_us;
    struct weft_timer look, pump;
};

struct status_wanted {
    UT_hash_handle hh;
    json_t *route; /* {"kind","namespace","name","generation","status"} */
    char key[];
};
/* NULL: none of ours should be there. */
json_t *status_wanted(const struct controller_status *s, const char *key);

/* status_write.c */
/* What is to be written to this route: `changed` false when nothing. False: it cannot be told now,
 * as what is wanted and what is stored are not of one generation. */
bool status_plan(struct status_target *t, const struct weft_object *o,
                 struct controller_status_merge *ret);
/* The version of the object by which that was planned; lives as long as both. */
const json_t *status_base(struct status_target *t, const struct weft_object *o);
void status_write(struct status_target *t);

/* status.c */
void status_done(struct status_target *t);                     /* written, or nothing to write */
void status_later(struct status_target *t, uint64_t after_us); /* to be looked at again */
void status_pump(struct controller_status *s);
void status_count(struct controller_status *s, const char *result);
