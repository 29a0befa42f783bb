/* SPDX-License-Identifier: Apache-2.0
 * The proxy's end of the control plane, on the main thread: makes the key, gets the certificate
 * signed, holds the ADS stream, renews, writes and reads the state folder. */
#pragma once
#include <sidecar/config.h>
#include <weft/net/loop.h>
#include <weft/net/tls.h>

struct proxy_agent;
struct proxy_agent_options {
    const char *controller_host; /* a name or an address */
    uint16_t controller_port;
    const char *controller_name; /* TLS server name to check, "weft-controller.weft-system.svc" */
    const char *ns, *pod;        /* this workload */
    const char *service_account;
    const char *trust_domain;
    const char *token_file;  /* bootstrap token */
    const char *bundle_file; /* trust bundle PEM that came with the pod; read at each use */
    const char *bundle_pem;  /* the same, itself; one of the two */
    const char *state_dir;   /* NULL: nothing is kept */
    uint64_t cert_ttl_s;     /* asked for; 0: the controller's default */
};
struct proxy_agent_cb {
    void *ud;
    /* A new identity (certificate or bundle): make contexts for the workers. Borrowed. */
    void (*on_identity)(void *ud, struct weft_identity *id);
    void (*on_connected)(void *ud, bool connected); /* for metrics and the 1 s rule of DESIGN 3 */
    void (*on_rejected)(void *ud);                  /* a resource was not taken up; may be NULL */
    void (*on_unsigned)(void *ud);                  /* no certificate this time; may be NULL */
};
struct proxy_agent *proxy_agent_new(struct weft_loop *l, const struct proxy_agent_options *opt,
                                    struct proxy_config *config, const struct proxy_agent_cb *cb);
struct proxy_agent *proxy_agent_free(struct proxy_agent *a);
