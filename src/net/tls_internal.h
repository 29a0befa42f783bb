/* SPDX-License-Identifier: Apache-2.0
 * What the TLS transport and its contexts share. */
#pragma once
#include "pki_internal.h"

struct weft_tls_ctx {
    int refs; /* one thread */
    enum weft_tls_kind kind;
    SSL_CTX *ssl;
    struct weft_identity *id;
    struct weft_buf alpn; /* server: own protocols, in wire format, in order of preference */
};

/* What verification learns of the peer; the SSL's app data points to it. */
struct tls_peer {
    struct weft_tls_ctx *ctx;
    struct weft_slice expect_id; /* client; empty: any */
    struct weft_buf id;
    int64_t not_after;
    enum weft_status verdict; /* IDENTITY when the chain is good and the name is not */
};

static inline bool tls_is_server(enum weft_tls_kind k) {
    return k == WEFT_TLS_MESH_SERVER || k == WEFT_TLS_CONTROL_SERVER;
}
