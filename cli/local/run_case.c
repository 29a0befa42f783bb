/* SPDX-License-Identifier: Apache-2.0
 * Makes the requests of a case and finds their lines in the access log of the caller's sidecar, by
 * their x-request-id. */
#include <cli/local/jsonx.h>
#include <cli/local/requester.h>
#include <cli/local/run_case.h>
#include <cli/local/verbs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum {
    REQUEST_MS = 30000,
    LOG_TRIES = 100, /* lines are written within 100 ms; a busy machine may need longer */
    LOG_PAUSE_MS = 20,
};

static const char *proxy_log(const json_t *pod) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(pod, "containers"), i, c) {
        if (strcmp(local_str(c, "name", ""), "weft-proxy") == 0) return local_str(c, "log", NULL);
    }
    return NULL;
}

static json_t *find_answer(const json_t *by_id, const json_t *line) {
    bool ours = strcmp(local_str(line, "direction", ""), "outbound") == 0;
    return ours ? json_object_get(by_id, local_str(line, "request_id", "")) : NULL;
}

/* Reads on; returns how many answers found their line. */
static size_t take_lines(FILE *f, const json_t *by_id) {
    WEFT_FREE char *text = NULL;
    size_t size = 0, found = 0;
    ssize_t n;
    long at = ftell(f);
    while ((n = getline(&text, &size, f)) > 0 && text[n - 1] == '\n') {
        at = ftell(f);
        LOCAL_JSON json_t *line = json_loadb(text, (size_t)n, 0, NULL);
        json_t *answer = line ? find_answer(by_id, line) : NULL;
        if (answer && !json_object_get(answer, "log")) found++;
        if (answer) json_object_set(answer, "log", line);
    }
    clearerr(f);
    (void)fseek(f, at, SEEK_SET); /* half a line is read again when it is whole */
    return found;
}

static void read_log(FILE *f, const json_t *answers) {
    LOCAL_JSON json_t *by_id = json_object();
    size_t i, missing = 0;
    json_t *a;
    json_array_foreach((json_t *)(uintptr_t)answers, i, a) {
        json_object_set(by_id, local_str(a, "id", ""), a);
        missing++;
    }
    for (int n = 0; n < LOG_TRIES; n++) {
        missing -= take_lines(f, by_id);
        if (missing == 0) return;
        (void)poll(NULL, 0, LOG_PAUSE_MS);
    }
}

static json_t *only_fault(const char *what, const char *detail) {
    return json_pack("[o]", json_sprintf("%s%s", what, detail));
}

/* The id that will stand in the log: the case's own header wins. */
static bool has_own_id(const struct test_case *c) {
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)c->headers, name, v) {
        if (weft_slice_ieq(weft_slice_str(name), WEFT_SLICE_LIT("x-request-id"))) return true;
    }
    return false;
}

json_t *run_case(const char *state_dir, const struct test_case *c, size_t i) {
    LOCAL_JSON json_t *pod =
        local_ask_quietly(state_dir, json_pack("{s:s, s:s}", "verb", "pod", "pod", c->from));
    if (!json_is_true(json_object_get(pod, "ok")))
        return only_fault("from: ", local_str(pod, "error", "the mesh does not answer"));
    const char *path = proxy_log(pod);
    FILE *log = path && expect_needs_log(c->expect) && !has_own_id(c) ? fopen(path, "re") : NULL;
    if (log) (void)fseek(log, 0, SEEK_END);
    WEFT_FREE char *id = weft_asprintf("weft-test-%d-%zu", (int)getpid(), i);
    struct local_request r = {.method = c->method,
                              .url = c->url,
                              .headers = c->headers,
                              .body = c->body,
                              .count = c->count,
                              .timeout_ms = REQUEST_MS,
                              .http2 = c->http2,
                              .id = id};
    struct weft_error err = {0};
    LOCAL_JSON json_t *answers = NULL;
    enum weft_status st = local_requests(pod, &r, &answers, &err);
    if (st == WEFT_OK && log) read_log(log, answers);
    if (log) fclose(log);
    return st == WEFT_OK ? judge(c->expect, answers) : only_fault("", err.message);
}
