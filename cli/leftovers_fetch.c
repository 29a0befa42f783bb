/* SPDX-License-Identifier: Apache-2.0
 * Looks through a cluster for what is left of Weft. */
#include <cli/ask.h>
#include <cli/cli.h>
#include <cli/leftovers.h>
#include <cli/retract.h>

#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>

#define LABEL "labelSelector=app.kubernetes.io%2Fpart-of%3Dweft"
#define META  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
#define XMESH "gateway.networking.x-k8s.io/v1alpha1"
#define NAMED "labelSelector=app.kubernetes.io%2Fname%3Dweft"
#define LEASE "fieldSelector=metadata.name%3Dweft-controller"
#define EVENT "fieldSelector=reportingComponent%3Dweftmesh.io%2Fmesh-controller"

struct look {
    struct cli_ask ask;
    json_t *found;
    size_t unread;
    bool blind; /* whether a controller runs could not be looked at */
};

static json_t *list(struct look *l, const char *path, const char *query, const char *accept) {
    json_t *items = cli_ask_list(&l->ask, path, query, accept);
    if (!l->ask.error) return items;
    fprintf(stderr, "weft: not looked at: %s: %s\n", path, l->ask.error);
    l->unread++;
    return items;
}

static void add(struct look *l, const char *version, const char *kind, json_t *o) {
    json_object_set_new(o, "apiVersion", json_string(version));
    json_object_set_new(o, "kind", json_string(kind));
    json_array_append(l->found, o);
}

static void take(struct look *l, const char *version, const char *kind, const char *path,
                 const char *query) {
    json_t *items = list(l, path, query, META), *o;
    size_t i;
    json_array_foreach(items, i, o) add(l, version, kind, o);
    json_decref(items);
}

static void look_at(struct look *l, const struct leftover_kind *k) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", k->api, k->plural);
    size_t unread = l->unread;
    take(l, k->version, k->kind, path, LABEL);
    if (!strcmp(k->kind, "Deployment") && l->unread > unread) l->blind = true;
}

/* What a controller makes as it runs has no such label: keys, the Lease, XMeshes, Events. All but
 * the last two go with their namespace, unless that stays. */
static void look_at_made(struct look *l) {
    take(l, "v1", "Secret", "/api/v1/secrets", NAMED);
    take(l, "coordination.k8s.io/v1", "Lease", "/apis/coordination.k8s.io/v1/leases", LEASE);
    take(l, "v1", "Event", "/api/v1/events", EVENT);
    json_t *items = list(l, "/apis/" XMESH "/xmeshes", NULL, NULL), *o;
    size_t i;
    json_array_foreach(items, i, o) {
        if (weft_slice_is(weft_js_slice(weft_js_in(o, "spec", "controllerName")),
                          RETRACT_CONTROLLER))
            add(l, XMESH, "XMesh", o);
    }
    json_decref(items);
}

/* === what kubectl delete does not reach === */

static bool has_sidecar(const json_t *pod) {
    return json_object_get(weft_js_in(pod, "metadata", "annotations"), WEFT_SIDECAR_KEY) != NULL;
}

static bool is_labelled(const json_t *ns) {
    return json_object_get(weft_js_in(ns, "metadata", "labels"), WEFT_INJECT_KEY) != NULL;
}

static void note(struct look *l, const char *path, bool (*is_left)(const json_t *o),
                 const char *what) {
    json_t *items = list(l, path, NULL, META), *o;
    size_t i, n = 0;
    json_array_foreach(items, i, o) n += is_left(o);
    if (n) fprintf(stderr, "weft: %zu %s\n", n, what);
    json_decref(items);
}

static void note_traces(struct look *l) {
    note(l, "/api/v1/pods", has_sidecar,
         "pods have a sidecar until they are made again (kubectl rollout restart)");
    note(l, "/api/v1/namespaces", is_labelled,
         "namespaces are labelled " WEFT_INJECT_KEY
         " (kubectl label namespace NAME " WEFT_INJECT_KEY "-)");
}

/* A controller that is still there would write them again. */
static bool retract(struct look *l, bool keep) {
    bool stays = l->blind || leftovers_home(l->found, "");
    struct retract_sum s = cli_retract(&l->ask, keep || stays);
    if (s.routes && keep)
        fprintf(stderr, "weft: %zu entries of Weft's stay in the status of %zu routes\n", s.entries,
                s.routes);
    else if (s.routes && stays)
        fprintf(stderr,
                "weft: %zu entries of Weft's stay in the status of %zu routes while a controller "
                "may be there: delete it, then ask again\n",
                s.entries, s.routes);
    else if (s.routes)
        fprintf(
            stderr,
            "weft: removed %zu entries of Weft's from the status of %zu routes; those of others "
            "stay\n",
            s.entries, s.routes);
    if (s.failed) fprintf(stderr, "weft: %zu routes or kinds stay as they are\n", s.failed);
    return !s.failed && (keep || !stays || !s.routes);
}

/* === the command === */

static bool print(const json_t *left) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    leftovers_render(left, &out);
    struct weft_slice s = weft_buf_slice(&out);
    bool ok = fwrite(s.base ? s.base : "", 1, s.len, stdout) == s.len && fflush(stdout) == 0;
    weft_buf_done(&out);
    if (!ok) perror("weft: standard output");
    if (ok && !s.len) fprintf(stderr, "weft: nothing is left over\n");
    return ok;
}

/* With a forgotten --namespace the whole installation would seem to be left over. */
static bool is_elsewhere(const struct look *l, const struct cli_install_values *stays) {
    const char *home = stays ? leftovers_home(l->found, stays->namespace) : NULL;
    if (!home || strcmp(home, stays->namespace) == 0) return false;
    fprintf(stderr, "weft: Weft runs in namespace %s: give --namespace %s\n", home, home);
    return true;
}

static int run(struct look *l, const struct cli_install_values *stays, bool keep_status) {
    for (size_t i = 0; i < n_leftover_kinds; i++) look_at(l, &leftover_kinds[i]);
    if (!stays) look_at_made(l);
    if (is_elsewhere(l, stays)) return CLI_FAILED;
    json_t *left = leftovers_judge(l->found, stays);
    bool ok = print(left);
    json_decref(left);
    if (!stays) {
        ok = retract(l, keep_status) && ok;
        note_traces(l);
    }
    return ok && !l->unread ? CLI_OK : CLI_FAILED;
}

int cli_leftovers(const struct cluster_at *at, const struct cli_install_values *stays,
                  bool keep_status) {
    struct look l = {.found = json_array()};
    struct weft_error err = {0};
    int status = CLI_FAILED;
    if (cli_ask_init(&l.ask, at->kubeconfig, at->context, &err) == WEFT_OK)
        status = run(&l, stays, keep_status);
    else
        fprintf(stderr, "weft: %s%s%s\n", err.path, *err.path ? ": " : "", err.message);
    cli_ask_done(&l.ask);
    json_decref(l.found);
    return status;
}
