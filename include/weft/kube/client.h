/* SPDX-License-Identifier: Apache-2.0
 * One Kubernetes API server and one credential: requests, and collections kept by list and watch.
 * libcurl does the HTTP on the loop's own sockets and timers; nothing here blocks. */
#pragma once
#include <jansson.h>
#include <weft/base/slice.h>
#include <weft/net/loop.h>

/* Where and as whom. Strings are owned by the struct. */
struct weft_kube_config {
    char *server;               /* "https://10.96.0.1:443", no slash at the end */
    char *ca_file, *ca_pem;     /* one of them, or neither: the system's roots */
    char *cert_file, *cert_pem; /* client certificate, with its key below */
    char *key_file, *key_pem;
    char *token, *token_file; /* the file is read again when it changes (a Secret mount is a
                                 symlink that is swapped, so links are followed) */
    char *ns;                 /* the context's, or the pod's own */
    char *server_name;        /* in the server's certificate, when it is not the address's */
    char *proxy;              /* "http://proxy:3128"; NULL: none, whatever the environment says */
    bool insecure;            /* the server's certificate is not verified (a kubeconfig says so) */
};
/* From /var/run/secrets/kubernetes.io/serviceaccount and KUBERNETES_SERVICE_HOST/PORT. NOT_FOUND
 * outside a pod. */
enum weft_status weft_kube_config_in_cluster(struct weft_kube_config *ret, struct weft_error *err);
/* path NULL: $KUBECONFIG, then ~/.kube/config. context NULL: current-context. */
enum weft_status weft_kube_config_load(const char *path, const char *context,
                                       struct weft_kube_config *ret, struct weft_error *err);
void weft_kube_config_done(struct weft_kube_config *c);

struct weft_kube;
/* Copies the config. */
enum weft_status weft_kube_new(struct weft_loop *l, const struct weft_kube_config *config,
                               struct weft_kube **ret, struct weft_error *err);
/* Ends every call and watch without a callback. Takes NULL, returns NULL. */
struct weft_kube *weft_kube_free(struct weft_kube *k);
const char *weft_kube_namespace(const struct weft_kube *k);

/* === one request === */

struct weft_kube_reply {
    long status;            /* HTTP status; 0: no answer came, `error` says why */
    const json_t *body;     /* borrowed; NULL when it was no JSON */
    struct weft_slice text; /* its bytes, borrowed; empty when no answer came */
    const char *error;      /* one line for a person: curl's, or the Status object's message */
};
struct weft_kube_request {
    const char *method;       /* GET, POST, PUT, PATCH, DELETE */
    const char *path;         /* "/api/v1/namespaces/x/secrets/y?..." */
    const json_t *body;       /* borrowed during the call to send; NULL: none */
    const char *content_type; /* NULL: application/json; PATCH: application/merge-patch+json */
    const char *accept;       /* NULL: application/json */
    uint64_t timeout_us;      /* 0: 10 s */
    void (*on_reply)(void *ud, const struct weft_kube_reply *reply); /* once, unless cancelled;
                                                                        never from inside send */
    void *ud;
};
struct weft_kube_call;
struct weft_kube_call *weft_kube_send(struct weft_kube *k, const struct weft_kube_request *r);
/* No callback after this. Takes NULL. The handle is dead after on_reply or this. */
void weft_kube_cancel(struct weft_kube_call *c);

/* === a collection === */

enum weft_kube_event { WEFT_KUBE_PUT, WEFT_KUBE_DELETE };
struct weft_kube_watch_cb {
    void *ud;
    /* `object` is borrowed. After a relist objects that are gone are told as DELETE, with nothing
     * but kind and metadata.{namespace,name} in them. */
    void (*on_object)(void *ud, enum weft_kube_event event, const json_t *object);
    /* The first list has arrived whole (again after each relist). `served` false: the server does
     * not know the kind now (REQ-003); it is looked for again. */
    void (*on_synced)(void *ud, bool served);
    /* A list or watch failed, in one line for a person; it is tried again. May be NULL. */
    void (*on_failure)(void *ud, const char *error);
};
struct weft_kube_watch;
/* `path` is a collection, "/api/v1/services", or one object of it by a field selector in `query`
 * ("fieldSelector=metadata.name%3Dx", may be NULL). List in pages of 500, watch with bookmarks,
 * resume at the last resourceVersion, relist on 410, jittered backoff from 100 ms to 30 s. */
struct weft_kube_watch *weft_kube_watch_new(struct weft_kube *k, const char *path,
                                            const char *query, const struct weft_kube_watch_cb *cb);
struct weft_kube_watch *weft_kube_watch_free(struct weft_kube_watch *w);
/* Microseconds (monotonic) of the last proof of life: an event, a bookmark, or a list. */
uint64_t weft_kube_watch_seen_us(const struct weft_kube_watch *w);
