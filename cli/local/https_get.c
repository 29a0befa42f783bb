/* SPDX-License-Identifier: Apache-2.0
 * weft local https-get ADDR:PORT REQUEST: what an HTTPS probe runs inside the pod. As the kubelet
 * does, it takes any certificate. Exit status 0 for an answer of 200 to 399, else 1. */
#include <cli/local/verbs.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/net/tls.h>
#include <weft/net/xport.h>

enum { TIMEOUT_US = 60000000, STATUS_AT = 9, ENOUGH = 12 }; /* "HTTP/1.1 200" */

struct get {
    const char *request;
    struct weft_buf answer;
    bool done;
};

static void on_open(void *ud, enum weft_status st) {
    struct get *g = ud;
    g->done = st != WEFT_OK;
}

static void on_read(void *ud, struct weft_slice data) {
    struct get *g = ud;
    (void)weft_buf_append(&g->answer, weft_slice_head(data, ENOUGH));
    g->done = weft_buf_size(&g->answer) >= ENOUGH;
}

static void on_eof(void *ud) {
    ((struct get *)ud)->done = true;
}

static void on_error(void *ud, enum weft_status st) {
    on_eof(ud);
}

static bool is_done(void *ud) {
    return ((struct get *)ud)->done;
}

static bool is_good(const struct get *g) {
    struct weft_slice s = weft_buf_slice(&g->answer);
    return s.len >= ENOUGH && weft_slice_starts(s, WEFT_SLICE_LIT("HTTP/1.")) &&
           (s.base[STATUS_AT] == '2' || s.base[STATUS_AT] == '3');
}

static void get(struct weft_loop *l, struct get *g, const struct weft_addr *to,
                struct weft_tls_ctx *tls) {
    static const struct weft_xport_cb cb = {
        .on_open = on_open, .on_read = on_read, .on_eof = on_eof, .on_error = on_error};
    struct weft_xport *x = weft_xport_dial(l, to, NULL, TIMEOUT_US);
    x = weft_xport_tls_client(x, tls, WEFT_SLICE_EMPTY, NULL, NULL, TIMEOUT_US);
    weft_xport_set_cb(x, &cb, g);
    weft_xport_write(x, weft_slice_str(g->request));
    weft_xport_read_start(x);
    weft_loop_run_until(l, is_done, g);
    weft_xport_close(x);
}

int local_verb_https_get(int argc, char **argv) {
    struct weft_addr to;
    struct weft_error err;
    struct weft_tls_ctx *tls = NULL;
    if (argc != 3 || !weft_addr_parse(weft_slice_str(argv[1]), &to)) return 2;
    if (weft_tls_ctx_new(WEFT_TLS_PROBE_CLIENT, NULL, NULL, &tls, &err) != WEFT_OK) return 1;
    struct get g = {.request = argv[2]};
    struct weft_loop *l = weft_loop_new();
    weft_buf_init(&g.answer, 2 * ENOUGH);
    get(l, &g, &to, tls);
    weft_loop_free(l);
    weft_tls_ctx_unref(tls);
    int status = is_good(&g) ? 0 : 1;
    weft_buf_done(&g.answer);
    return status;
}
