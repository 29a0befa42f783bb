/* SPDX-License-Identifier: Apache-2.0
 * What `weft install --check` and `weft check` without manifests find out about a live cluster.
 * Asking and judging are apart: judging is pure. */
#pragma once
#include <cli/install.h>
#include <cli/report.h>
#include <jansson.h>
#include <weft/base/buf.h>

struct cluster_at {
    const char *kubeconfig, *context; /* NULL: the usual ones */
};
/* Objects and lists as the API server gave them. The JSON `false`: there is no such object; NULL:
 * it could not be read, so that nothing can be said of it. */
struct cluster_view {
    json_t *version;    /* /version */
    json_t *types;      /* CustomResourceDefinitions, metadata only */
    json_t *deployment; /* weft-controller */
    json_t *webhook;    /* MutatingWebhookConfiguration weft-injector */
    json_t *lease;      /* of the leader */
    json_t *secret;     /* weft-ca, metadata only: the key stays where it is */
    json_t *namespaces, *pods;
    /* [{"pod", "not_after" or "error", "version"}]: each controller's signing certificate */
    json_t *signers;
    json_t *probe;   /* {"namespace", "injected" or "error"}: a pod made as a dry run */
    json_t *metrics; /* "ns/pod" → sidecar_metrics, or {"error"}; NULL: nobody was asked */
    json_t *denied;  /* array of strings: what we may not do; NULL: not asked */
};
/* The cluster of cli_live_config(kubeconfig, context). `install`: what is to be installed there
 * (asks for the rights to do so); NULL: what is there already, in the namespace that the webhook
 * points to. Whatever the caller may not read is left NULL and named in `ret_unread` (an array of
 * strings). An error: no answer at all. */
enum weft_status cluster_fetch(const struct cluster_at *at,
                               const struct cli_install_values *install, struct cluster_view *ret,
                               json_t *ret_unread, struct weft_error *err);
void cluster_view_done(struct cluster_view *v);

void cluster_judge_before(const struct cluster_view *v, struct cli_report *r);
void cluster_judge_after(const struct cluster_view *v, int64_t now_s, struct cli_report *r);

/* Parts of judging. cluster_types.c: the Gateway API's bundle and kinds */
void cluster_judge_types(const json_t *types, struct cli_report *r);
/* cluster_certs.c: roots, the certificate that signs, and whether the webhook is believed */
void cluster_judge_certs(const struct cluster_view *v, int64_t now_s, struct cli_report *r);
/* cluster_pods.c: each pod's sidecar, and pods that should have one */
void cluster_judge_pods(const struct cluster_view *v, int64_t now_s, struct cli_report *r);

/* Fetches and judges into `r`. False: there was no answer at all, and it was printed why; before
 * an installation also when a part could not be read, which `r` says. */
bool cluster_check_before(const struct cluster_at *at, const struct cli_install_values *install,
                          struct cli_report *r);
bool cluster_check_after(const struct cluster_at *at, struct cli_report *r);
