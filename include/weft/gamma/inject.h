/* SPDX-License-Identifier: Apache-2.0
 * Which pods get a sidecar, and what they look like with it. One pure function for the webhook,
 * `weft inject` and `weft local`, so that all of them decide alike. */
#pragma once
#include <jansson.h>
#include <weft/base/buf.h>

#define WEFT_INJECT_INIT_IMAGE  "weftmesh/weft-init:" WEFT_VERSION
#define WEFT_INJECT_PROXY_IMAGE "weftmesh/weft-proxy:" WEFT_VERSION
#define WEFT_INJECT_CONTROLLER  "weft-controller.weft-system.svc:15012"

#define WEFT_INJECT_KEY  "weftmesh.io/inject"  /* pod label or annotation over namespace label */
#define WEFT_SIDECAR_KEY "weftmesh.io/sidecar" /* what the injection leaves behind */

enum weft_inject_verdict {
    WEFT_INJECT_NO,
    WEFT_INJECT_YES,
    WEFT_INJECT_REFUSED, /* injecting would break the pod, leaving it alone would betray it */
};

struct weft_inject_options {
    const char *init_image, *proxy_image;
    const char *pull_policy;      /* NULL: the cluster's default */
    const char *controller;       /* NAME:PORT or IP:PORT */
    const char *controller_name;  /* name in its certificate; NULL: the proxy's default */
    const char *trust_domain;     /* NULL: the proxy's default */
    const char *trust_bundle_pem; /* roots that the proxy believes at first; NULL: none given */
    const char *secret;           /* of this pod, for the paths of its hooks; NULL: hooks stay */
    bool classic;                 /* the cluster knows no native sidecars (older than 1.29) */
    bool namespace_asks;          /* its label says `enabled`, whatever `ns` knows of it */
};

struct weft_inject_result {
    enum weft_inject_verdict verdict;
    char why[512];    /* which rule decided; of a refusal: what to do about it */
    json_t *pod;      /* with YES: the pod with its sidecar; else NULL */
    json_t *warnings; /* array of strings, for whoever created the pod */
};

/* Asked for or not, by annotation and label alone, and whether the pod can take a sidecar at all.
 * `pod` is a Pod or a pod template ({metadata, spec}); `ns` the Namespace object, may be NULL.
 * `warnings` (an array, may be NULL) gets what its owner should know. `why` may be NULL. */
enum weft_inject_verdict weft_inject_decide(const json_t *pod, const json_t *ns,
                                            const struct weft_inject_options *opt, char why[512],
                                            json_t *warnings);
/* The same, and the result. A pod that was injected before only gets what another webhook has added
 * since: the probes of new containers are rewritten; otherwise nothing changes. */
void weft_inject(const json_t *pod, const json_t *ns, const struct weft_inject_options *opt,
                 struct weft_inject_result *ret);
void weft_inject_result_done(struct weft_inject_result *r);

/* The options of a program that an annotation stands for, for those who start programs without a
 * kubelet: calls fn with each annotation's variable ("WEFT_LOG_LEVEL") and value. */
enum weft_inject_program { WEFT_INJECT_INIT, WEFT_INJECT_PROXY };
void weft_inject_variables(const json_t *pod, enum weft_inject_program program,
                           void (*fn)(void *ud, const char *name, const char *value), void *ud);
/* User and group of the proxy. */
uint32_t weft_inject_uid(const json_t *pod);

/* An AdmissionReview (admission.k8s.io/v1) and its answer. `ns` finds a Namespace object by name,
 * or NULL. Returns the HTTP status: 200, or 400 with a text that says what is wrong with it. */
struct weft_inject_review {
    const json_t *(*ns)(void *ud, const char *name);
    void *ud;
    struct weft_inject_options opt;
};
struct weft_inject_outcome { /* for metrics and logs; of 400: verdict NO and why */
    enum weft_inject_verdict verdict;
    char pod[320]; /* "ns/name" */
    char why[512];
};
uint16_t weft_inject_review(const struct weft_inject_review *r, struct weft_slice body,
                            struct weft_buf *ret, struct weft_inject_outcome *ret_outcome);
