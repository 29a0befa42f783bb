/* SPDX-License-Identifier: Apache-2.0
 * One HTTP/2 connection to the controller: dialled, secured, its server's identity checked. */
#pragma once
#include <weft/conn/pool.h>
#include <weft/net/resolve.h>

struct agent_link;
struct agent_link_options {
    struct weft_slice host; /* looked up at each attempt */
    uint16_t port;
    struct weft_identity *identity; /* with a certificate, or trust only */
    const char *server_name;        /* sent as SNI */
    struct weft_slice server_id;    /* the SPIFFE ID that the controller must prove */
};
struct agent_link_cb {
    void *ud;
    void (*on_up)(void *ud, struct weft_client_conn *c);
    void (*on_down)(void *ud, enum weft_status st); /* the last event; the link is gone */
};
/* NULL when the identity cannot be used. No callback from inside this call. */
struct agent_link *agent_link_open(struct weft_loop *l, const struct agent_link_options *opt,
                                   const struct agent_link_cb *cb);
void agent_link_close(struct agent_link *l); /* no more callbacks; takes NULL */
