/* SPDX-License-Identifier: Apache-2.0
 * The root in a Secret of its own (type kubernetes.io/tls: tls.key, tls.crt). It is read only when
 * an issuer is to be made below it, by the leader alone: no replica keeps the root's key. */
#pragma once
#include <weft/kube/client.h>

struct controller_ca_issued {
    enum weft_status status; /* NOT_FOUND: there is no root, and none was to be made */
    const char *why;         /* in one line, unless OK */
    struct weft_slice key;   /* PEM: of the new issuer, ... */
    struct weft_slice chain; /* ... and its certificate, then the root's; borrowed */
};
struct controller_ca_root_options {
    struct weft_kube *kube;
    const char *ns, *name; /* of the Secret */
    const char *trust_domain;
    int64_t ttl_s; /* of issuers */
    void (*on_issued)(void *ud, const struct controller_ca_issued *i);
    void *ud;
};
struct controller_ca_root;
struct controller_ca_root *controller_ca_root_new(const struct controller_ca_root_options *opt);
/* One on_issued follows, not from inside this call; nothing while one is still to come. `make`: a
 * root that is missing is made first, for ten years. */
void controller_ca_root_issue(struct controller_ca_root *r, bool make);
bool controller_ca_root_busy(const struct controller_ca_root *r);
struct controller_ca_root *controller_ca_root_free(struct controller_ca_root *r);
