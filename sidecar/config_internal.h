/* SPDX-License-Identifier: Apache-2.0
 * The insides of the configuration store, for config.c and its tests. */
#pragma once
#include <uthash.h>

#include <sidecar/config.h>
#include <weft/xds/codec.h>

struct config_endpoints {
    char *name;
    struct weft_endpoints *e;
    bool seen; /* by the replacement, or the summing up, under way */
    UT_hash_handle hh;
};
struct config_dest {
    struct weft_addr addr;
    struct weft_destination *d; /* newest received; NULL: only wanted so far */
    struct weft_bound *bound;   /* in force */
    uint32_t wants;             /* workers that hold this address */
    bool seen;
    UT_hash_handle hh;
};
struct proxy_config {
    struct proxy_config_cb cb;
    struct proxy_config_source source;
    struct config_dest *dests;
    struct config_endpoints *endpoints;
    struct weft_inbound *inbound;
    struct weft_inbound **all_inbound; /* of a snapshot, for the dump */
    size_t n_all_inbound;
    char *own; /* name of the own inbound resource in a snapshot */
    struct weft_trust *trust;
    uint64_t generation; /* counts what was put in force */
    bool loaded;         /* a snapshot */
};
void proxy_config_subscribe(struct proxy_config *c, const struct weft_addr *addr, bool on);
