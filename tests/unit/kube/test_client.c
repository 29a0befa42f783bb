/* SPDX-License-Identifier: Apache-2.0
 * Requests to an API server: what is sent, what comes back, and what is said when nothing does. */
#include "support/fake_kube.h"

#include <stdlib.h>
#include <unistd.h>
#include <weft/base/file.h>
#include <weft/kube/client.h>

struct world {
    struct weft_loop *loop;
    struct fake_kube *fake;
    struct weft_kube *kube;
    unsigned status; /* what the server answers; 0: it does not */
    const char *body;
    /* the reply */
    bool done;
    int replies;
    long got;
    char error[2048], name[64];
    bool json;
    char dir[64];
};

static void on_request(void *ud, struct fake_request *r) {
    struct world *w = ud;
    if (w->status) fake_answer(r, w->status, w->body);
}

static void on_reply(void *ud, const struct weft_kube_reply *r) {
    struct world *w = ud;
    w->done = true;
    w->replies++;
    w->got = r->status;
    w->json = r->body != NULL;
    snprintf(w->error, sizeof w->error, "%s", r->error ? r->error : "");
    const char *name = json_string_value(json_object_get(r->body, "name"));
    snprintf(w->name, sizeof w->name, "%s", name ? name : "");
}

static int set_up(void **state) {
    struct world *w = weft_new0(struct world);
    w->loop = weft_loop_new_fake();
    w->fake = fake_kube_new(w->loop, on_request, w);
    w->status = 200;
    w->body = "{\"name\":\"x\"}";
    snprintf(w->dir, sizeof w->dir, "/tmp/weft-kube-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    weft_kube_free(w->kube);
    fake_kube_free(w->fake);
    weft_loop_free(w->loop);
    WEFT_FREE char *rm = weft_asprintf("rm -rf %s", w->dir);
    assert_int_equal(system(rm), 0);
    free(w);
    return 0;
}

static void connect_with(struct world *w, struct weft_kube_config c) {
    struct weft_error err = {0};
    c.server = w->fake->url;
    assert_int_equal(weft_kube_new(w->loop, &c, &w->kube, &err), WEFT_OK);
}

static struct weft_kube_call *ask(struct world *w, struct weft_kube_request r) {
    r.on_reply = on_reply;
    r.ud = w;
    w->done = false;
    struct weft_kube_call *c = weft_kube_send(w->kube, &r);
    assert_false(w->done); /* never from inside send */
    return c;
}

static void get(struct world *w) {
    ask(w, (struct weft_kube_request){.method = "GET", .path = "/api/v1/x"});
    fake_wait(w->loop, &w->done);
}

static struct fake_request *last(struct world *w) {
    assert_true(w->fake->n > 0);
    return w->fake->requests[w->fake->n - 1];
}

static void an_answer_arrives_whole(void **state) {
    struct world *w = *state;
    char token[] = "secret";
    connect_with(w, (struct weft_kube_config){.token = token});
    get(w);
    assert_int_equal(w->got, 200);
    assert_string_equal(w->error, "");
    assert_string_equal(w->name, "x");
    assert_string_equal(last(w)->method, "GET");
    assert_string_equal(last(w)->target, "/api/v1/x");
    assert_string_equal(last(w)->authorization, "Bearer secret");
    assert_string_equal(last(w)->accept, "application/json");
}

static void connections_are_kept(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    for (int i = 0; i < 3; i++) get(w);
    assert_int_equal(last(w)->conn_no, 1);
    assert_string_equal(last(w)->authorization, "");
}

static void bodies_are_sent(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    json_t *body = json_pack("{s:s}", "a", "b");
    ask(w, (struct weft_kube_request){.method = "POST", .path = "/p", .body = body});
    fake_wait(w->loop, &w->done);
    assert_string_equal(last(w)->method, "POST");
    assert_string_equal(last(w)->content_type, "application/json");
    assert_true(weft_slice_is(weft_buf_slice(&last(w)->body), "{\"a\":\"b\"}"));
    ask(w, (struct weft_kube_request){.method = "PATCH", .path = "/p", .body = body});
    fake_wait(w->loop, &w->done);
    assert_string_equal(last(w)->content_type, "application/merge-patch+json");
    ask(w, (struct weft_kube_request){.method = "PATCH",
                                      .path = "/p",
                                      .body = body,
                                      .content_type = "application/apply-patch+yaml",
                                      .accept = "text/plain"});
    fake_wait(w->loop, &w->done);
    assert_string_equal(last(w)->content_type, "application/apply-patch+yaml");
    assert_string_equal(last(w)->accept, "text/plain");
    ask(w, (struct weft_kube_request){.method = "DELETE", .path = "/p"});
    fake_wait(w->loop, &w->done);
    assert_string_equal(last(w)->method, "DELETE");
    json_decref(body);
}

static void refusals_say_what_the_server_said(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    w->status = 403;
    w->body = "{\"kind\":\"Status\",\"message\":\"pods is forbidden\",\"code\":403}";
    get(w);
    assert_int_equal(w->got, 403);
    assert_true(w->json);
    assert_non_null(strstr(w->error, "pods is forbidden"));
    assert_non_null(strstr(w->error, w->fake->url));
    w->status = 502;
    w->body = "<html>";
    get(w);
    assert_int_equal(w->got, 502);
    assert_false(w->json);
    assert_non_null(strstr(w->error, "HTTP status 502"));
}

/* A message is cut between characters: half a one is no JSON text, and would be lost whole. */
static void a_long_refusal_stays_text(void **state) {
    struct world *w = *state;
    char body[3000] = "{\"kind\":\"Status\",\"message\":\"";
    connect_with(w, (struct weft_kube_config){0});
    for (size_t i = 0; i < 800; i++) strcat(body, "\xe2\x82\xac"); /* 1,024 is no multiple of 3 */
    strcat(body, "\"}");
    w->status = 500;
    w->body = body;
    get(w);
    json_t *text = json_string(w->error);
    assert_non_null(text);
    assert_true(strlen(w->error) > 1020);
    json_decref(text);
}

static void nobody_there_is_said_with_the_address(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    fake_kube_stop(w->fake);
    get(w);
    assert_int_equal(w->got, 0);
    assert_false(w->json);
    assert_non_null(strstr(w->error, w->fake->url));
    assert_non_null(strstr(w->error, "connect"));
}

static bool arrived(void *ud) {
    return ((struct world *)ud)->fake->n > 0;
}

static void silence_ends_with_the_time_limit(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    w->status = 0;
    ask(w, (struct weft_kube_request){.method = "GET", .path = "/x", .timeout_us = 5000000});
    weft_loop_run_until(w->loop, arrived, w);
    weft_loop_advance(w->loop, 4999999);
    assert_false(w->done);
    weft_loop_advance(w->loop, 1);
    fake_wait(w->loop, &w->done);
    assert_int_equal(w->got, 0);
    assert_non_null(strstr(w->error, "no answer in time"));
    assert_int_equal(w->replies, 1);
}

static void cancelled_calls_stay_silent(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    struct weft_kube_call *c =
        ask(w, (struct weft_kube_request){.method = "GET", .path = "/cancelled"});
    weft_kube_cancel(c);
    weft_kube_cancel(NULL);
    get(w);
    assert_int_equal(w->replies, 1);
}

static void freeing_the_client_ends_its_calls(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    w->status = 0;
    for (int i = 0; i < 5; i++) ask(w, (struct weft_kube_request){.method = "GET", .path = "/x"});
    weft_loop_run_until(w->loop, arrived, w);
    w->kube = weft_kube_free(w->kube);
    for (int i = 0; i < 20; i++) (void)weft_loop_turn(w->loop);
    assert_int_equal(w->replies, 0);
}

static void free_inside(void *ud, const struct weft_kube_reply *r) {
    struct world *w = ud;
    (void)r;
    w->done = true;
    w->kube = weft_kube_free(w->kube);
}

static void the_client_may_be_freed_in_a_callback(void **state) {
    struct world *w = *state;
    connect_with(w, (struct weft_kube_config){0});
    const struct weft_kube_request r = {
        .method = "GET", .path = "/x", .on_reply = free_inside, .ud = w};
    weft_kube_send(w->kube, &r);
    weft_kube_send(w->kube, &r);
    fake_wait(w->loop, &w->done);
    assert_null(w->kube);
}

static void write_token(struct world *w, const char *name, const char *text) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", w->dir, name);
    assert_int_equal(weft_file_replace(path, 0600, false, weft_slice_str(text)), WEFT_OK);
}

/* As a kubelet does it: token -> data/token, where data is a link that is swapped. */
static void a_token_file_is_read_again_when_its_link_is_swapped(void **state) {
    struct world *w = *state;
    WEFT_FREE char *token = weft_asprintf("%s/token", w->dir);
    WEFT_FREE char *fresh = weft_asprintf("%s/token-next", w->dir);
    write_token(w, "one", "first\n");
    write_token(w, "two", "second\n");
    assert_int_equal(symlink("one", token), 0);
    connect_with(w, (struct weft_kube_config){.token_file = token});
    get(w);
    assert_string_equal(last(w)->authorization, "Bearer first");
    assert_int_equal(symlink("two", fresh), 0);
    assert_int_equal(rename(fresh, token), 0);
    get(w);
    assert_string_equal(last(w)->authorization, "Bearer second");
    assert_int_equal(unlink(token), 0);
    get(w);
    assert_int_equal(w->got, 0);
    assert_non_null(strstr(w->error, token));
    write_token(w, "token", "bad\r\nX-Evil: yes");
    get(w);
    assert_int_equal(w->got, 0);
    assert_non_null(strstr(w->error, "holds no token"));
}

static void tokens_are_not_sent_in_the_clear(void **state) {
    struct world *w = *state;
    char server[] = "http://10.0.0.1:6443", token[] = "t", https[] = "https://10.0.0.1:6443",
         bare[] = "10.0.0.1:6443";
    struct weft_error err = {0};
    struct weft_kube *k = NULL;
    struct weft_kube_config c = {.server = server, .token = token};
    assert_int_equal(weft_kube_new(w->loop, &c, &k, &err), WEFT_INVALID);
    assert_non_null(strstr(err.message, "without TLS"));
    c.server = bare;
    assert_int_equal(weft_kube_new(w->loop, &c, &k, &err), WEFT_INVALID);
    c.server = https;
    assert_int_equal(weft_kube_new(w->loop, &c, &k, &err), WEFT_OK);
    assert_string_equal(weft_kube_namespace(k), "default");
    weft_kube_free(k);
}

/* What a URL says is judged as it will be dialled. */
static void the_host_is_read_as_curl_reads_it(void **state) {
    struct world *w = *state;
    static const struct {
        const char *server, *refused;
    } rows[] = {
        {"http://127.0.0.1:1@10.0.0.1:6443", "user before its host"},
        {"http://localhost:1@10.0.0.1", "user before its host"},
        {"https://me:secret@10.0.0.1:6443", "user before its host"},
        {"http://127.0.0.1.example:6443", "without TLS"},
        {"http://example/127.0.0.1:1", "without TLS"},
        {"http://127.0.0.1:99999999", "port"},
        {"http://", "host"},
        {"http://127.0.0.1", NULL},
        {"http://LOCALHOST:8001", NULL},
        {"http://[::1]:8001/api", NULL},
    };
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        WEFT_FREE char *server = weft_strdup(rows[i].server);
        char token[] = "t";
        struct weft_kube_config c = {.server = server, .token = token};
        struct weft_error err = {0};
        struct weft_kube *k = NULL;
        enum weft_status st = weft_kube_new(w->loop, &c, &k, &err);
        bool right = rows[i].refused
                         ? st == WEFT_INVALID && strcasestr(err.message, rows[i].refused)
                         : st == WEFT_OK;
        if (!right) fail_msg("%s: %d %s", server, st, err.message);
        weft_kube_free(k);
    }
}

int main(void) {
    alarm(60);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_answer_arrives_whole),
        T(connections_are_kept),
        T(bodies_are_sent),
        T(refusals_say_what_the_server_said),
        T(a_long_refusal_stays_text),
        T(nobody_there_is_said_with_the_address),
        T(silence_ends_with_the_time_limit),
        T(cancelled_calls_stay_silent),
        T(freeing_the_client_ends_its_calls),
        T(the_client_may_be_freed_in_a_callback),
        T(a_token_file_is_read_again_when_its_link_is_swapped),
        T(tokens_are_not_sent_in_the_clear),
        T(the_host_is_read_as_curl_reads_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
