/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/sidecar.h>

#include <cli/local/jsonx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>

#define PROXY "weft-proxy"
#define INIT  "weft-init"

/* === the Pod object === */

static const json_t *named(const json_t *list, const char *name) {
    size_t i;
    const json_t *c;
    json_array_foreach(list, i, c) {
        if (!strcmp(local_str(c, "name", ""), name)) return c;
    }
    return NULL;
}

/* A sidecar is an init container where those are native, else an ordinary one. */
static const json_t *proxy_in(const json_t *pod, const char *first, const char *second) {
    const json_t *c = named(local_get(pod, first), PROXY);
    return c ? c : named(local_get(pod, second), PROXY);
}

static const json_t *exit_of(const json_t *status) {
    const json_t *now = local_get(status, "state.terminated");
    return now ? now : local_get(status, "lastState.terminated");
}

/* Between two tries the kubelet shows the failure as the last state. */
static void add_redirection(json_t *facts, const json_t *pod) {
    const json_t *status = named(local_get(pod, "status.initContainerStatuses"), INIT);
    const json_t *ended = exit_of(status);
    json_int_t code = local_int(ended, "exitCode", -1);
    const char *word = !named(local_get(pod, "spec.initContainers"), INIT)  ? "absent"
                       : local_get(status, "state.terminated") && code == 0 ? "done"
                       : ended && code != 0                                 ? "failed"
                                                                            : "pending";
    json_object_set_new(facts, "redirection", json_string(word));
    if (!strcmp(word, "failed")) json_object_set_new(facts, "redirection_exit", json_integer(code));
}

static const char *unscheduled(const json_t *pod) {
    size_t i;
    const json_t *c;
    json_array_foreach(local_get(pod, "status.conditions"), i, c) {
        if (!strcmp(local_str(c, "type", ""), "PodScheduled") &&
            !strcmp(local_str(c, "status", ""), "False"))
            return local_str(c, "reason", "not scheduled");
    }
    return NULL;
}

/* Why the sidecar is not ready, in the cluster's own words where it has some. */
static json_t *why_not(const json_t *pod, const json_t *status) {
    const json_t *last = exit_of(status);
    const char *waiting = local_str(status, "state.waiting.reason", NULL),
               *nowhere = unscheduled(pod);
    if (!status) return json_string(nowhere ? nowhere : "its container was not made yet");
    if (last && !local_get(status, "state.running"))
        return json_sprintf("%s, it ended with %d (%s)", waiting ? waiting : "it does not run",
                            (int)local_int(last, "exitCode", 0), local_str(last, "reason", "?"));
    if (waiting) return json_string(waiting);
    return json_string("it runs and its probe fails: no certificate or no configuration yet");
}

json_t *sidecar_facts(const json_t *pod) {
    const char *phase = local_str(pod, "status.phase", "");
    const char *placement = local_label(pod, "metadata.annotations", WEFT_SIDECAR_KEY);
    const json_t *spec = proxy_in(pod, "spec.initContainers", "spec.containers");
    const json_t *status =
        proxy_in(pod, "status.initContainerStatuses", "status.containerStatuses");
    if (!placement || !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed")) return NULL;
    if (local_get(pod, "metadata.deletionTimestamp")) return NULL; /* it ends, as it should */
    bool ready = json_is_true(json_object_get(status, "ready"));
    json_t *f = json_pack("{s:o, s:s, s:s, s:b, s:b, s:I}", "pod",
                          json_sprintf("%s/%s", local_str(pod, "metadata.namespace", ""),
                                       local_str(pod, "metadata.name", "")),
                          "placement", placement, "image", local_str(spec, "image", ""), "ready",
                          ready, "running", local_get(status, "state.running") != NULL, "restarts",
                          local_int(status, "restartCount", 0));
    add_redirection(f, pod);
    if (!ready)
        json_object_set_new(
            f, "why", spec ? why_not(pod, status) : json_string("there is no container " PROXY));
    return f;
}

/* === its metrics === */

static void take_version(json_t *to, const char *as, struct weft_slice line) {
    static const char key[] = "version=\"";
    size_t at = weft_slice_search(line, weft_slice_str(key));
    if (at == line.len) return;
    struct weft_slice rest = weft_slice_from(line, at + sizeof key - 1);
    struct weft_slice value = weft_slice_cut(&rest, '"');
    json_t *s = json_stringn(value.base, value.len);
    if (s) json_object_set_new(to, as, s);
}

/* Whole numbers, as all of them are; what does not fit a double's 53 bits is none of ours. */
static void take_number(json_t *to, const char *key, struct weft_slice text) {
    WEFT_FREE char *s = weft_slice_dup(weft_slice_trim(text));
    char *end = s;
    double d = strtod(s, &end);
    if (end == s || *end || !(d > -9e15 && d < 9e15)) return;
    json_object_set_new(to, key, json_integer((json_int_t)d));
}

json_t *sidecar_metrics(struct weft_slice text) {
    static const struct {
        const char *family, *key;
    } wanted[] = {
        {"weft_config_age_seconds", "config_age_seconds"},
        {"weft_config_generation", "config_generation"},
        {"weft_config_errors_total", "config_errors"},
        {"weft_controller_connected", "connected"},
        {"weft_certificate_not_after_seconds", "certificate_not_after"},
    };
    json_t *m = json_object();
    bool ours = false;
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (weft_slice_starts(line, WEFT_SLICE_LIT("weft_build_info{"))) {
            ours = true;
            take_version(m, "version", line);
        }
        if (weft_slice_starts(line, WEFT_SLICE_LIT("weft_config_info{")))
            take_version(m, "config_version", line);
        struct weft_slice name = weft_slice_cut(&line, ' ');
        for (size_t i = 0; i < WEFT_LEN(wanted); i++)
            if (weft_slice_is(name, wanted[i].family)) take_number(m, wanted[i].key, line);
    }
    if (ours) return m;
    json_decref(m);
    return NULL;
}

/* === what is wrong === */

struct findings {
    json_t *problems;
    enum report_level level;
};

static void find(struct findings *f, enum report_level level, json_t *text) {
    json_array_append_new(f->problems, text);
    if (level > f->level) f->level = level;
}

static void judge_object(struct findings *f, const json_t *facts) {
    const char *redirection = local_str(facts, "redirection", "");
    bool ready = json_is_true(json_object_get(facts, "ready"));
    if (!strcmp(redirection, "absent"))
        find(f, REPORT_ERROR,
             json_string("no container " INIT ": its traffic goes around the "
                         "sidecar"));
    if (!strcmp(redirection, "failed"))
        find(f, REPORT_ERROR,
             json_sprintf(INIT " ended with %d: redirection was not done (kubectl logs -c " INIT
                               ")",
                          (int)local_int(facts, "redirection_exit", 0)));
    if (!strcmp(redirection, "pending") && ready)
        find(f, REPORT_ERROR, json_string(INIT " has not ended and the sidecar runs already"));
    if (!ready)
        find(f, REPORT_WARNING,
             json_sprintf("the sidecar is not ready: %s", local_str(facts, "why", "?")));
}

static json_t *span(const char *before, int64_t s, const char *after) {
    if (s < 120) return json_sprintf("%s%d s%s", before, (int)s, after);
    if (s < 7200) return json_sprintf("%s%d min%s", before, (int)(s / 60), after);
    if (s > INT32_MAX) s = INT32_MAX;
    return json_sprintf("%s%d h%s", before, (int)(s / 3600), after);
}

/* It is renewed from two thirds of its life on: less than a quarter left means that this fails. */
static void judge_certificate(struct findings *f, const json_t *m,
                              const struct sidecar_norm *norm) {
    json_int_t end = local_int(m, "certificate_not_after", -1);
    int64_t left = end - norm->now_s;
    if (end < 0)
        find(f, REPORT_WARNING, json_string("it has no certificate"));
    else if (left <= 0)
        find(f, REPORT_ERROR, span("its certificate ended ", -left, " ago"));
    else if (left < norm->cert_ttl_s / 4)
        find(f, REPORT_WARNING, span("its certificate is not renewed and ends in ", left, ""));
}

static void judge_metrics(struct findings *f, const json_t *m, const struct sidecar_norm *norm) {
    const char *error = local_str(m, "error", NULL);
    if (error) {
        find(f, REPORT_WARNING, json_sprintf("its metrics cannot be read: %s", error));
        return;
    }
    if (local_int(m, "connected", 1) == 0)
        find(f, REPORT_WARNING,
             span("it reaches no controller; its configuration changed last ",
                  local_int(m, "config_age_seconds", 0), " ago"));
    json_int_t refused = local_int(m, "config_errors", 0);
    if (refused > 0)
        find(f, REPORT_NOTE,
             json_sprintf("it could not take up %d pieces of configuration since it started",
                          (int)(refused < 1000000 ? refused : 1000000)));
    judge_certificate(f, m, norm);
}

enum report_level sidecar_judge(json_t *facts, const json_t *metrics,
                                const struct sidecar_norm *norm) {
    struct findings f = {.problems = json_array()};
    judge_object(&f, facts);
    if (metrics) judge_metrics(&f, metrics, norm);
    json_object_update(facts, (json_t *)(uintptr_t)metrics);
    json_object_set_new(facts, "level", json_string(cli_report_level(f.level)));
    json_object_set_new(facts, "problems", f.problems);
    return f.level;
}
