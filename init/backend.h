/* SPDX-License-Identifier: Apache-2.0
 * The four places where rules may live: nft and legacy, each for IPv4 and IPv6. */
#pragma once
#include <init/child.h>
#include <init/options.h>
#include <init/saved.h>

struct init_place {
    int family; /* 4 or 6 */
    enum init_backend backend;
    char *save, *restore;   /* paths of the programs; NULL when not installed */
    bool usable;            /* its rules could be read */
    bool absent;            /* not usable, because it is not there at all */
    struct init_child read; /* owns the text that `saved` points into */
    struct init_saved saved;
    char why[512]; /* why it is not usable */
};

struct init_places {
    struct init_place at[2][INIT_BACKENDS]; /* [0] IPv4, [1] IPv6 */
};

/* Finds the programs and reads what is there; changes nothing. */
void init_places_survey(struct init_places *p, struct weft_arena *a);
void init_places_done(struct init_places *p);
/* The back end to try first: the one asked for, the only one that holds our chains, the only one
 * that holds rules; else nft. ret_only: do not fall back to the other. Pure. */
enum init_backend init_places_choose(const struct init_places *p, const struct init_options *o,
                                     bool *ret_only);
const char *init_backend_name(enum init_backend b);

enum init_outcome {
    INIT_DONE,
    INIT_ABSENT, /* not installed, or the kernel has no such table */
    INIT_FAILED,
};
/* Restores `text` into the place without flushing. `why` explains ABSENT and FAILED. */
enum init_outcome init_place_restore(const struct init_place *place, struct weft_slice text,
                                     uint64_t lock_wait_s, char *why, size_t why_size);
