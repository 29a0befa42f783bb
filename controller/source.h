/* SPDX-License-Identifier: Apache-2.0
 * Where the controller's objects come from: folders of manifests, or an API server. */
#pragma once
#include <controller/controller.h>
#include <weft/kube/source.h>

struct controller_source;
struct controller_source_cb {
    void *ud;
    void (*on_change)(void *ud); /* the store changed; first when all of it has been read */
    void (*on_status)(void *ud); /* only the status of a route did; may be NULL */
    /* `where` is a file, or "HTTPRoute ns/name". */
    void (*on_error)(void *ud, const char *where, const struct weft_error *err);
};
bool controller_source_is_kube(const struct controller_options *o);
/* The API client that the options ask for; *ret stays NULL with folders. */
enum weft_status controller_source_client(struct weft_loop *l, const struct controller_options *o,
                                          struct weft_kube **ret, struct weft_error *err);
/* k NULL: folders, read before this returns. */
enum weft_status controller_source_new(struct weft_loop *l, const struct controller_options *o,
                                       struct weft_kube *k, struct weft_store *store,
                                       const struct controller_source_cb *cb,
                                       struct controller_source **ret, struct weft_error *err);
/* Takes NULL, returns NULL. */
struct controller_source *controller_source_free(struct controller_source *s);
/* Do the experimental channel's fields exist? As the cluster's CRDs say, or else the options. */
bool controller_source_experimental(const struct controller_source *s);
/* Seconds since the API server last gave a sign of life for every kind; 0 with folders. */
double controller_source_lag_s(const struct controller_source *s);
