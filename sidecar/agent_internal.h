/* SPDX-License-Identifier: Apache-2.0
 * The agent's parts: identity (agent_identity.c), configuration (agent_config.c), the stream's
 * coming and going (agent.c). */
#pragma once
#include <sidecar/agent.h>
#include <sidecar/agent_ads.h>
#include <sidecar/agent_sign.h>
#include <sidecar/agent_state.h>

struct agent_held;

struct agent_backoff {
    uint64_t next_us;
};

struct proxy_agent {
    struct weft_loop *loop;
    struct proxy_agent_options opt; /* strings are copies in `arena` */
    struct weft_arena arena;
    struct proxy_config *config;
    struct proxy_agent_cb cb;
    struct weft_rng rng;
    struct weft_slice own_id, controller_id, inbound_name;

    /* identity */
    struct weft_identity *identity;     /* NULL until the first certificate */
    struct weft_buf key, chain, bundle; /* PEM of it */
    struct weft_trust *trust;           /* last one pushed, or NULL */
    struct weft_buf next_key;           /* being signed */
    struct agent_sign *sign;
    struct weft_timer sign_timer; /* the next attempt */
    struct agent_backoff sign_backoff;
    bool by_token; /* the next attempt begins anew, with the token and the pod's bundle */

    /* configuration */
    struct weft_ads_client *client;
    struct agent_ads *ads;
    struct weft_timer ads_timer; /* the next attempt */
    struct agent_backoff ads_backoff;
    bool connected;
    double allowance; /* names that may be subscribed to now */
    uint64_t allowance_at_us;
    struct weft_timer allowance_timer;
    struct agent_held *held; /* encoded resources by name, for the state folder */
    struct weft_timer save_timer;
};

/* 100 ms doubling to 10 s, each jittered down to half. */
uint64_t agent_backoff_us(struct agent_backoff *b, struct weft_rng *rng);

/* agent_identity.c */
void agent_identity_load(struct proxy_agent *a);  /* from the state folder */
void agent_identity_start(struct proxy_agent *a); /* asks for a certificate now, or plans to */
void agent_identity_stop(struct proxy_agent *a);
/* A pushed trust bundle: IDENTITY when our certificate does not chain to it. Takes no reference. */
enum weft_status agent_identity_set_trust(struct proxy_agent *a, struct weft_trust *t,
                                          struct weft_error *err);
void agent_identity_distrusted(struct proxy_agent *a); /* the controller did not take it */

/* agent_config.c */
void agent_config_start(struct proxy_agent *a); /* loads the state folder, becomes the source */
void agent_config_stop(struct proxy_agent *a);
size_t agent_config_allowance(struct proxy_agent *a);
void agent_config_spent(struct proxy_agent *a, size_t names);

/* agent.c */
void agent_connect(struct proxy_agent *a); /* opens the stream anew, with the identity in force */
