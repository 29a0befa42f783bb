/* SPDX-License-Identifier: Apache-2.0
 * weft-echo: options, listeners, and an end at once on SIGTERM. */
#include "echo.h"

#include <weft/base/addr.h>
#include <weft/base/options.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct address {
    struct weft_addr addr;
    bool any; /* no address given: both families */
    bool tcp;
};

struct settings {
    struct address listen[ECHO_MAX_LISTEN];
    size_t n;
    const char *name, *greeting, *get;
};

struct listener {
    uv_tcp_t tcp;
    struct echo_app *app;
    const struct echo_proto *proto;
};

static enum weft_status set_listen(void *target, const struct weft_option *row, const char *value,
                                   struct weft_error *err) {
    struct settings *s = target;
    uint64_t port;
    struct address a = {.tcp = !strcmp(row->flag, "tcp")};
    if (s->n == ECHO_MAX_LISTEN)
        return weft_error_set(err, WEFT_LIMIT, "", "\"%s\": more than 32 listeners", value);
    if (weft_slice_u64(weft_slice_str(value), 65535, &port)) {
        a.any = true;
        a.addr.family = 6;
        a.addr.port = (uint16_t)port;
    } else if (!weft_addr_parse(weft_slice_str(value), &a.addr)) {
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use PORT, ADDR:PORT or [ADDR]:PORT",
                              value);
    }
    s->listen[s->n++] = a;
    return WEFT_OK;
}

static const struct weft_option rows[] = {
    {.flag = "listen",
     .metavar = "[ADDR:]PORT",
     .help = "Serve HTTP/1.1, HTTP/2 (prior knowledge) and gRPC here; repeatable. Port 0 takes a "
             "free one and prints it. A port alone is of both families, [::]:PORT of IPv6 only.",
     .set = set_listen},
    {.flag = "tcp",
     .metavar = "[ADDR:]PORT",
     .help = "Echo plain TCP here; repeatable.",
     .set = set_listen},
    {.flag = "greeting",
     .metavar = "TEXT",
     .help = "Sent first on every plain TCP connection. Default none.",
     .set = weft_option_str,
     .offset = offsetof(struct settings, greeting)},
    {.flag = "name",
     .env = "POD_NAME",
     .metavar = "NAME",
     .help = "The pod that answers name. Default: the host name.",
     .set = weft_option_str,
     .offset = offsetof(struct settings, name)},
    {.flag = "get",
     .metavar = "URL",
     .help =
         "Serves nothing: makes this one request over HTTP/1.1 and prints what comes back. Exit "
         "status 1 when nothing did, or a status from 400.",
     .set = weft_option_str,
     .offset = offsetof(struct settings, get)},
};

static void on_connection(uv_stream_t *st, int status) {
    struct listener *l = st->data;
    if (status == 0) echo_accept(st, l->app, l->proto);
}

static int try_listen(struct listener *l, const struct weft_addr *a, bool any) {
    struct sockaddr_storage ss;
    unsigned flags = a->family == 6 && !any ? UV_TCP_IPV6ONLY : 0;
    weft_addr_to_sockaddr(a, &ss);
    uv_tcp_init(&l->app->loop, &l->tcp);
    l->tcp.data = l;
    int r = uv_tcp_bind(&l->tcp, (struct sockaddr *)&ss, flags);
    return r ? r : uv_listen((uv_stream_t *)&l->tcp, 1024, on_connection);
}

static void say(const struct listener *l) {
    struct sockaddr_storage ss;
    struct weft_addr a;
    char text[WEFT_ADDR_STR];
    int n = sizeof ss;
    uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&ss, &n);
    weft_addr_from_sockaddr((struct sockaddr *)&ss, &a);
    weft_addr_format(&a, text);
    printf("weft-echo: %s on %s\n", l->proto == &echo_tcp ? "tcp" : "http", text);
    fflush(stdout);
}

static bool start(struct listener *l, const struct address *a) {
    struct weft_addr at = a->addr;
    if (a->any && access("/proc/net/if_inet6", F_OK) != 0) at.family = 4;
    l->proto = a->tcp ? &echo_tcp : &echo_detect;
    int r = try_listen(l, &at, a->any);
    char text[WEFT_ADDR_STR];
    weft_addr_format(&at, text);
    if (r)
        fprintf(stderr, "weft-echo: cannot listen on %s: %s\n", text, uv_strerror(r));
    else
        say(l);
    return r == 0;
}

static void on_signal(uv_signal_t *s, int number) {
    _exit(0);
}

static int serve(struct echo_app *app, const struct settings *set) {
    static struct listener listeners[ECHO_MAX_LISTEN];
    static uv_signal_t term, intr;
    uv_loop_init(&app->loop);
    uv_signal_init(&app->loop, &term);
    uv_signal_start(&term, on_signal, SIGTERM);
    uv_signal_init(&app->loop, &intr);
    uv_signal_start(&intr, on_signal, SIGINT);
    for (size_t i = 0; i < set->n; i++) {
        listeners[i].app = app;
        if (!start(&listeners[i], &set->listen[i])) return 1;
    }
    return uv_run(&app->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
    static struct settings set;
    static struct echo_app app;
    struct weft_option_result result;
    struct weft_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    if (weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, &set, &result, &err)) {
        fprintf(stderr, "weft-echo: %s: %s\n", err.path, err.message);
        return 2;
    }
    if (result.help) {
        printf("Usage: weft-echo --listen [ADDR:]PORT [OPTION...]\n"
               "       weft-echo --get URL\n"
               "Answers every request with JSON that tells what arrived; see README.md for how to "
               "ask for delays, failures,\nstreams and resets.\n\n");
        weft_options_print(stdout, rows, WEFT_LEN(rows));
        return 0;
    }
    if (result.version) {
        printf("weft-echo %s\n", WEFT_VERSION);
        return 0;
    }
    if (set.get && result.rest == argc) return echo_get(set.get);
    if (set.n == 0 || result.rest < argc) {
        fprintf(stderr, "weft-echo: %s\n",
                set.n ? "takes options only" : "--listen or --tcp is needed");
        return 2;
    }
    gethostname(app.hostname, sizeof app.hostname - 1);
    app.name = set.name && *set.name ? set.name : app.hostname;
    app.greeting = set.greeting;
    return serve(&app, &set);
}
