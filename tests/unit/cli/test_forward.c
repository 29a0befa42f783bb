/* SPDX-License-Identifier: Apache-2.0
 * kubectl port-forward as a child: what it says is understood, and it never outlives us. The
 * programs are shell scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <cli/forward.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

static char dir[64], program[96], pid_file[96], args_file[96];

static int set_up(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/weft-forward-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(program, sizeof program, "%s/kubectl", dir);
    snprintf(pid_file, sizeof pid_file, "%s/pid", dir);
    snprintf(args_file, sizeof args_file, "%s/args", dir);
    setenv("PID_FILE", pid_file, 1);
    setenv("ARGS_FILE", args_file, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    WEFT_FREE char *rm = weft_asprintf("rm -rf %s", dir);
    return system(rm);
}

static void script(const char *text) {
    WEFT_FREE char *whole = weft_asprintf("#!/bin/sh\necho $$ >\"$PID_FILE\"\n%s\n", text);
    assert_int_equal(weft_file_replace(program, 0700, false, weft_slice_str(whole)), WEFT_OK);
}

static char *content(const char *path) {
    struct weft_buf b;
    weft_buf_init(&b, 4096);
    assert_int_equal(weft_file_read(path, &b), WEFT_OK);
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

/* The process whose id is in the file is gone; in time, as nobody here may wait for it. */
static void assert_gone(const char *path) {
    WEFT_FREE char *text = content(path);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    assert_true(pid > 1);
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++) {
        WEFT_FREE char *stat = weft_asprintf("/proc/%d/stat", (int)pid);
        struct weft_buf b;
        weft_buf_init(&b, 4096);
        bool ended =
            weft_file_read(stat, &b) != WEFT_OK ||
            weft_slice_search(weft_buf_slice(&b), WEFT_SLICE_LIT(") Z ")) < weft_buf_size(&b);
        weft_buf_done(&b);
        if (ended) return;
        usleep(5000);
    }
    if (kill(pid, 0) == 0) fail_msg("%d runs still", (int)pid);
}

static struct cli_forward_spec spec(void) {
    return (struct cli_forward_spec){.kubectl = program,
                                     .kubeconfig = "/k",
                                     .context = "prod",
                                     .ns = "shop",
                                     .pod = "web-1",
                                     .port = 15000,
                                     .patience_us = 30000000};
}

static void it_is_asked_for_a_port_of_its_choice(void **state) {
    (void)state;
    struct cli_forward_spec s = spec();
    struct cli_forward *f = NULL;
    struct weft_error err = {0};
    script("for a; do echo \"$a\"; done >\"$ARGS_FILE\"\n"
           "echo a warning >&2\nprintf 'Forwarding from 127.0'\n"
           "echo '.0.1:40123 -> 15000'\nexec sleep 600");
    if (cli_forward_open(&s, &f, &err) != WEFT_OK) fail_msg("%s: %s", err.path, err.message);
    assert_int_equal(cli_forward_port(f), 40123);
    assert_null(cli_forward_close(f));
    assert_gone(pid_file);
    WEFT_FREE char *args = content(args_file);
    assert_string_equal(args, "--kubeconfig=/k\n--context=prod\n--namespace=shop\nport-forward\n"
                              "--address=127.0.0.1\npod/web-1\n:15000\n");
}

static void open_fails(struct cli_forward_spec s, enum weft_status st, const char *why) {
    struct cli_forward *f = NULL;
    struct weft_error err = {0};
    assert_int_equal(cli_forward_open(&s, &f, &err), st);
    assert_null(f);
    if (!strstr(err.message, why)) fail_msg("\"%s\" is not in \"%s\"", why, err.message);
}

static void what_it_says_before_it_ends_is_the_reason(void **state) {
    (void)state;
    script("echo 'error: unable to forward port because pod is not running' >&2; exit 1");
    open_fails(spec(), WEFT_DENIED, "ended: error: unable to forward port because pod is not");
    script("exit 1");
    open_fails(spec(), WEFT_DENIED, "it says nothing");
    script("echo 'Forwarding from 127.0.0.1:99999 -> 1'; exit 0"); /* no port */
    open_fails(spec(), WEFT_DENIED, "it says nothing");
}

static void a_missing_program_is_named(void **state) {
    (void)state;
    struct cli_forward_spec s = spec();
    s.kubectl = "weft-no-such-kubectl";
    open_fails(s, WEFT_NOT_FOUND, "install kubectl, or name it with --kubectl");
}

static void it_is_not_waited_for_without_end(void **state) {
    (void)state;
    struct cli_forward_spec s = spec();
    s.patience_us = 200000;
    script("exec sleep 600");
    open_fails(s, WEFT_TIMEOUT, "does not forward within");
    assert_gone(pid_file);
}

static void a_failed_connection_has_its_reason(void **state) {
    (void)state;
    struct cli_forward_spec s = spec();
    struct cli_forward *f = NULL;
    script("echo 'Forwarding from 127.0.0.1:40123 -> 15000'\n"
           "echo 'Handling connection for 40123'\n"
           "echo 'error: lost connection to pod' >&2\nexec sleep 600");
    assert_int_equal(cli_forward_open(&s, &f, NULL), WEFT_OK);
    assert_string_equal(cli_forward_complaint(f), "error: lost connection to pod");
    cli_forward_close(f);
}

/* Also what a wrapper has started. */
static void a_wrapper_ends_with_its_children(void **state) {
    (void)state;
    struct cli_forward_spec s = spec();
    struct cli_forward *f = NULL;
    script("sleep 600 & echo $! >\"$PID_FILE\"\n"
           "echo 'Forwarding from 127.0.0.1:1 -> 2'\nwait");
    assert_int_equal(cli_forward_open(&s, &f, NULL), WEFT_OK);
    cli_forward_close(f);
    assert_gone(pid_file);
}

/* SIGKILL leaves nobody time to tidy up, SIGINT hardly any. */
static void it_dies_with_us(void **state) {
    (void)state;
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM, SIGHUP};
    script("echo 'Forwarding from 127.0.0.1:1 -> 2'\nexec sleep 600");
    for (size_t i = 0; i < WEFT_LEN(signals); i++) {
        int fds[2], status;
        char ready;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct cli_forward_spec s = spec();
            struct cli_forward *f = NULL;
            if (cli_forward_open(&s, &f, NULL) == WEFT_OK && write(fds[1], "", 1) == 1) pause();
            _exit(1);
        }
        assert_int_equal(read(fds[0], &ready, 1), 1);
        close(fds[0]);
        close(fds[1]);
        kill(pid, signals[i]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        assert_gone(pid_file);
    }
}

int main(void) {
    alarm(60);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(it_is_asked_for_a_port_of_its_choice),
        T(what_it_says_before_it_ends_is_the_reason),
        T(a_missing_program_is_named),
        T(it_is_not_waited_for_without_end),
        T(a_failed_connection_has_its_reason),
        T(a_wrapper_ends_with_its_children),
        T(it_dies_with_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
