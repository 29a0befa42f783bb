/* SPDX-License-Identifier: Apache-2.0
 * Asks an API server for what cluster_judge_* looks at, one request after the other. */
#include <cli/ask.h>
#include <cli/cli.h>
#include <cli/cluster.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>

static void note_unread(const struct cli_ask *a, const char *path, json_t *unread) {
    if (a->error) json_array_append_new(unread, json_sprintf("%s: %s", path, a->error));
}

static json_t *get(struct cli_ask *a, const char *path, json_t *unread) {
    json_t *body = cli_ask_get(a, path);
    note_unread(a, path, unread);
    return body;
}

static json_t *list(struct cli_ask *a, const char *path, const char *accept, json_t *unread) {
    json_t *items = cli_ask_list(a, path, NULL, accept);
    note_unread(a, path, unread);
    return items;
}

/* The API server's own opinion on what this user may create. */
static json_t *ask_rights(struct cli_ask *a, json_t *unread) {
    static const char *const wanted[][2] = {
        {"", "namespaces"},
        {"", "serviceaccounts"},
        {"", "services"},
        {"apps", "deployments"},
        {"policy", "poddisruptionbudgets"},
        {"rbac.authorization.k8s.io", "clusterroles"},
        {"rbac.authorization.k8s.io", "clusterrolebindings"},
        {"admissionregistration.k8s.io", "mutatingwebhookconfigurations"},
    };
    json_t *denied = json_array();
    for (size_t i = 0; i < WEFT_LEN(wanted); i++) {
        json_t *body =
            json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s}}}", "apiVersion", "authorization.k8s.io/v1",
                      "kind", "SelfSubjectAccessReview", "spec", "resourceAttributes", "verb",
                      "create", "group", wanted[i][0], "resource", wanted[i][1]);
        json_t *answer =
            cli_ask(a, &(struct weft_kube_request){
                           .method = "POST",
                           .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                           .body = body,
                       });
        json_decref(body);
        if (a->error) json_array_append_new(unread, json_string(a->error));
        if (answer && !json_is_true(json_object_get(json_object_get(answer, "status"), "allowed")))
            json_array_append_new(denied, json_string(wanted[i][1]));
        json_decref(answer);
    }
    return denied;
}

static const char *home_of(const json_t *webhook) {
    const json_t *entry = json_array_get(json_object_get(webhook, "webhooks"), 0);
    const char *ns = json_string_value(
        json_object_get(weft_js_in(entry, "clientConfig", "service"), "namespace"));
    return ns ? ns : "weft-system";
}

static void fetch_all(struct cli_ask *a, const char *ns, bool rights, struct cluster_view *v,
                      json_t *unread) {
    v->webhook = get(a,
                     "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"
                     "weft-injector",
                     unread);
    if (!ns) ns = home_of(v->webhook);
    WEFT_FREE char *deployment =
        weft_asprintf("/apis/apps/v1/namespaces/%s/deployments/weft-controller", ns);
    WEFT_FREE char *lease =
        weft_asprintf("/apis/coordination.k8s.io/v1/namespaces/%s/leases/weft-controller", ns);
    v->types = list(a, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", unread);
    v->deployment = get(a, deployment, unread);
    if (rights) {
        v->denied = ask_rights(a, unread);
        return;
    }
    v->lease = get(a, lease, unread);
    v->namespaces = list(a, "/api/v1/namespaces", NULL, unread);
    v->pods = list(a, "/api/v1/pods", NULL, unread);
}

enum weft_status cluster_fetch(const struct cluster_at *at, const char *ns, bool rights,
                               struct cluster_view *ret, json_t *ret_unread,
                               struct weft_error *err) {
    struct cli_ask a;
    *ret = (struct cluster_view){0};
    enum weft_status st = cli_ask_init(&a, at->kubeconfig, at->context, err);
    if (st == WEFT_OK) {
        ret->version = cli_ask_get(&a, "/version");
        if (ret->version)
            fetch_all(&a, ns, rights, ret, ret_unread);
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
}

/* === the commands === */

static int check(const struct cluster_at *at, const char *ns, bool before) {
    struct cluster_view v;
    struct weft_error err = {0};
    json_t *unread = json_array(), *line;
    size_t errors = 0, i;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    enum weft_status st = cluster_fetch(at, ns, before, &v, unread, &err);
    if (st != WEFT_OK) {
        fprintf(stderr, "weft: %s%s%s\n", err.path, *err.path ? ": " : "", err.message);
        errors = 1;
    } else {
        int64_t now_s = (int64_t)(weft_clock_unix_us() / 1000000);
        errors = before ? cluster_judge_before(&v, &out) : cluster_judge_after(&v, now_s, &out);
        printf(WEFT_SLICE_FMT, WEFT_SLICE_ARG(weft_buf_slice(&out)));
        json_array_foreach(unread, i, line)
            printf("warning  not read: %s\n", json_string_value(line));
    }
    weft_buf_done(&out);
    cluster_view_done(&v);
    json_decref(unread);
    return st != WEFT_OK ? -1 : errors ? CLI_FAILED : CLI_OK;
}

int cluster_check_before(const struct cluster_at *at, const char *ns) {
    return check(at, ns, true);
}

int cluster_check_after(const struct cluster_at *at) {
    return check(at, NULL, false);
}
