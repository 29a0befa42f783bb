/* SPDX-License-Identifier: Apache-2.0
 * The whole controller on one loop: folders or API server -> store -> gamma -> published resources
 * -> proxies. */
#pragma once
#include <weft/base/addr.h>
#include <weft/base/status.h>
#include <weft/net/loop.h>

enum { CONTROLLER_MAX_DIRS = 64 };

struct controller_options {
    const char *dirs[CONTROLLER_MAX_DIRS];
    size_t n_dirs;
    bool kube; /* instead of folders: the API server of the pod's cluster, ... */
    const char *kubeconfig, *context; /* ... or that of this file */
    struct weft_addr listen, admin;
    const char *ca_dir, *ca_cert, *ca_key, *ca_bundle;
    const char *ns; /* the controller's own namespace, part of its SPIFFE ID */
    /* in a cluster */
    const char *ca_secret, *ca_root_secret;
    const char *lease, *token_audience, *mesh_name, *webhook_config;
    const char *token_dir;
    const char *trust_domain;
    const char *name; /* DNS name in the serving certificate */
    bool experimental;
    bool require_reference_grant; /* REQ-054 */
    uint64_t cert_ttl_s, write_timeout_s, admin_write_timeout_s;
    const char *log_level;
    /* The webhook; family 0: none. */
    struct weft_addr webhook;
    const char *init_image, *proxy_image, *pull_policy;
    const char *proxy_controller; /* where sidecars come to, NAME:PORT */
    bool classic_sidecars;
};
void controller_options_default(struct controller_options *o);

struct controller;
/* Everything is listening when this returns; in a cluster, what needs a certificate as soon as
 * there is an authority. */
enum weft_status controller_new(struct weft_loop *l, const struct controller_options *o,
                                struct controller **ret, struct weft_error *err);
/* Begins to end: nothing new is promised, others may take over, then the loop is stopped. With
 * folders, or when asked twice, at once. */
void controller_stop(struct controller *c);
bool controller_has_failed(const struct controller *c); /* the loop was stopped for that */
/* Closes everything; the loop must turn once more before it is freed. Returns NULL. */
struct controller *controller_free(struct controller *c);
struct weft_addr controller_addr(const struct controller *c); /* family 0: not listening yet */
struct weft_addr controller_admin_addr(const struct controller *c);
struct weft_addr controller_webhook_bound(const struct controller *c); /* family 0: none */
