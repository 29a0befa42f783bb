/* SPDX-License-Identifier: Apache-2.0
 * What `weft install --check` and `weft check` without manifests find out about a live cluster.
 * Asking and judging are apart: judging is pure. */
#pragma once
#include <jansson.h>
#include <weft/base/buf.h>

struct cluster_at {
    const char *kubeconfig, *context; /* NULL: the usual ones */
};
/* Objects and lists as the API server gave them; NULL: not there. */
struct cluster_view {
    json_t *version;    /* /version */
    json_t *types;      /* CustomResourceDefinitions, metadata only */
    json_t *deployment; /* weft-controller */
    json_t *webhook;    /* MutatingWebhookConfiguration weft-injector */
    json_t *lease;      /* of the leader */
    json_t *namespaces, *pods;
    json_t *denied; /* array of strings: what we may not create; NULL: not asked */
};
/* The cluster of cli_live_config(kubeconfig, context). `ns` is the controller's namespace (NULL:
 * the one that the webhook points to); `rights` asks what may be created. Whatever the caller may
 * not read is left NULL and named in `ret_unread` (an array of strings). An error: no answer at
 * all. */
enum weft_status cluster_fetch(const struct cluster_at *at, const char *ns, bool rights,
                               struct cluster_view *ret, json_t *ret_unread,
                               struct weft_error *err);
void cluster_view_done(struct cluster_view *v);

/* Appends one line a finding, "ok", "note", "warning" or "error" first; returns how many errors. */
size_t cluster_judge_before(const struct cluster_view *v, struct weft_buf *out);
size_t cluster_judge_after(const struct cluster_view *v, int64_t now_s, struct weft_buf *out);

/* Fetches, judges, prints; a command's exit status, or -1 when there was no answer at all. */
int cluster_check_before(const struct cluster_at *at, const char *ns);
int cluster_check_after(const struct cluster_at *at);
