/* SPDX-License-Identifier: Apache-2.0
 * Asks an API server for what cluster_judge_* looks at, one request after the other. */
#include <cli/cli.h>
#include <cli/cluster.h>
#include <cli/live.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/kube/client.h>
#include <weft/object/json.h>

struct ask {
    struct weft_loop *loop;
    struct weft_kube *kube;
    json_t *body;
    char *error;
    long status;
    bool done;
};

static void on_reply(void *ud, const struct weft_kube_reply *reply) {
    struct ask *a = ud;
    a->status = reply->status;
    a->body = reply->body ? json_deep_copy(reply->body) : NULL;
    a->error = reply->error ? weft_strdup(reply->error) : NULL;
    a->done = true;
}

static bool is_done(void *ud) {
    return ((struct ask *)ud)->done;
}

/* The answer's body, or NULL with a->error; 404 is NULL without one. */
static json_t *ask(struct ask *a, const struct weft_kube_request *what) {
    struct weft_kube_request r = *what;
    r.on_reply = on_reply;
    r.ud = a;
    free(weft_take(&a->error));
    a->done = false;
    weft_kube_send(a->kube, &r);
    weft_loop_run_until(a->loop, is_done, a);
    json_t *body = weft_take(&a->body);
    if (a->status >= 200 && a->status < 300 && body) return body;
    json_decref(body);
    if (a->status == 404) free(weft_take(&a->error));
    return NULL;
}

static json_t *get(struct ask *a, const char *path, json_t *unread) {
    json_t *body = ask(a, &(struct weft_kube_request){.method = "GET", .path = path});
    if (a->error) json_array_append_new(unread, json_sprintf("%s: %s", path, a->error));
    return body;
}

/* Every page of a collection as one array of items. */
static json_t *list(struct ask *a, const char *path, const char *accept, json_t *unread) {
    json_t *items = json_array();
    WEFT_FREE char *next = weft_asprintf("%s?limit=500", path);
    for (;;) {
        json_t *page =
            ask(a, &(struct weft_kube_request){.method = "GET", .path = next, .accept = accept});
        if (a->error) json_array_append_new(unread, json_sprintf("%s: %s", path, a->error));
        json_array_extend(items, json_object_get(page, "items"));
        struct weft_slice more = weft_js_str(json_object_get(page, "metadata"), "continue");
        free(next);
        next = weft_asprintf("%s?limit=500&continue=" WEFT_SLICE_FMT, path, WEFT_SLICE_ARG(more));
        bool last = !page || more.len == 0;
        json_decref(page);
        if (last) return items;
    }
}

/* The API server's own opinion on what this user may create. */
static json_t *ask_rights(struct ask *a, json_t *unread) {
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
            ask(a, &(struct weft_kube_request){
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

static void fetch_all(struct ask *a, const char *ns, bool rights, struct cluster_view *v,
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
    struct weft_kube_config config = {0};
    *ret = (struct cluster_view){0};
    enum weft_status st = cli_live_config(at->kubeconfig, at->context, &config, err);
    if (st != WEFT_OK) return st;
    struct ask a = {.loop = weft_loop_new()};
    st = weft_kube_new(a.loop, &config, &a.kube, err);
    if (st == WEFT_OK) {
        ret->version = ask(&a, &(struct weft_kube_request){.method = "GET", .path = "/version"});
        if (ret->version)
            fetch_all(&a, ns, rights, ret, ret_unread);
        else
            st = weft_error_set(err, WEFT_UNREACHABLE, "cluster", "%s",
                                a.error ? a.error : "no answer");
    }
    free(a.error);
    weft_kube_free(a.kube);
    weft_loop_free(a.loop);
    weft_kube_config_done(&config);
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
