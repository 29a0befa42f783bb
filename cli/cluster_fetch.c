/* SPDX-License-Identifier: Apache-2.0
 * Asks an API server for what cluster_judge_* looks at, one request after the other. */
#include <cli/ask.h>
#include <cli/cluster.h>
#include <cli/cluster_ask.h>
#include <cli/rights.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>

#define META_OF_ONE  "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define META_OF_MANY "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static void note_unread(const struct cli_ask *a, const char *path, json_t *unread) {
    if (a->error) json_array_append_new(unread, json_sprintf("%s: %s", path, a->error));
}

static json_t *get(struct cli_ask *a, const char *path, const char *accept, json_t *unread) {
    json_t *o =
        cli_ask(a, &(struct weft_kube_request){.method = "GET", .path = path, .accept = accept});
    note_unread(a, path, unread);
    return o || a->error ? o : json_false();
}

static json_t *list(struct cli_ask *a, const char *path, const char *accept, json_t *unread) {
    json_t *items = cli_ask_list(a, path, NULL, accept);
    note_unread(a, path, unread);
    if (!a->error) return items;
    json_decref(items); /* a part would look like the whole */
    return NULL;
}

static const char *home_of(const json_t *webhook) {
    const json_t *entry = json_array_get(json_object_get(webhook, "webhooks"), 0);
    const char *ns = json_string_value(
        json_object_get(weft_js_in(entry, "clientConfig", "service"), "namespace"));
    return ns ? ns : "weft-system";
}

static void fetch_after(struct cli_ask *a, const char *ns, struct cluster_view *v, json_t *unread) {
    WEFT_FREE char *lease =
        weft_asprintf("/apis/coordination.k8s.io/v1/namespaces/%s/leases/weft-controller", ns);
    WEFT_FREE char *secret = weft_asprintf("/api/v1/namespaces/%s/secrets/weft-ca", ns);
    v->lease = get(a, lease, NULL, unread);
    v->namespaces = list(a, "/api/v1/namespaces", NULL, unread);
    v->pods = list(a, "/api/v1/pods", NULL, unread);
    if (json_is_false(v->deployment)) return;
    v->secret = get(a, secret, META_OF_ONE, unread); /* only that it is there */
    v->probe = cluster_probe(a, v->namespaces);
    v->signers = cluster_signers(a, ns, v->pods);
    v->metrics = cluster_metrics(a, v->pods);
}

static void fetch_all(struct cli_ask *a, const struct cli_install_values *install,
                      struct cluster_view *v, json_t *unread) {
    v->webhook = get(a,
                     "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"
                     "weft-injector",
                     NULL, unread);
    const char *ns = install ? install->namespace : home_of(v->webhook);
    WEFT_FREE char *deployment =
        weft_asprintf("/apis/apps/v1/namespaces/%s/deployments/weft-controller", ns);
    v->types =
        list(a, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", META_OF_MANY, unread);
    v->deployment = get(a, deployment, NULL, unread);
    if (install)
        v->denied = rights_denied(a, install, unread);
    else
        fetch_after(a, ns, v, unread);
}

enum weft_status cluster_fetch(const struct cluster_at *at,
                               const struct cli_install_values *install, struct cluster_view *ret,
                               json_t *ret_unread, struct weft_error *err) {
    struct cli_ask a;
    *ret = (struct cluster_view){0};
    enum weft_status st = cli_ask_init(&a, at->kubeconfig, at->context, err);
    if (st == WEFT_OK) {
        ret->version = cli_ask_get(&a, "/version");
        if (ret->version)
            fetch_all(&a, install, ret, ret_unread);
        else
            st = weft_error_set(err, WEFT_UNREACHABLE, "cluster", "%s",
                                a.error ? a.error : "no answer");
    }
    cli_ask_done(&a);
    return st;
}

void cluster_view_done(struct cluster_view *v) {
    json_decref(v->version);
    json_decref(v->types);
    json_decref(v->deployment);
    json_decref(v->webhook);
    json_decref(v->lease);
    json_decref(v->namespaces);
    json_decref(v->pods);
    json_decref(v->denied);
    json_decref(v->secret);
    json_decref(v->probe);
    json_decref(v->signers);
    json_decref(v->metrics);
}

/* === the commands === */

static bool check(const struct cluster_at *at, const struct cli_install_values *install,
                  struct cli_report *r) {
    struct cluster_view v;
    struct weft_error err = {0};
    json_t *unread = json_array(), *line;
    size_t i;
    enum weft_status st = cluster_fetch(at, install, &v, unread, &err);
    if (st != WEFT_OK) {
        fprintf(stderr, "weft: %s%s%s\n", err.path, *err.path ? ": " : "", err.message);
    } else {
        if (install)
            cluster_judge_before(&v, r);
        else
            cluster_judge_after(&v, (int64_t)(weft_clock_unix_us() / 1000000), r);
        json_array_foreach(unread, i, line)
            cli_report_add(r, REPORT_WARNING, "unread", "not read: %s", json_string_value(line));
    }
    bool whole = st == WEFT_OK && !(install && json_array_size(unread));
    cluster_view_done(&v);
    json_decref(unread);
    return whole;
}

bool cluster_check_before(const struct cluster_at *at, const struct cli_install_values *install,
                          struct cli_report *r) {
    return check(at, install, r);
}

bool cluster_check_after(const struct cluster_at *at, struct cli_report *r) {
    return check(at, NULL, r);
}
