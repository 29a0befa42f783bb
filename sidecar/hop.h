/* SPDX-License-Identifier: Apache-2.0
 * The contract between two sidecars: the ALPN names that mark mesh traffic and the header
 * `weft-hop`, which tells the inbound side what the app spoke, and the outbound side that a request
 * surely reached no app. Believed only from verified peers; no app ever sees it. */
#pragma once
#include <weft/http/head.h>

#define PROXY_ALPN_H2  "weft-h2"
#define PROXY_ALPN_H1  "weft-h1"
#define PROXY_ALPN_TCP "weft-tcp"

enum { PROXY_HOP_VERSION = 1, PROXY_HOP_TOLERANCE = 2 };

/* HTTP/2 needs an authority; HTTP/1.0 may come without Host, or with an empty one. */
enum proxy_hop_host { PROXY_HOST_GIVEN, PROXY_HOST_NONE, PROXY_HOST_EMPTY };

struct proxy_hop {
    bool valid;
    enum weft_version app;     /* what the calling app spoke, or the backend wants */
    enum weft_framing framing; /* of the request body as the app sent it */
    enum proxy_hop_host host;  /* what stands in for an authority is not the app's */
    bool unprocessed;          /* response: no app saw the request */
    bool failed;               /* response: the connection to the app broke under the request */
};

/* Sets the field, replacing what is there; an absent or empty authority gets a stand-in. */
void proxy_hop_set_request(struct weft_head *head, enum weft_version app);
/* Takes the stand-in away again. */
void proxy_hop_restore_host(const struct proxy_hop *hop, struct weft_head *head);
void proxy_hop_set_unprocessed(struct weft_head *head);
void proxy_hop_set_failed(struct weft_head *head);
/* Reads and removes every weft-hop field. Nothing that cannot be understood is believed. */
void proxy_hop_take(struct weft_fields *fields, struct proxy_hop *ret);
