/* SPDX-License-Identifier: Apache-2.0
 * Finds the pod, sees whether a sidecar runs in it, opens the way and asks. */
#include <cli/ask.h>
#include <cli/forward.h>
#include <cli/local/jsonx.h>
#include <cli/local/requester.h>
#include <cli/reach.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum { ADMIN_PORT = 15000, TIMEOUT_MS = 10000, FORWARD_US = 30000000 };

#define SIDECAR "weft-proxy"

struct cli_reach {
    json_t *pod;                 /* of a local mesh; else NULL */
    struct cli_forward *forward; /* of a cluster; else NULL */
};

static void say(const char *path, const char *message) {
    fprintf(stderr, "weft proxy: %s%s%s\n", path, *path ? ": " : "", message);
}

/* === a local mesh === */

static bool has_container(const json_t *list) {
    size_t i;
    json_t *c;
    json_array_foreach(list, i, c) {
        if (strcmp(local_str(c, "name", ""), SIDECAR) == 0) return true;
    }
    return false;
}

static json_t *find_local(struct local_target *target, const char *name) {
    WEFT_FREE char *state_dir = local_state_dir(target);
    if (!state_dir) return NULL;
    if (geteuid() != 0) {
        say("", "needs root, to enter the pod");
        return NULL;
    }
    json_t *pod = local_ask(state_dir, json_pack("{s:s, s:s}", "verb", "pod", "pod", name));
    if (!pod || has_container(json_object_get(pod, "containers"))) return pod;
    fprintf(stderr, "weft proxy: %s/%s has no sidecar\n", local_str(pod, "namespace", ""),
            local_str(pod, "name", ""));
    json_decref(pod);
    return NULL;
}

/* === a cluster === */

static const json_t *status_of(const json_t *pod) {
    static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
    size_t i;
    json_t *c;
    for (size_t k = 0; k < WEFT_LEN(lists); k++)
        json_array_foreach(local_get(pod, lists[k]), i, c) {
            if (strcmp(local_str(c, "name", ""), SIDECAR) == 0) return c;
        }
    return NULL;
}

/* NULL: it runs; else why nobody can talk to it; free() it. */
static char *why_not(const json_t *pod) {
    if (!has_container(local_get(pod, "spec.initContainers")) &&
        !has_container(local_get(pod, "spec.containers")))
        return weft_strdup("has no sidecar");
    const json_t *status = status_of(pod);
    if (local_get(status, "state.running")) return NULL;
    return weft_asprintf("its sidecar does not run: %s",
                         local_str(status, "state.waiting.reason",
                                   local_str(status, "state.terminated.reason",
                                             local_str(pod, "status.phase", "not started"))));
}

static bool is_name(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return n > 0 && n < 254 && s[n] == 0 && s[0] != '-' && s[0] != '.';
}

static bool check_pod(struct cli_ask *a, const char *ns, const char *name) {
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/pods/%s", ns, name);
    WEFT_FREE char *who = weft_asprintf("%s/%s", ns, name);
    LOCAL_JSON json_t *pod = cli_ask_get(a, path);
    WEFT_FREE char *why = pod        ? why_not(pod)
                          : a->error ? weft_strdup(a->error)
                                     : weft_strdup("there is no such pod");
    if (why) say(who, why);
    return !why;
}

/* The pod's namespace if it is there and its sidecar runs; free() it. */
static char *find_in_cluster(const struct cli_reach_at *at, const char *ns, const char *name) {
    struct cli_ask a;
    struct weft_error err = {0};
    char *found = NULL;
    if (cli_ask_init(&a, at->kubeconfig, at->context, &err) != WEFT_OK) {
        say(err.path, err.message);
        say("", "for a pod of a local mesh give the mesh's --name");
    } else {
        found = weft_strdup(ns ? ns : weft_kube_namespace(a.kube));
        if (!is_name(found) || !is_name(name)) {
            say(name, "names no pod; write POD or NAMESPACE/POD");
            free(weft_take(&found));
        } else if (!check_pod(&a, found, name))
            free(weft_take(&found));
    }
    cli_ask_done(&a);
    return found;
}

static bool open_forward(struct cli_reach *r, const struct cli_reach_at *at, const char *ns,
                         const char *name) {
    WEFT_FREE char *home = find_in_cluster(at, ns, name);
    struct weft_error err = {0};
    if (!home) return false;
    const struct cli_forward_spec s = {
        .kubectl = at->kubectl ? at->kubectl : "kubectl",
        .kubeconfig = at->kubeconfig,
        .context = at->context,
        .ns = home,
        .pod = name,
        .port = ADMIN_PORT,
        .patience_us = FORWARD_US,
    };
    if (cli_forward_open(&s, &r->forward, &err) == WEFT_OK) return true;
    say(err.path, err.message);
    return false;
}

/* === both === */

struct cli_reach *cli_reach_open(const struct cli_reach_at *at, const char *ns, const char *pod) {
    struct cli_reach *r = weft_new0(struct cli_reach);
    const char *slash = strchr(pod, '/');
    struct local_target target = at->local;
    WEFT_FREE char *home = slash ? weft_slice_dup(weft_slice(pod, (size_t)(slash - pod)))
                           : ns  ? weft_strdup(ns)
                                 : NULL;
    const char *name = slash ? slash + 1 : pod;
    WEFT_FREE char *whole = home ? weft_asprintf("%s/%s", home, name) : weft_strdup(name);
    bool ok = cli_reach_is_local(at) ? (r->pod = find_local(&target, whole)) != NULL
                                     : open_forward(r, at, home, name);
    return ok ? r : cli_reach_close(r);
}

static json_t *request(struct cli_reach *r, const struct local_request *what) {
    struct weft_error err = {0};
    json_t *answers = NULL;
    if (r->forward) return local_requests_here(what);
    if (local_requests(r->pod, what, &answers, &err) != WEFT_OK) say("", err.message);
    return answers;
}

json_t *cli_reach_ask(struct cli_reach *r, const char *method, const char *path) {
    unsigned port = r->forward ? cli_forward_port(r->forward) : ADMIN_PORT;
    WEFT_FREE char *url = weft_asprintf("http://127.0.0.1:%u%s", port, path);
    const struct local_request what = {.method = method,
                                       .url = url,
                                       .body = strcmp(method, "POST") == 0 ? "" : NULL,
                                       .count = 1,
                                       .timeout_ms = TIMEOUT_MS,
                                       .raw_body = true};
    LOCAL_JSON json_t *answers = request(r, &what);
    json_t *answer = json_array_get(answers, 0);
    if (!answers) return NULL;
    if (local_int(answer, "status", 0) > 0) return json_incref(answer);
    const char *more = r->forward ? cli_forward_complaint(r->forward) : "";
    fprintf(stderr, "weft proxy: the sidecar's admin port does not answer: %s%s%s\n",
            local_str(answer, "error", "cut"), *more ? "; kubectl: " : "", more);
    return NULL;
}

struct cli_reach *cli_reach_close(struct cli_reach *r) {
    if (!r) return NULL;
    cli_forward_close(r->forward);
    json_decref(r->pod);
    free(r);
    return NULL;
}
