/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/agent_sign.h>
#include <weft/base/alloc.h>
#include <weft/conn/grpc_call.h>
#include <weft/xds/ads.h>
#include <weft/xds/sign.h>

enum { MAX_RESPONSE = 1024 * 1024 };
#define SIGN_US (10 * UINT64_C(1000000)) /* from the dial to the answer */

struct agent_sign {
    struct agent_link *link;
    struct weft_grpc_call *call;
    struct weft_timer deadline;
    char *authority;
    struct weft_buf request, token; /* token: "Bearer ..." */
    agent_sign_fn fn;
    void *ud;
};

void agent_sign_cancel(struct agent_sign *s) {
    if (!s) return;
    weft_timer_stop(&s->deadline);
    weft_grpc_call_free(s->call);
    agent_link_close(s->link);
    weft_buf_done(&s->request);
    weft_buf_done(&s->token);
    free(s->authority);
    free(s);
}

static void finish(struct agent_sign *s, enum weft_status st, struct weft_slice chain,
                   struct weft_slice bundle, struct weft_slice why) {
    agent_sign_fn fn = s->fn;
    void *ud = s->ud;
    agent_sign_cancel(s);
    fn(ud, st, chain, bundle, why);
}

static void failed(struct agent_sign *s, enum weft_status st, struct weft_slice why) {
    finish(s, st, WEFT_SLICE_EMPTY, WEFT_SLICE_EMPTY, why);
}

static void on_message(void *ud, struct weft_slice message) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_sign_response r;
    if (weft_sign_response_decode(message, &a, &r) == WEFT_OK)
        finish(ud, WEFT_OK, r.chain_pem, r.bundle_pem, WEFT_SLICE_EMPTY);
    else
        failed(ud, WEFT_PROTOCOL, WEFT_SLICE_LIT("the answer is not a weft.v1.SignResponse"));
    weft_arena_done(&a);
}

static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    struct weft_buf why; /* text goes with the call */
    weft_buf_init(&why, 0);
    (void)weft_buf_append(&why, text);
    failed(ud, status == WEFT_GRPC_UNAVAILABLE ? WEFT_CLOSED : WEFT_DENIED, weft_buf_slice(&why));
    weft_buf_done(&why);
}

static const struct weft_grpc_cb grpc_cb = {.on_message = on_message, .on_end = on_end};

static void on_up(void *ud, struct weft_client_conn *c) {
    struct agent_sign *s = ud;
    s->call =
        weft_grpc_call_new(c,
                           &(struct weft_grpc_request){.authority = weft_slice_str(s->authority),
                                                       .path = WEFT_SLICE_LIT(WEFT_SIGN_PATH),
                                                       .authorization = weft_buf_slice(&s->token),
                                                       .max_message = MAX_RESPONSE},
                           &grpc_cb, s);
    if (!s->call) return; /* the connection is closing: on_down follows */
    (void)weft_grpc_call_send(s->call, weft_buf_slice(&s->request));
    weft_grpc_call_half_close(s->call);
}

static void on_down(void *ud, enum weft_status st) {
    struct agent_sign *s = ud;
    s->link = NULL;
    failed(s, st, weft_slice_str(weft_status_text(st)));
}

static void on_deadline(void *arg) {
    failed(arg, WEFT_TIMEOUT, WEFT_SLICE_LIT("no answer in time"));
}

struct agent_sign *agent_sign_start(struct weft_loop *l, const struct agent_sign_request *r,
                                    agent_sign_fn fn, void *ud) {
    struct agent_sign *s = weft_new0(struct agent_sign);
    s->fn = fn;
    s->ud = ud;
    s->authority = weft_strdup(r->link.server_name);
    weft_buf_init(&s->request, 0);
    weft_buf_init(&s->token, 0);
    weft_sign_request_encode(&(struct weft_sign_request){.csr_pem = r->csr_pem,
                                                         .ttl_s = (uint32_t)r->ttl_s,
                                                         .trust_domain = r->trust_domain},
                             &s->request);
    if (r->token.len)
        (void)weft_buf_printf(&s->token, "Bearer " WEFT_SLICE_FMT, WEFT_SLICE_ARG(r->token));
    weft_timer_init(&s->deadline, l, on_deadline, s);
    s->link = agent_link_open(l, &r->link,
                              &(struct agent_link_cb){.ud = s, .on_up = on_up, .on_down = on_down});
    weft_timer_start(&s->deadline, s->link ? SIGN_US : 1); /* without a link it fails at once */
    return s;
}
