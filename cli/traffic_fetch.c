/* SPDX-License-Identifier: Apache-2.0
 * Asks every sidecar for its metrics. */
#include <cli/ask.h>
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

enum { AT_ONCE = 8, NAMED = 10, TIMEOUT_US = 5000000, STEP = 50 };

/* === who did not answer === */

struct tally {
    struct cli_traffic *traffic;
    size_t n, done, silent;
};

static void progress(struct tally *y) {
    if (y->n < STEP || (y->done % STEP && y->done < y->n)) return;
    fprintf(stderr, "weft: metrics of %zu of %zu sidecars\n", y->done, y->n);
}

/* `why` NULL: `text` is its answer. */
static void take(struct tally *y, const char *pod, struct weft_slice text, const char *why) {
    y->done++;
    if (!why && cli_traffic_add(y->traffic, text) != WEFT_OK) why = "no metrics of a weft-proxy";
    if (why && ++y->silent <= NAMED) fprintf(stderr, "weft: no traffic of %s: %s\n", pod, why);
    progress(y);
}

static bool conclude(const struct tally *y) {
    if (y->silent > NAMED)
        fprintf(stderr, "weft: no traffic of %zu more sidecars\n", y->silent - NAMED);
    return y->n == 0 || y->silent < y->n;
}

/* === a cluster === */

struct crowd {
    struct tally tally;
    struct weft_kube *kube;
    char **pods; /* "ns/name" */
    size_t next, under_way;
};
struct question {
    struct crowd *crowd;
    const char *pod;
};

static void on_pod(void *ud, const struct weft_object *o) {
    struct crowd *c = ud;
    struct weft_arena a;
    struct weft_pod view;
    weft_arena_init(&a, 0);
    weft_pod_view(o, &a, &view);
    if (weft_js_str(view.meta.annotations, WEFT_SIDECAR_KEY).len && !view.over && view.n_ips) {
        c->pods = weft_realloc(c->pods, (c->tally.n + 1) * sizeof *c->pods);
        c->pods[c->tally.n++] = weft_asprintf("%s/%s", o->ns, o->name);
    }
    weft_arena_done(&a);
}

static void ask_more(struct crowd *c);

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    struct question *q = ud;
    struct crowd *c = q->crowd;
    c->under_way--;
    take(&c->tally, q->pod, r->text, r->error);
    free(q);
    ask_more(c);
}

static void ask_more(struct crowd *c) {
    while (c->under_way < AT_ONCE && c->next < c->tally.n) {
        struct question *q = weft_new0(struct question);
        *q = (struct question){c, c->pods[c->next++]};
        const char *slash = strchr(q->pod, '/');
        WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%.*s/pods/%s:15020/proxy/metrics",
                                             (int)(slash - q->pod), q->pod, slash + 1);
        c->under_way++;
        weft_kube_send(c->kube, &(struct weft_kube_request){.method = "GET",
                                                            .path = path,
                                                            .accept = "text/plain",
                                                            .timeout_us = TIMEOUT_US,
                                                            .on_reply = on_reply,
                                                            .ud = q});
    }
}

static bool all_answered(void *ud) {
    const struct crowd *c = ud;
    return c->next == c->tally.n && c->under_way == 0;
}

bool cli_traffic_fetch_cluster(struct cli_traffic *t, const struct cli_input *in,
                               const struct cli_options *opt) {
    struct crowd c = {.tally.traffic = t};
    struct cli_ask a;
    struct weft_error err = {0};
    weft_store_each(in->store, "Pod", NULL, on_pod, &c);
    enum weft_status st = cli_ask_init(&a, opt->kubeconfig, opt->context, &err);
    if (st == WEFT_OK) {
        c.kube = a.kube;
        ask_more(&c);
        weft_loop_run_until(a.loop, all_answered, &c);
    } else
        fprintf(stderr, "weft: %s: %s\n", err.path, err.message);
    cli_ask_done(&a);
    for (size_t i = 0; i < c.tally.n; i++) free(c.pods[i]);
    free(c.pods);
    return st == WEFT_OK && conclude(&c.tally);
}

/* === a local mesh === */

static void ask_local(struct tally *y, const char *state_dir, const char *name) {
    const struct local_request what = {.method = "GET",
                                       .url = "http://127.0.0.1:15000/metrics",
                                       .count = 1,
                                       .timeout_ms = TIMEOUT_US / 1000,
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
