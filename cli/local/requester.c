/* SPDX-License-Identifier: Apache-2.0
 * fork, enter, drop, ask. */
#include <cli/local/jsonx.h>
#include <cli/local/requester.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>

enum { MAX_BODY = 16 * 1024 * 1024 };

/* ---- in the pod ---- */

static int enter_one(json_int_t pid, const char *kind, int flag) {
    WEFT_FREE char *path = weft_asprintf("/proc/%d/ns/%s", (int)pid, kind);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : setns(fd, flag);
    if (fd >= 0) close(fd);
    return rc;
}

static int enter_pod(const json_t *pod) {
    json_int_t pause = local_int(pod, "pausePid", 0);
    uid_t uid = (uid_t)local_int(pod, "uid", 65534);
    if (enter_one(pause, "net", CLONE_NEWNET) != 0 || enter_one(pause, "mnt", CLONE_NEWNS) != 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0) return -1;
    return setresgid(uid, uid, uid) == 0 ? setresuid(uid, uid, uid) : -1;
}

struct answer {
    json_t *headers;
    struct weft_buf body;
};

static size_t on_header(char *data, size_t size, size_t n, void *ud) {
    struct answer *a = ud;
    struct weft_slice value = weft_slice_trim(weft_slice(data, size * n)), name;
    while (value.len && (value.base[value.len - 1] == '\r' || value.base[value.len - 1] == '\n'))
        value.len--;
    if (weft_slice_starts(value, WEFT_SLICE_LIT("HTTP/"))) json_object_clear(a->headers); /* 1xx */
    name = weft_slice_cut(&value, ':');
    if (!value.base || !name.len) return size * n;
    value = weft_slice_trim(value);
    WEFT_FREE char *key = weft_slice_dup(name);
    for (char *p = key; *p; p++) *p = weft_lower(*p);
    json_t *list = json_object_get(a->headers, key), *text = json_stringn(value.base, value.len);
    if (!list) {
        list = json_array();
        json_object_set_new(a->headers, key, list);
    }
    json_array_append_new(list, text ? text : json_string("(not UTF-8)"));
    return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *ud) {
    struct answer *a = ud;
    (void)weft_buf_append(&a->body, weft_slice(data, size * n)); /* cut at its maximum */
    return size * n;
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct curl_slist *headers_of(const struct local_request *r, const char *id) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    const char *name;
    json_t *v;
    bool own_id = false;
    json_object_foreach((json_t *)(uintptr_t)r->headers, name, v) {
        const char *s = json_string_value(v);
        WEFT_FREE char *line = weft_asprintf(*s ? "%s: %s" : "%s;%s", name, s);
        list = curl_slist_append(list, line);
        own_id = own_id || weft_slice_ieq(weft_slice_str(name), WEFT_SLICE_LIT("x-request-id"));
    }
    WEFT_FREE char *line = weft_asprintf("x-request-id: %s", id);
    return r->id && !own_id ? curl_slist_append(list, line) : list;
}

static json_t *body_of(const struct local_request *r, struct answer *a) {
    struct weft_slice s = weft_buf_slice(&a->body);
    json_t *o = r->raw_body ? json_stringn(s.base ? s.base : "", s.len)
                            : json_loadb(s.base ? s.base : "", s.len, 0, NULL);
    return o ? o : json_null();
}

static json_t *ask_once(CURL *curl, const struct local_request *r, uint64_t i) {
    WEFT_FREE char *id = weft_asprintf("%s-%llu", r->id ? r->id : "", (unsigned long long)i);
    struct curl_slist *headers = headers_of(r, id);
    struct answer a = {.headers = json_object()};
    char problem[CURL_ERROR_SIZE] = "";
    long status = 0;
    weft_buf_init(&a.body, MAX_BODY);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
    uint64_t began = now_us();
    CURLcode rc = curl_easy_perform(curl);
    uint64_t us = now_us() - began;
    if (rc == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    json_t *o =
        json_pack("{s:i, s:I, s:o, s:s, s:o}", "status", (int)status, "us", (json_int_t)us,
                  "headers", a.headers, "id", id, r->raw_body ? "body" : "seen", body_of(r, &a));
    if (rc != CURLE_OK)
        json_object_set_new(o, "error", json_string(*problem ? problem : curl_easy_strerror(rc)));
    curl_slist_free_all(headers);
    weft_buf_done(&a.body);
    return o;
}

static void prepare(CURL *curl, const struct local_request *r) {
    curl_easy_setopt(curl, CURLOPT_URL, r->url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weft/" WEFT_VERSION);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     r->http2 ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                              : (long)CURL_HTTP_VERSION_1_1);
    if (r->body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
    if (strcmp(r->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
}

static void ask_all(FILE *out, const struct local_request *r) {
    CURL *curl = curl_easy_init();
    bool go_on = curl != NULL;
    if (curl) prepare(curl, r);
    for (uint64_t i = 0; go_on && i < r->count; i++) {
        json_t *o = ask_once(curl, r, i);
        go_on = json_dumpf(o, out, JSON_COMPACT) == 0 && fputc('\n', out) != EOF;
        if (r->stop_on_fail && local_int(o, "status", 0) == 0) go_on = false;
        json_decref(o);
    }
    curl_easy_cleanup(curl);
}

static WEFT_NORETURN void child(const json_t *pod, const struct local_request *r, int fd) {
    FILE *out = fdopen(fd, "w");
    if (!out) _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (enter_pod(pod) != 0)
        fprintf(out, "{\"failed\":\"cannot enter the pod: %s\"}\n", strerror(errno));
    else
        ask_all(out, r);
    _exit(fclose(out) == 0 ? 0 : 1);
}

/* ---- outside ---- */

json_t *local_requests_here(const struct local_request *r) {
    CURL *curl = curl_easy_init();
    json_t *answers = json_array();
    if (curl) prepare(curl, r);
    for (uint64_t i = 0; curl && i < r->count; i++) {
        json_array_append_new(answers, ask_once(curl, r, i));
        if (r->stop_on_fail && local_int(json_array_get(answers, i), "status", 0) == 0) break;
    }
    curl_easy_cleanup(curl);
    return answers;
}

static enum weft_status collect(FILE *in, json_t *answers, struct weft_error *err) {
    json_error_t e;
    json_t *o;
    enum weft_status st = WEFT_OK;
    while ((o = json_loadf(in, JSON_DISABLE_EOF_CHECK, &e))) {
        const char *failed = local_str(o, "failed", NULL);
        if (failed) st = weft_error_set(err, WEFT_IO, "", "%s", failed);
        json_array_append_new(answers, o);
    }
    return st;
}

enum weft_status local_requests(const json_t *pod, const struct local_request *r,
                                json_t **ret_answers, struct weft_error *err) {
    int fds[2];
    fflush(NULL);
    if (local_int(pod, "pausePid", 0) <= 0)
        return weft_error_set(err, WEFT_IO, "", "the pod is not running");
    if (pipe2(fds, O_CLOEXEC) != 0) return weft_error_set(err, WEFT_IO, "", "%s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        child(pod, r, fds[1]);
    }
    close(fds[1]);
    FILE *in = pid > 0 ? fdopen(fds[0], "r") : NULL;
    json_t *answers = json_array();
    enum weft_status st =
        in ? collect(in, answers, err) : weft_error_set(err, WEFT_IO, "", "%s", strerror(errno));
    if (in)
        fclose(in);
    else
        close(fds[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    if (st == WEFT_OK && json_array_size(answers) == 0)
        st = weft_error_set(err, WEFT_IO, "", "the process inside the pod ended early");
    if (st == WEFT_OK)
        *ret_answers = answers;
    else
        json_decref(answers);
    return st;
}
