/* SPDX-License-Identifier: Apache-2.0
 * The resources that somebody subscribes to, translated and encoded once per (view, name). A new
 * gamma recomputes exactly those and tells the subscribers of what changed. */
#pragma once
#include <weft/gamma/gamma.h>
#include <weft/xds/ads.h>

struct controller_publish;
struct controller_publish_cb {
    void *ud;
    /* Another version of `name`, or none any more; `who` is a subscriber as given to acquire. */
    void (*on_changed)(void *ud, void *who, struct weft_slice name);
};
struct controller_publish *controller_publish_new(const struct controller_publish_cb *cb);
struct controller_publish *controller_publish_free(struct controller_publish *p);

/* Takes over g. Returns how many resources changed. */
size_t controller_publish_set_gamma(struct controller_publish *p, struct weft_gamma *g);
const struct weft_gamma *controller_publish_gamma(const struct controller_publish *p); /* or NULL */
/* The `trust` resource. Copies. */
void controller_publish_set_trust(struct controller_publish *p, struct weft_slice domain,
                                  struct weft_slice bundle_pem);

/* `ns` is the client's namespace: Destinations differ by it, nothing else does. */
void controller_publish_acquire(struct controller_publish *p, struct weft_slice ns,
                                struct weft_slice name, void *who);
void controller_publish_release(struct controller_publish *p, struct weft_slice ns,
                                struct weft_slice name, void *who);
/* NULL: there is no such resource, or nobody acquired it. Valid until the next set or release. */
const struct weft_ads_item *controller_publish_get(const struct controller_publish *p,
                                                   struct weft_slice ns, struct weft_slice name);
size_t controller_publish_count(const struct controller_publish *p);
