/* SPDX-License-Identifier: Apache-2.0
 * One delta ADS stream to the controller; what is said on it is decided by a weft_ads_client. */
#pragma once
#include <sidecar/agent_link.h>
#include <weft/xds/ads.h>

struct agent_ads;
struct agent_ads_cb {
    void *ud;
    void (*on_up)(void *ud); /* the controller took the stream */
    /* The last event; the stream is gone. DENIED: the controller does not take our certificate. */
    void (*on_down)(void *ud, enum weft_status st, struct weft_slice why);
    /* How many new names may be told now; and how many were. */
    size_t (*allowance)(void *ud);
    void (*spent)(void *ud, size_t names);
};
/* `client` is restarted and must outlive the stream. */
struct agent_ads *agent_ads_open(struct weft_loop *l, const struct agent_link_options *opt,
                                 struct weft_ads_client *client, const struct agent_ads_cb *cb);
void agent_ads_close(struct agent_ads *s); /* no more callbacks; takes NULL */
void agent_ads_kick(struct agent_ads *s);  /* something may be due to be told; takes NULL */
