/* SPDX-License-Identifier: Apache-2.0
 * The commands over a live cluster: a scripted API server in a process of its own, as the commands
 * wait for it. */
#include "support/fake_kube.h"

#include <cli/cli.h>
#include <cli/live.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/file.h>

#define GW   "/apis/gateway.networking.k8s.io/v1"
#define META "\"metadata\":{\"namespace\":\"d\",\"name\":"
#define LIST(items)                                                                                \
    "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},"           \
    "\"items\":[" items "]}"

static const struct {
    const char *path, *body;
} paths[] = {
    {"/api/v1/namespaces", LIST("")},
    {"/api/v1/pods", LIST("")},
    {"/apis/discovery.k8s.io/v1/endpointslices", LIST("")},
    {"/api/v1/services",
     LIST("{\"kind\":\"Service\",\"apiVersion\":\"v1\"," META
          "\"web\"},\"spec\":{\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80}]}}")},
    {GW, "{\"resources\":[{\"name\":\"httproutes\"}]}"},
    {GW "/httproutes",
     LIST("{\"kind\":\"HTTPRoute\",\"apiVersion\":\"gateway.networking.k8s.io/v1\"," META
          "\"r\"},\"spec\":{\"parentRefs\":[{\"kind\":\"Service\",\"group\":\"\",\"name\":"
          "\"web\"}],\"rules\":[{\"matches\":[{\"path\":{\"type\":\"New\",\"value\":\"/\"}}]}]}}")},
    {"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
     "httproutes.gateway.networking.k8s.io",
     "{\"metadata\":{\"annotations\":{\"gateway.networking.k8s.io/channel\":\"standard\"}}}"},
};

struct server {
    pid_t pid;
    char config[64];
};
static const char *forbidden; /* a path; in the server's process */

static void on_request(void *ud, struct fake_request *r) {
    (void)ud;
    if (forbidden && fake_is(r, forbidden)) {
        fake_answer(r, 403, "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}");
        return;
    }
    for (size_t i = 0; i < WEFT_LEN(paths); i++) {
        if (!fake_is(r, paths[i].path)) continue;
        if (fake_watches(r))
            fake_start(r, 200);
        else
            fake_answer(r, 200, paths[i].body);
        return;
    }
    fake_answer(r, 404, "{}");
}

static void serve(int fd) {
    alarm(60);
    struct weft_loop *loop = weft_loop_new();
    struct fake_kube *fake = fake_kube_new(loop, on_request, NULL);
    if (write(fd, fake->url, sizeof fake->url) != sizeof fake->url) _exit(1);
    weft_loop_run(loop);
    _exit(0);
}

static void start(struct server *s, const char *forbid) {
    int fds[2];
    char url[sizeof((struct fake_kube *)0)->url];
    assert_int_equal(pipe(fds), 0);
    forbidden = forbid;
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) serve(fds[1]);
    assert_int_equal(read(fds[0], url, sizeof url), sizeof url);
    close(fds[0]);
    close(fds[1]);
    snprintf(s->config, sizeof s->config, "/tmp/weft-live-%d", (int)getpid());
    WEFT_FREE char *text = weft_asprintf("current-context: x\ncontexts:\n- name: x\n"
                                         "  context: {cluster: c}\nclusters:\n- name: c\n"
                                         "  cluster: {server: '%s'}\n",
                                         url);
    assert_int_equal(weft_file_replace(s->config, 0600, false, weft_slice_str(text)), WEFT_OK);
}

static void stop(struct server *s) {
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    unlink(s->config);
}

static void options(struct cli_options *o, const struct server *s) {
    *o = (struct cli_options){.from = "d",
                              .channel = "experimental",
                              .trust_domain = "cluster.local",
                              .experimental = true,
                              .kubeconfig = s->config};
}

static void a_cluster_is_read_once(void **state) {
    (void)state;
    struct server s;
    struct cli_options o;
    struct cli_input in;
    start(&s, NULL);
    options(&o, &s);
    cli_input_init(&in, &o);
    assert_int_equal(in.unreadable, 0);
    assert_true(in.live);
    assert_non_null(weft_store_get(in.store, "Service", "d", "web"));
    assert_non_null(weft_store_get(in.store, "HTTPRoute", "d", "r"));
    assert_false(o.experimental); /* REQ-004: what the CRDs say */
    assert_int_equal(in.n_faults, 1);
    assert_string_equal(in.faults[0].file, "HTTPRoute d/r");
    assert_int_equal(cli_print_faults(&in), 0);
    cli_input_done(&in);
    o.experimental = o.channel_given = true; /* but for who knows better */
    cli_input_init(&in, &o);
    assert_true(o.experimental);
    cli_input_done(&in);
    stop(&s);
}

/* What the command says on stderr. */
static char *complaint(struct cli_options *o) {
    static char text[1024];
    struct cli_input in;
    char name[] = "/tmp/weft-live-XXXXXX";
    int saved = dup(STDERR_FILENO), fd = mkstemp(name);
    dup2(fd, STDERR_FILENO);
    cli_input_init(&in, o);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = 0;
    close(saved);
    close(fd);
    unlink(name);
    assert_int_equal(in.unreadable, CLI_FAILED);
    cli_input_done(&in);
    return text;
}

static void a_refusal_is_told(void **state) {
    (void)state;
    struct server s;
    struct cli_options o;
    start(&s, "/api/v1/pods");
    options(&o, &s);
    const char *text = complaint(&o);
    assert_non_null(strstr(text, "Pod: http://127.0.0.1:"));
    assert_non_null(strstr(text, "pods is forbidden"));
    stop(&s);
}

static void nobody_there_is_told_with_the_address(void **state) {
    (void)state;
    struct server s;
    struct cli_options o;
    start(&s, NULL);
    kill(s.pid, SIGKILL);
    assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
    options(&o, &s);
    const char *text = complaint(&o);
    assert_non_null(strstr(text, "http://127.0.0.1:"));
    assert_non_null(strstr(text, "connect"));
    o.context = "prod";
    assert_non_null(strstr(complaint(&o), "\"prod\""));
    unlink(s.config);
}

int main(void) {
    alarm(60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_is_read_once),
        cmocka_unit_test(a_refusal_is_told),
        cmocka_unit_test(nobody_there_is_told_with_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
