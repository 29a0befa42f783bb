/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/sign.h>
#include <controller/token.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/conn/grpc_call.h>
#include <weft/mesh/identity.h>
#include <weft/obs/log.h>
#include <weft/xds/sign.h>

enum { MAX_REQUEST = 64 * 1024 };

struct call {
    const struct controller_sign *sign;
    struct weft_grpc_call *grpc;
    struct weft_arena arena;
    struct weft_slice token, peer_id;
    struct weft_addr from;
    int64_t peer_not_after;
    struct weft_sign_request request;
    struct controller_review_wait *wait; /* for whose the token is */
    bool asked;                          /* the request has come */
};

static int64_t unix_now(void) {
    return (int64_t)(weft_clock_unix_us() / 1000000u);
}

static void call_free(struct call *c) {
    controller_review_cancel(c->wait);
    weft_grpc_call_free(c->grpc);
    weft_arena_done(&c->arena);
    free(c);
}

static void answer(struct call *c, uint32_t status, const char *text) {
    weft_grpc_call_finish(c->grpc, status, weft_slice_str(text));
}

/* Whose certificate the connection has, which may be older than the certificate's end. */
static bool has_certificate(const struct call *c, struct weft_spiffe *ret) {
    return c->peer_not_after > unix_now() && weft_spiffe_parse(c->peer_id, ret) &&
           weft_slice_is(ret->trust_domain, controller_ca_trust_domain(c->sign->ca));
}

/* Where tokens are files: a token names its ServiceAccount; a valid certificate renews itself as
 * long as its ServiceAccount has a file. What the CSR says is not looked at. */
static enum weft_status who_asks(struct call *c, struct weft_slice *ret_ns,
                                 struct weft_slice *ret_sa) {
    const char *dir = c->sign->token_dir;
    struct weft_spiffe id;
    if (c->token.len && controller_token_owner(dir, c->token, &c->arena, ret_ns, ret_sa) == WEFT_OK)
        return WEFT_OK;
    if (!has_certificate(c, &id)) return WEFT_NOT_FOUND;
    if (dir && !controller_token_exists(dir, id.ns, id.service_account)) return WEFT_NOT_FOUND;
    *ret_ns = id.ns;
    *ret_sa = id.service_account;
    return WEFT_OK;
}

static void issue(struct call *c, const struct weft_sign_request *r, struct weft_slice ns,
                  struct weft_slice sa) {
    struct weft_error err = {0};
    struct weft_buf chain, out;
    weft_buf_init(&chain, 0);
    weft_buf_init(&out, 0);
    enum weft_status st =
        controller_ca_sign(c->sign->ca, r->csr_pem, ns, sa, r->ttl_s, unix_now(), &chain, &err);
    if (st == WEFT_OK) {
        weft_sign_response_encode(
            &(struct weft_sign_response){weft_buf_slice(&chain), controller_ca_bundle(c->sign->ca)},
            &out);
        (void)weft_grpc_call_send(c->grpc, weft_buf_slice(&out));
        answer(c, WEFT_GRPC_OK, "");
        weft_counter_add(c->sign->metrics->certificates, 1);
        weft_info("ca", "certificate issued for %.*s/%.*s", WEFT_SLICE_ARG(ns), WEFT_SLICE_ARG(sa));
    } else {
        weft_warn("ca", "request of %.*s/%.*s not signed: %s", WEFT_SLICE_ARG(ns),
                  WEFT_SLICE_ARG(sa), err.message);
        answer(c, WEFT_GRPC_INVALID_ARGUMENT, err.message);
    }
    weft_buf_done(&chain);
    weft_buf_done(&out);
}

static void refuse(struct call *c, const char *why) {
    weft_counter_add(c->sign->metrics->refused, 1);
    weft_warn("ca", "certificate refused: %s", why);
    answer(c, WEFT_GRPC_UNAUTHENTICATED, why);
}

/* In a cluster a certificate never renews itself while somebody can be asked whether its
 * ServiceAccount and pod still exist. While nobody can, it does for a pod that existed when the API
 * server was last heard: a long absence must not end a mesh that has nothing to do with it. */
static bool may_do_without(const struct call *c, const struct controller_review_answer *a,
                           struct weft_spiffe *ret) {
    const struct controller_sign *s = c->sign;
    return a->status == WEFT_AGAIN && a->away && has_certificate(c, ret) && s->is_pod &&
           s->is_pod(s->ud, &c->from, ret->ns, ret->service_account);
}

static void on_reviewed(void *ud, const struct controller_review_answer *a) {
    struct call *c = ud;
    struct weft_spiffe id;
    c->wait = NULL;
    if (a->status == WEFT_OK) {
        issue(c, &c->request, a->ns, a->service_account);
    } else if (a->status == WEFT_DENIED) {
        refuse(c, a->why);
    } else if (may_do_without(c, a, &id)) {
        weft_warn("ca", "%s: renewed by the certificate alone", a->why);
        issue(c, &c->request, id.ns, id.service_account);
    } else {
        answer(c, WEFT_GRPC_UNAVAILABLE, a->why);
    }
    call_free(c);
}

/* True: the answer comes later. */
static bool serve(struct call *c, struct weft_slice message) {
    struct weft_slice ns, sa;
    const struct controller_sign *s = c->sign;
    const struct weft_sign_request *r = &c->request;
    if (weft_sign_request_decode(message, &c->arena, &c->request) != WEFT_OK) {
        answer(c, WEFT_GRPC_INVALID_ARGUMENT, "not a weft.v1.SignRequest");
    } else if (r->trust_domain.len &&
               !weft_slice_is(r->trust_domain, controller_ca_trust_domain(s->ca))) {
        answer(c, WEFT_GRPC_INVALID_ARGUMENT, "another trust domain is served here");
    } else if (c->token.len && s->review) {
        c->wait = controller_review_ask(s->review, &c->from, c->token, on_reviewed, c);
        return true;
    } else if (s->review) { /* of a version before: it comes again with its token */
        refuse(c, "a ServiceAccount token is needed");
    } else if (who_asks(c, &ns, &sa) != WEFT_OK) {
        refuse(c, "neither a known token nor a certificate that may renew itself");
    } else {
        issue(c, r, ns, sa);
    }
    return false;
}

static void on_message(void *ud, struct weft_slice message) {
    struct call *c = ud;
    if (c->asked) return;
    c->asked = true;
    if (!serve(c, message)) call_free(c);
}

static void on_half_close(void *ud) {
    struct call *c = ud;
    if (c->asked) return; /* the answer is under way */
    answer(c, WEFT_GRPC_INVALID_ARGUMENT, "the request is missing");
    call_free(c);
}

static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    (void)status;
    (void)text;
    call_free(ud);
}

static const struct weft_grpc_cb grpc_cb = {
    .on_message = on_message, .on_half_close = on_half_close, .on_end = on_end};

static struct weft_slice bearer_of(const struct weft_head *head) {
    const struct weft_field *f = weft_fields_get(&head->fields, WEFT_SLICE_LIT("authorization"));
    struct weft_slice prefix = WEFT_SLICE_LIT("bearer ");
    if (!f || !weft_slice_ieq(weft_slice_head(f->value, prefix.len), prefix))
        return WEFT_SLICE_EMPTY;
    return weft_slice_trim(weft_slice_from(f->value, prefix.len));
}

void controller_sign_serve(const struct controller_sign *s, struct weft_stream *stream,
                           const struct weft_head *head, bool end,
                           const struct weft_xport_info *peer) {
    struct call *c = weft_new0(struct call);
    c->sign = s;
    weft_arena_init(&c->arena, 0);
    c->token = weft_arena_dup(&c->arena, bearer_of(head));
    c->peer_id = weft_arena_dup(&c->arena, peer->peer_id);
    c->peer_not_after = peer->peer_not_after;
    c->from = peer->peer;
    c->from.port = 0;
    c->grpc = weft_grpc_call_accept(stream, end, MAX_REQUEST, &grpc_cb, c);
    if (end) on_half_close(c);
}
