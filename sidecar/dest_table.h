/* SPDX-License-Identifier: Apache-2.0
 * One worker's private map from address to what it means: the bound Destination in force, with the
 * worker's own balancing state and metric series for it, and the connections parked until the
 * first answer comes. Never locked. */
#pragma once
#include <uthash.h>

#include <sidecar/config.h>
#include <sidecar/load.h>
#include <sidecar/series.h>
#include <weft/mesh/pick.h>
#include <weft/net/loop.h>

struct proxy_worker;

/* One worker's view of a bound Destination. */
struct proxy_bound {
    struct proxy_worker *w;
    uint32_t refs;
    struct weft_bound *bound;
    struct weft_split *splits;  /* one a rule */
    struct proxy_load ***loads; /* [endpoints set][endpoint] */
    struct weft_near *near;     /* [endpoints set]: those of this pod's zone */
    struct weft_retry_budget budget;
    uint32_t *first_slot;         /* of each rule in `series`: one a backend, one for none */
    struct proxy_series **series; /* made on first use */
    uint32_t n_slots;
    char *service; /* "ns/name:port" */
};
struct proxy_bound *proxy_bound_ref(struct proxy_bound *b);
struct proxy_bound *proxy_bound_unref(struct proxy_bound *b);
/* rule -1: none matched; backend -1: none chosen. Valid as long as the bound. */
struct proxy_series *proxy_bound_series(struct proxy_bound *b, int rule, int backend);
/* "ns/service:port" of a backend, "" for none; in a. */
struct weft_slice proxy_backend_name(const struct weft_backend *b, struct weft_arena *a);

struct proxy_dest {
    struct weft_addr addr;
    struct proxy_bound *cur; /* NULL: not known yet, or forgotten */
    uint32_t refs;           /* connections that hold it: not evicted */
    struct weft_list parked;
    struct weft_timer timer; /* how long the parked ones wait */
    struct weft_list lru;
    uint64_t used_us, asked_us;
    bool wanted; /* the main thread was asked for it */
    struct proxy_dests *table;
    UT_hash_handle hh;
};

/* A parked connection: fn is called once, with known false when nothing came in time. */
struct proxy_park {
    struct weft_list link;
    void (*fn)(void *arg, bool known);
    void *arg;
};

struct proxy_dests {
    struct proxy_worker *w;
    struct proxy_dest *by_addr;
    struct proxy_load *loads;
    struct weft_list lru; /* oldest first */
    uint32_t n_none;      /* entries that say "nothing of ours" */
    bool pushed;          /* everything known is pushed (snapshot): an unknown address is foreign */
    bool connected;       /* the controller is reached: worth waiting longer */
    uint32_t ask_tokens;
    uint64_t ask_filled_us;
    struct weft_timer sweep;
};
void proxy_dests_init(struct proxy_dests *t, struct proxy_worker *w, bool pushed);
void proxy_dests_done(struct proxy_dests *t);
void proxy_dests_set_near(struct proxy_dests *t); /* this pod's zone is another now */
/* From the main thread: addr now means b (NULL: forgotten). */
void proxy_dests_put(struct proxy_dests *t, const struct weft_addr *addr, struct weft_bound *b);
/* The entry, referenced; with cur NULL (pushed: foreign) or still to come: then park. */
struct proxy_dest *proxy_dests_get(struct proxy_dests *t, const struct weft_addr *addr);
struct proxy_dest *proxy_dest_unref(struct proxy_dest *d);
/* The entry of a Service port, for --listen; NULL when there is none. `guess`: looked at first. */
struct proxy_dest *proxy_dests_find_service(struct proxy_dests *t, const struct weft_addr *guess,
                                            const char *ns, const char *service, uint16_t port);
void proxy_dest_park(struct proxy_dest *d, struct proxy_park *p);
void proxy_dest_unpark(struct proxy_dest *d, struct proxy_park *p); /* fn will not be called */
