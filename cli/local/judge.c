/* SPDX-License-Identifier: Apache-2.0
 * Answers against expectations. */
#include <cli/local/cases.h>
#include <cli/local/jsonx.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <weft/base/alloc.h>

/* NULL when the answer is as wanted, else "expected ..., came ..." to be freed. */
typedef char *judge_fn(const json_t *want, const json_t *answer);

static const char *shown(const char *s) {
    return s ? s : "none";
}

static char *differs(const char *want, const char *came) {
    if (came && strcmp(want, came) == 0) return NULL;
    return came ? weft_asprintf("expected \"%s\", came \"%s\"", want, came)
                : weft_asprintf("expected \"%s\", came none", want);
}

static const char *header(const json_t *answer, const char *name) {
    char lower[256];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof lower; i++) lower[i] = weft_lower(name[i]);
    lower[i] = 0;
    return json_string_value(
        json_array_get(json_object_get(json_object_get(answer, "headers"), lower), 0));
}

/* A header of `seen`, whose names may be in any case and whose values texts or lists of them. */
static const json_t *seen_header(const json_t *answer, const char *name) {
    const char *key;
    json_t *v;
    json_object_foreach(local_get(answer, "seen.headers"), key, v) {
        if (strcasecmp(key, name) == 0) return v;
    }
    return NULL;
}

static bool status_is(const json_t *want, json_int_t status) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)want, i,
                       item) if (json_integer_value(item) == status) return true;
    return json_is_integer(want) && json_integer_value(want) == status;
}

static char *j_status(const json_t *want, const json_t *answer) {
    json_int_t status = local_int(answer, "status", 0);
    if (status_is(want, status)) return NULL;
    WEFT_FREE char *list = json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT);
    const char *error = local_str(answer, "error", NULL), *reason = header(answer, "weft-reason");
    if (status == 0)
        return weft_asprintf("expected %s, came no answer: %s", list, error ? error : "cut");
    return weft_asprintf("expected %s, came %d%s%s%s", list, (int)status, reason ? " (" : "",
                         reason ? reason : "", reason ? ")" : "");
}

/* Stands for an expected status where none is given: some answer must have come. */
static char *j_answered(const json_t *want, const json_t *answer) {
    if (want || local_int(answer, "status", 0) != 0) return NULL;
    return weft_asprintf("no answer: %s", local_str(answer, "error", "cut"));
}

static char *first_header_fault(const json_t *want, const json_t *answer, bool seen) {
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)want, name, v) {
        const json_t *list = seen ? seen_header(answer, name) : NULL;
        const char *came =
            seen ? json_string_value(json_is_array(list) ? json_array_get(list, 0) : list)
                 : header(answer, name);
        const char *wanted = json_string_value(v);
        if (strcmp(wanted, "*") == 0 && came) continue; /* any value */
        WEFT_FREE char *fault = differs(wanted, came);
        if (fault) return weft_asprintf("%s: %s", name, fault);
    }
    return NULL;
}

static char *first_present(const json_t *want, const json_t *answer, bool seen) {
    size_t i;
    json_t *v;
    json_array_foreach((json_t *)(uintptr_t)want, i, v) {
        const char *name = json_string_value(v);
        if (seen ? seen_header(answer, name) != NULL : header(answer, name) != NULL)
            return weft_asprintf("%s: expected none, came one", name);
    }
    return NULL;
}

static char *j_header(const json_t *want, const json_t *answer) {
    return first_header_fault(want, answer, false);
}

static char *j_absent(const json_t *want, const json_t *answer) {
    return first_present(want, answer, false);
}

static char *j_location(const json_t *want, const json_t *answer) {
    return differs(json_string_value(want), header(answer, "location"));
}

static char *j_reason(const json_t *want, const json_t *answer) {
    const char *came = header(answer, "weft-reason");
    return differs(json_string_value(want), came ? came : local_str(answer, "log.reason", ""));
}

static char *no_log(void) {
    return weft_strdup(
        "the caller's access log has no line of this request; has the pod a sidecar, "
        "and is the mesh up with --access-log all?");
}

static char *j_route(const json_t *want, const json_t *answer) {
    if (!json_is_object(json_object_get(answer, "log"))) return no_log();
    return differs(json_string_value(want), local_str(answer, "log.route", ""));
}

static char *j_rule(const json_t *want, const json_t *answer) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(want));
    if (!json_is_object(json_object_get(answer, "log"))) return no_log();
    return differs(json_is_string(want) ? json_string_value(want) : digits,
                   local_str(answer, "log.rule", ""));
}

static char *j_attempts(const json_t *want, const json_t *answer) {
    if (!json_is_object(json_object_get(answer, "log"))) return no_log();
    json_int_t came = local_int(answer, "log.attempts", -1);
    if (came == json_integer_value(want)) return NULL;
    return weft_asprintf("expected %d, came %d", (int)json_integer_value(want), (int)came);
}

static char *j_time(const json_t *want, const json_t *answer, bool at_most) {
    uint64_t limit = 0, us = (uint64_t)local_int(answer, "us", 0);
    (void)expect_duration(json_string_value(want), &limit);
    if (at_most ? us <= limit : us >= limit) return NULL;
    return weft_asprintf("expected at %s %s, came %llu.%llums", at_most ? "most" : "least",
                         json_string_value(want), (unsigned long long)(us / 1000),
                         (unsigned long long)(us / 100 % 10));
}

static char *j_within(const json_t *want, const json_t *answer) {
    return j_time(want, answer, true);
}

static char *j_at_least(const json_t *want, const json_t *answer) {
    return j_time(want, answer, false);
}

static char *j_seen(const json_t *want, const json_t *answer) {
    static const char *const plain[] = {"method", "path", "host"};
    const json_t *seen = json_object_get(answer, "seen");
    if (!json_is_object(seen))
        return weft_strdup("the answer is no JSON that tells what reached the app");
    for (size_t i = 0; i < WEFT_LEN(plain); i++) {
        const char *w = local_str(want, plain[i], NULL);
        WEFT_FREE char *fault = w ? differs(w, local_str(seen, plain[i], NULL)) : NULL;
        if (fault) return weft_asprintf("%s: %s", plain[i], fault);
    }
    char *fault = first_header_fault(json_object_get(want, "headers"), answer, true);
    return fault ? fault : first_present(json_object_get(want, "absentHeaders"), answer, true);
}

/* ---- backends ---- */

/* "ns/name:port" is meant by "name", "ns/name" and itself. */
static bool backend_is(const char *backend, const char *name) {
    struct weft_slice whole = weft_slice_str(backend), port = whole,
                      with_ns = weft_slice_cut(&port, ':'), rest = with_ns;
    (void)weft_slice_cut(&rest, '/');
    return weft_slice_is(whole, name) || weft_slice_is(with_ns, name) || weft_slice_is(rest, name);
}

/* A pod of the workload "name": itself, or "name-...". */
static bool pod_is(const char *pod, const char *name) {
    size_t n = strlen(name);
    return strncmp(pod, name, n) == 0 && (pod[n] == 0 || pod[n] == '-');
}

const char *judge_backend(const json_t *names, const json_t *answer) {
    const char *backend = local_str(answer, "log.backend", NULL), *name, *best = NULL;
    const char *pod = local_str(answer, "seen.pod", header(answer, "x-echo-pod"));
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)names, name, v) {
        if (backend && backend_is(backend, name)) return name;
        if (pod && pod_is(pod, name) && (!best || strlen(name) > strlen(best))) best = name;
    }
    return best;
}

static size_t count_of(const json_t *names, const json_t *answers, const char *name) {
    size_t i, n = 0;
    json_t *a;
    json_array_foreach((json_t *)(uintptr_t)answers, i, a) {
        const char *from = judge_backend(names, a);
        n += name ? from && strcmp(from, name) == 0 : !from;
    }
    return n;
}

static const char *stranger(const json_t *names, const json_t *answers) {
    size_t i;
    json_t *a;
    json_array_foreach((json_t *)(uintptr_t)answers, i, a) {
        if (judge_backend(names, a)) continue;
        return local_str(a, "log.backend", local_str(a, "seen.pod", header(a, "x-echo-pod")));
    }
    return NULL;
}

static void judge_shares(const json_t *want, const json_t *answers, json_t *faults) {
    LOCAL_JSON json_t *single =
        json_is_string(want) ? json_pack("{s:s}", json_string_value(want), "100%") : NULL;
    const json_t *names = single ? single : want;
    const char *name;
    json_t *v;
    double all = (double)json_array_size(answers), share = 0, tolerance = 0;
    json_object_foreach((json_t *)(uintptr_t)names, name, v) {
        size_t n = count_of(names, answers, name);
        double came = 100 * (double)n / all;
        (void)expect_share(json_string_value(v), &share, &tolerance);
        if (came >= share - tolerance - 1e-9 && came <= share + tolerance + 1e-9) continue;
        json_array_append_new(faults,
                              json_sprintf("backend %s: expected %s, came %.1f%% (%zu of %.0f)",
                                           name, json_string_value(v), came, n, all));
    }
    size_t others = count_of(names, answers, NULL);
    if (others)
        json_array_append_new(faults,
                              json_sprintf("backend: %zu of %.0f answers from elsewhere: %s",
                                           others, all, shown(stranger(names, answers))));
}

/* ---- all of it ---- */

static const struct {
    const char *name;
    judge_fn *fn;
} rows[] = {
    {"status", j_status},        {"location", j_location},
    {"reason", j_reason},        {"header", j_header},
    {"absentHeaders", j_absent}, {"seen", j_seen},
    {"route", j_route},          {"rule", j_rule},
    {"attempts", j_attempts},    {"within", j_within},
    {"atLeast", j_at_least},
};

static void judge_each(const char *name, judge_fn *fn, const json_t *want, const json_t *answers,
                       json_t *faults) {
    WEFT_FREE char *first = NULL;
    size_t i, bad = 0, n = json_array_size(answers);
    json_t *a;
    json_array_foreach((json_t *)(uintptr_t)answers, i, a) {
        char *fault = fn(want, a);
        bad += fault != NULL;
        if (fault && !first)
            first = fault;
        else
            free(fault);
    }
    if (bad && n > 1)
        json_array_append_new(faults, json_sprintf("%s: %s (%zu of %zu)", name, first, bad, n));
    else if (bad)
        json_array_append_new(faults, json_sprintf("%s: %s", name, first));
}

json_t *judge(const json_t *expect, const json_t *answers) {
    json_t *faults = json_array();
    if (json_array_size(answers) == 0)
        json_array_append_new(faults, json_string("no request was made"));
    judge_each("request", j_answered, json_object_get(expect, "status"), answers, faults);
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        const json_t *want = json_object_get(expect, rows[i].name);
        if (want) judge_each(rows[i].name, rows[i].fn, want, answers, faults);
    }
    const json_t *shares = json_object_get(expect, "backend");
    if (shares && json_array_size(answers)) judge_shares(shares, answers, faults);
    return faults;
}
