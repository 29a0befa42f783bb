/* SPDX-License-Identifier: Apache-2.0
 * Asks every sidecar for its metrics. */
#include <cli/crowd.h>
#include <cli/input.h>
#include <cli/local/jsonx.h>
#include <cli/local/requester.h>
#include <cli/local/verbs.h>
#include <cli/traffic.h>

#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>
#include <weft/object/store.h>
#include <weft/object/types.h>

enum { NAMED = 10, TIMEOUT_MS = 5000 };

/* === who did not answer === */

struct tally {
    struct cli_traffic *traffic;
    size_t n, done, silent; /* done: of a local mesh */
};

/* `why` NULL: `text` is its answer. */
static void take(struct tally *y, const char *pod, struct weft_slice text, const char *why) {
    if (!why && cli_traffic_add(y->traffic, text) != WEFT_OK) why = "no metrics of a weft-proxy";
    if (why && ++y->silent <= NAMED) fprintf(stderr, "weft: no traffic of %s: %s\n", pod, why);
}

static bool conclude(const struct tally *y) {
    if (y->silent > NAMED)
        fprintf(stderr, "weft: no traffic of %zu more sidecars\n", y->silent - NAMED);
    return y->n == 0 || y->silent < y->n;
}

/* === a cluster === */

static void on_pod(void *ud, const struct weft_object *o) {
    struct weft_arena a;
    struct weft_pod view;
    weft_arena_init(&a, 0);
    weft_pod_view(o, &a, &view);
    if (weft_js_str(view.meta.annotations, WEFT_SIDECAR_KEY).len && !view.over && view.n_ips)
        cli_crowd_add(ud, o->ns, o->name);
    weft_arena_done(&a);
}

static void on_answer(void *ud, const char *pod, struct weft_slice text, const char *why) {
    take(ud, pod, text, why);
}

bool cli_traffic_fetch_cluster(struct cli_traffic *t, const struct cli_input *in,
                               const struct cli_options *opt) {
    struct tally y = {.traffic = t};
    struct cli_crowd crowd = {.port = CLI_METRICS_PORT, .on_answer = on_answer, .ud = &y};
    struct cli_ask a;
    struct weft_error err = {0};
    enum weft_status st = cli_ask_init(&a, opt->kubeconfig, opt->context, &err);
    if (st == WEFT_OK) {
        weft_store_each(in->store, "Pod", NULL, on_pod, &crowd);
        y.n = crowd.n;
        cli_crowd_ask(&a, &crowd);
    } else {
        fprintf(stderr, "weft: %s: %s\n", err.path, err.message);
    }
    cli_ask_done(&a);
    return st == WEFT_OK && conclude(&y);
}

/* === a local mesh === */

static void ask_local(struct tally *y, const char *state_dir, const char *name) {
    const struct local_request what = {.method = "GET",
                                       .url = "http://127.0.0.1:15000/metrics",
                                       .count = 1,
                                       .timeout_ms = TIMEOUT_MS,
                                       .raw_body = true};
    struct weft_error err = {0};
    LOCAL_JSON json_t *answers = NULL;
    LOCAL_JSON json_t *pod =
        local_ask_quietly(state_dir, json_pack("{s:s, s:s}", "verb", "pod", "pod", name));
    enum weft_status st = pod ? local_requests(pod, &what, &answers, &err) : WEFT_CLOSED;
    const json_t *answer = json_array_get(answers, 0);
    struct weft_slice text = weft_slice_str(local_str(answer, "body", ""));
    const char *why = !pod            ? "the supervisor does not answer"
                      : st != WEFT_OK ? err.message
                      : local_int(answer, "status", 0) == 200
                          ? NULL
                          : local_str(answer, "error", "its admin port answers an error");
    take(y, name, text, why);
    cli_crowd_progress("metrics", ++y->done, y->n);
}

bool cli_traffic_fetch_local(struct cli_traffic *t, struct local_target *target) {
    struct tally y = {.traffic = t};
    WEFT_FREE char *state_dir = local_state_dir(target);
    size_t i;
    json_t *p;
    if (!state_dir) return false;
    if (geteuid() != 0) {
        fprintf(stderr, "weft: --traffic: needs root, to enter the pods of a local mesh\n");
        return false;
    }
    LOCAL_JSON json_t *mesh = local_ask(state_dir, json_pack("{s:s}", "verb", "status"));
    if (!mesh) return false;
    json_t *pods = json_object_get(mesh, "pods");
    json_array_foreach(pods, i, p) y.n += json_is_true(json_object_get(p, "sidecar"));
    json_array_foreach(pods, i, p) {
        WEFT_FREE char *name =
            weft_asprintf("%s/%s", local_str(p, "namespace", ""), local_str(p, "name", ""));
        if (json_is_true(json_object_get(p, "sidecar"))) ask_local(&y, state_dir, name);
    }
    return conclude(&y);
}
