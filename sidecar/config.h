/* SPDX-License-Identifier: Apache-2.0
 * Everything the proxy knows, on the main thread: resources come in by name from a source (a
 * snapshot file or the controller), Destinations are joined with all Endpoints that they name and
 * only then handed to the workers as one immutable weft_bound. */
#pragma once
#include <jansson.h>
#include <weft/mesh/model.h>

/* A Destination with its Endpoints, in force as one. Immutable, reference-counted. */
struct weft_bound {
    atomic_uint refs;
    const struct weft_destination *dest;
    const struct weft_endpoints **endpoints; /* dest->n_endpoints of them, in its order */
};
struct weft_bound *weft_bound_ref(struct weft_bound *b);
struct weft_bound *weft_bound_unref(struct weft_bound *b);

struct proxy_config;
struct proxy_config_cb {
    void *ud;
    /* To the workers: `addr` now means b (referenced for the call), or is forgotten (NULL). */
    void (*on_bound)(void *ud, const struct weft_addr *addr, struct weft_bound *b);
    void (*on_inbound)(void *ud, const struct weft_inbound *i);
    void (*on_trust)(void *ud, const struct weft_trust *t);
};
struct proxy_config *proxy_config_new(const struct proxy_config_cb *cb);
struct proxy_config *proxy_config_free(struct proxy_config *c);

/* From the source. Each takes over the caller's reference. */
void proxy_config_put_destination(struct proxy_config *c, struct weft_destination *d);
void proxy_config_put_endpoints(struct proxy_config *c, struct weft_endpoints *e);
void proxy_config_put_inbound(struct proxy_config *c, struct weft_inbound *i);
void proxy_config_put_trust(struct proxy_config *c, struct weft_trust *t);
/* The source no longer has it ("dest/...", "endpoints/...", "inbound/..."). */
void proxy_config_remove(struct proxy_config *c, struct weft_slice name);
/* Which "inbound/NS/POD" of a snapshot is this proxy's own. */
void proxy_config_set_own(struct proxy_config *c, const char *ns, const char *pod);
/* Replaces everything at once (snapshot): what is not in it is forgotten. Takes the references. */
struct weft_snapshot;
void proxy_config_replace(struct proxy_config *c, struct weft_snapshot *s);

/* To the source: what is wanted by name. Set by the agent; never called for a snapshot. */
struct proxy_config_source {
    void *ud;
    void (*subscribe)(void *ud, struct weft_slice name);
    void (*unsubscribe)(void *ud, struct weft_slice name);
};
void proxy_config_set_source(struct proxy_config *c, const struct proxy_config_source *s);
/* A worker met an unknown address (posted to main). */
void proxy_config_want(struct proxy_config *c, const struct weft_addr *addr);
void proxy_config_unwant(struct proxy_config *c, const struct weft_addr *addr);
/* First inbound resource and trust have arrived, or a snapshot was loaded. */
bool proxy_config_ready(const struct proxy_config *c);
/* The version of what is asked for and came, with what it implies, as the controller reckons it of
 * what this proxy acknowledged (weft_ads_mix): the same content has the same version, in whatever
 * order it came. False: there is nothing yet. */
bool proxy_config_version(struct proxy_config *c, char ret_hex[17]);
/* Grows with every change put in force; for the metrics. */
uint64_t proxy_config_generation(const struct proxy_config *c);
/* All resources, for /config_dump; borrowed until the next put. */
json_t *proxy_config_dump(const struct proxy_config *c);
