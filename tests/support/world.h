/* SPDX-License-Identifier: Apache-2.0
 * A small mesh on one loop with a clock that stands still: workers of the proxy, apps behind fake
 * dials, clients on memory pipes, configuration from manifests through the real translation. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sidecar/config.h>
#include <sidecar/worker.h>
#include <weft/base/alloc.h>
#include <weft/conn/server.h>

enum { WORLD_APPS = 16, WORLD_CLIENTS = 64, WORLD_HELD = 64, WORLD_SCRIPT = 16 };

struct world;

/* ---- apps ---- */

enum app_mode {
    APP_HTTP,   /* answers by its script, then 200 */
    APP_REFUSE, /* connection refused */
    APP_MUTE,   /* connections never come up */
    APP_RAW,    /* bytes only: see world_app_send */
    APP_PROXY,  /* the inbound side of `proxy`: a peer's sidecar */
};
/* What an app does with one request; from its script, in order. */
enum app_act {
    ACT_OK,  /* 200 with `body`, or the request's body back */
    ACT_500, /* that status */
    ACT_503,
    ACT_HOLD,   /* no answer until world_app_answer */
    ACT_RESET,  /* cuts the connection */
    ACT_REFUSE, /* HTTP/2: REFUSED_STREAM */
    ACT_EARLY,  /* answers 200 on the head, without waiting for the body */
    ACT_HEAD_ONLY_THEN_RESET,
    ACT_HINTS,   /* 103, then as ACT_OK */
    ACT_CONTINUE /* 100 on the head, then as ACT_OK */
};
struct app_seen { /* the last request */
    char method[32], path[256], authority[128], protocol[8];
    char *fields; /* "name: value\n" each */
    char *body, *trailers;
    bool has_length, chunked, te_trailers;
};
struct app_request;
struct app {
    struct world *w;
    struct weft_addr addr;
    enum app_mode mode;
    bool h2;
    struct proxy_worker *proxy; /* APP_PROXY */
    enum app_act script[WORLD_SCRIPT];
    int n_script, requests, dials, ended;
    const char *reply_fields; /* "name: value\n" each, added to answers */
    const char *reply_body;   /* NULL: echo */
    const char *reply_trailers;
    bool hold_all;    /* no answer to anything */
    bool close_after; /* Connection: close on every answer */
    struct app_seen seen;
    struct app_request *held;
    struct weft_xport *raw; /* the last connection of APP_RAW */
    struct weft_buf raw_in;
    bool raw_eof; /* the caller closed its sending side */
    struct weft_server_conn *conns[32];
};
struct app *world_app(struct world *w, const char *addr);
void world_app_answer(struct app *a, uint16_t status); /* the held request */
void world_app_send(struct app *a, const char *bytes);
/* The value of a field that the app saw last, NULL if absent. */
const char *world_app_field(struct app *a, const char *name);

/* ---- clients ---- */

/* A client that writes bytes and shows what came back. */
struct client {
    struct world *w;
    struct weft_xport *x;
    struct weft_buf in;
    bool eof, broken;
};
/* A connection of the app to ADDR:PORT, as redirection hands it to the proxy. */
struct client *world_connect(struct world *w, const char *dst);
struct client *world_connect_to(struct proxy_worker *to, enum proxy_dir dir, const char *dst);
void client_send(struct client *c, const char *text);
void client_close(struct client *c); /* FIN */
void client_abort(struct client *c); /* RST */
/* Everything received so far; the caller does not free it. */
const char *client_text(struct client *c);
/* Sends, settles, returns the text received since the last call. */
const char *client_ask(struct client *c, const char *text);
#define assert_has(text, part)   world_assert_has((text), (part), true, __FILE__, __LINE__)
#define assert_hasnt(text, part) world_assert_has((text), (part), false, __FILE__, __LINE__)
void world_assert_has(const char *text, const char *part, bool yes, const char *file, int line);

/* An HTTP/2 client connection over the same pipe, and one call on it. */
struct h2_call {
    struct weft_stream *s;
    int status;
    bool ended, reset;
    struct weft_buf body;
    char *fields, *trailers;
};
struct weft_client_conn;
struct weft_client_conn *world_connect_h2(struct proxy_worker *to, enum proxy_dir dir,
                                          const char *dst);
/* `fields`: "name: value\n" each; body NULL: none. */
void world_call(struct weft_client_conn *c, const char *method, const char *path,
                const char *fields, const char *body, struct h2_call *ret);
void world_call_done(struct h2_call *c);

/* ---- the mesh ---- */

struct world {
    struct weft_loop *loop;
    struct proxy_options opt;
    struct proxy_config *config;
    struct proxy_worker *proxy; /* of the client's pod */
    struct proxy_options peer_opt;
    struct proxy_worker *peer; /* of a server's pod; by world_peer */
    struct app apps[WORLD_APPS];
    int n_apps;
    struct client *clients[WORLD_CLIENTS];
    int n_clients;
    struct weft_client_conn *h2_conns[WORLD_CLIENTS];
    int n_h2;
    struct weft_buf yaml;
    int slices;
    char *log_file;
    int log_fd;
    char *log_text;
    struct weft_buf ca_key, ca_cert;
    struct weft_addr wanted[16]; /* with on_demand: what the worker asked for */
    int n_wanted;
    bool drained;
};
/* cmocka set-up and tear-down; tear-down fails the test when anything is left over. */
int world_setup(void **state);
int world_setup_on_demand(void **state); /* no snapshot: addresses are asked for */
int world_teardown(void **state);
void world_settle(struct world *w);
void world_advance(struct world *w, uint64_t ms);

/* Manifests are gathered, then world_apply puts them in force (again and again). */
void world_yaml(struct world *w, const char *fmt, ...) WEFT_PRINTF(2, 3);
void world_reset_yaml(struct world *w);
/* A Service with its EndpointSlice: endpoints "10.0.0.1 10.0.0.2" at port 8080. */
void world_service(struct world *w, const char *name, const char *ip, const char *app_protocol,
                   const char *endpoints);
/* An HTTPRoute on Service `parent` port 80; `rules` is YAML of spec.rules, indented by 2. */
void world_route(struct world *w, const char *name, const char *parent, const char *rules);
void world_pod(struct world *w, const char *name, const char *ip, const char *sa, bool meshed,
               const char *mtls);
void world_apply(struct world *w);
/* The usual: Service web at 10.96.0.1:80 with endpoints 10.0.0.1 and 10.0.0.2, apps there. */
void world_web(struct world *w, const char *rules);

/* A second worker for the server's pod, with identities for both; endpoint apps of it are reached
 * through mutual TLS. `app` is what listens in that pod. */
void world_peer(struct world *w, const char *ip, bool strict);
void world_identity(struct world *w, struct proxy_worker *worker, const char *sa);

/* The access log since the last call (mode all in tests). */
const char *world_log(struct world *w);
uint64_t world_metric(struct world *w, const char *line_prefix);
