/* SPDX-License-Identifier: Apache-2.0
 * Asks controllers and sidecars for their metrics, and the API server for a pod that is not kept.
 */
#include <cli/cluster_ask.h>

#include <cli/crowd.h>
#include <cli/local/jsonx.h>
#include <cli/sidecar.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>

enum { CONTROLLER_METRICS = 15014 };

/* === a trial === */

static const char *trial_ground(const json_t *namespaces) {
    size_t i;
    const json_t *ns;
    json_array_foreach(namespaces, i, ns) {
        const char *label = local_label(ns, "metadata.labels", WEFT_INJECT_KEY);
        if (label && !strcmp(label, "enabled") &&
            strcmp(local_str(ns, "status.phase", ""), "Terminating") != 0)
            return local_str(ns, "metadata.name", "default");
    }
    return "default";
}

static json_t *trial(void) {
    WEFT_FREE char *name = weft_asprintf("weft-check-%d", (int)getpid());
    return json_pack("{s:s, s:s, s:{s:s, s:{s:s}}, s:{s:[{s:s, s:s}]}}", "apiVersion", "v1", "kind",
                     "Pod", "metadata", "name", name, "annotations", WEFT_INJECT_KEY, "enabled",
                     "spec", "containers", "name", "app", "image", "weft-check");
}

json_t *cluster_probe(struct cli_ask *a, const json_t *namespaces) {
    const char *ns = trial_ground(namespaces);
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%s/pods?dryRun=All", ns);
    json_t *pod = trial(), *result = json_pack("{s:s}", "namespace", ns);
    json_t *made =
        cli_ask(a, &(struct weft_kube_request){.method = "POST", .path = path, .body = pod});
    bool denied = a->status == 403 && a->error && strstr(a->error, "cannot create resource");
    if (made)
        json_object_set_new(
            result, "injected",
            json_boolean(local_label(made, "metadata.annotations", WEFT_SIDECAR_KEY) != NULL));
    else
        json_object_set_new(result, "error", json_string(a->error ? a->error : "no answer"));
    json_decref(pod);
    json_decref(made);
    if (!denied) return result;
    json_decref(result);
    return NULL;
}

static void add(struct cli_crowd *to, const json_t *pod) {
    cli_crowd_add(to, local_str(pod, "metadata.namespace", ""),
                  local_str(pod, "metadata.name", ""));
}

/* === controllers === */

static bool is_controller(const json_t *pod, const char *ns) {
    const char *app = local_label(pod, "metadata.labels", "app");
    return app && !strcmp(app, "weft-controller") &&
           !strcmp(local_str(pod, "metadata.namespace", ""), ns) &&
           !strcmp(local_str(pod, "status.phase", ""), "Running") &&
           !local_get(pod, "metadata.deletionTimestamp");
}

static bool read_end(struct weft_slice text, uint64_t *ret) {
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (weft_slice_is(weft_slice_cut(&line, ' '),
                          "weft_controller_ca_expiry_timestamp_seconds"))
            return weft_slice_u64(weft_slice_trim(line), INT64_MAX, ret);
    }
    return false;
}

/* Empty: it is older than the metric. */
static struct weft_slice read_version(struct weft_slice text) {
    static const struct weft_slice begin = WEFT_SLICE_LIT("weft_controller_build_info{version=\"");
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (!weft_slice_starts(line, begin)) continue;
        line = weft_slice_from(line, begin.len);
        return weft_slice_cut(&line, '"');
    }
    return WEFT_SLICE_EMPTY;
}

static void on_controller(void *ud, const char *pod, struct weft_slice text, const char *why) {
    uint64_t end = 0;
    struct weft_slice version = read_version(text);
    json_t *o = json_pack("{s:s}", "pod", pod);
    if (version.len) json_object_set_new(o, "version", json_stringn(version.base, version.len));
    if (!why && (!read_end(text, &end) || end == 0)) why = "it has none";
    if (why)
        json_object_set_new(o, "error", json_string(why));
    else
        json_object_set_new(o, "not_after", json_integer((json_int_t)end));
    json_array_append_new(ud, o);
}

json_t *cluster_signers(struct cli_ask *a, const char *ns, const json_t *pods) {
    json_t *signers = json_array();
    struct cli_crowd crowd = {
        .port = CONTROLLER_METRICS, .on_answer = on_controller, .ud = signers};
    size_t i;
    const json_t *pod;
    json_array_foreach(pods, i, pod) {
        if (is_controller(pod, ns)) add(&crowd, pod);
    }
    cli_crowd_ask(a, &crowd);
    return signers;
}

/* === sidecars === */

static void on_sidecar(void *ud, const char *pod, struct weft_slice text, const char *why) {
    json_t *m = why ? NULL : sidecar_metrics(text);
    if (!m) m = json_pack("{s:s}", "error", why ? why : "no metrics of a weft-proxy");
    json_object_set_new(ud, pod, m);
}

/* Whoever does not run has no metrics, and is told of anyway. */
static bool can_answer(const json_t *pod) {
    json_t *facts = sidecar_facts(pod);
    bool ok = json_is_true(json_object_get(facts, "running")) && local_get(pod, "status.podIP");
    json_decref(facts);
    return ok;
}

json_t *cluster_metrics(struct cli_ask *a, const json_t *pods) {
    json_t *all = json_object();
    struct cli_crowd crowd = {.port = CLI_METRICS_PORT, .on_answer = on_sidecar, .ud = all};
    size_t i;
    const json_t *pod;
    json_array_foreach(pods, i, pod) {
        if (can_answer(pod)) add(&crowd, pod);
    }
    cli_crowd_ask(a, &crowd);
    return all;
}
