/* SPDX-License-Identifier: Apache-2.0
 * The controller's one TLS port: certificates for whoever has a token, discovery for whoever has a
 * certificate. */
#pragma once
#include <controller/discovery.h>
#include <controller/sign.h>

struct controller_server;
struct controller_server_options {
    struct weft_addr listen;
    const char *name;          /* DNS name in the serving certificate */
    uint64_t write_timeout_us; /* who takes nothing of what is queued so long is cut; 0: none */
};
enum weft_status controller_server_new(struct weft_loop *l,
                                       const struct controller_server_options *opt,
                                       const struct controller_sign *sign,
                                       struct controller_discovery *discovery,
                                       struct controller_server **ret, struct weft_error *err);
/* A new serving certificate, and verification by the bundle in force now. Open connections keep
 * what they began with. */
void controller_server_renew(struct controller_server *s);
/* Stops listening and closes what is open; frees itself when the last connection is gone. */
void controller_server_close(struct controller_server *s); /* takes NULL */
struct weft_addr controller_server_addr(const struct controller_server *s);
/* For tests: serves this plain or already secured transport as if it had been accepted. */
void controller_server_adopt(struct controller_server *s, struct weft_xport *below);
