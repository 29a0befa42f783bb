/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/xds/sign.h>
#include "proto_util.h"
#include "weft.pb-c.h"

enum { MAX_REQUEST = 64 * 1024, MAX_RESPONSE = 1024 * 1024 };

void weft_sign_request_encode(const struct weft_sign_request *r, struct weft_buf *out) {
    Weft__V1__SignRequest m = WEFT__V1__SIGN_REQUEST__INIT;
    m.csr_pem = weft_pb_bytes(r->csr_pem);
    m.ttl_s = r->ttl_s;
    m.trust_domain = weft_pb_bytes(r->trust_domain);
    (void)weft_pb_pack(&m, out);
}

void weft_sign_response_encode(const struct weft_sign_response *r, struct weft_buf *out) {
    Weft__V1__SignResponse m = WEFT__V1__SIGN_RESPONSE__INIT;
    m.chain_pem = weft_pb_bytes(r->chain_pem);
    m.bundle_pem = weft_pb_bytes(r->bundle_pem);
    (void)weft_pb_pack(&m, out);
}

/* PEM and names are handed to functions that end at a NUL. */
static bool text(struct weft_arena *a, ProtobufCBinaryData in, struct weft_slice *ret) {
    struct weft_slice s = weft_pb_slice(in);
    *ret = weft_arena_dup(a, s);
    return weft_slice_find(s, '\0') == s.len;
}

enum weft_status weft_sign_request_decode(struct weft_slice in, struct weft_arena *a,
                                          struct weft_sign_request *ret) {
    if (in.len > MAX_REQUEST) return WEFT_INVALID;
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__SignRequest *m =
        weft_pb_unpack(&weft__v1__sign_request__descriptor, in, &scratch);
    bool ok =
        m && text(a, m->csr_pem, &ret->csr_pem) && text(a, m->trust_domain, &ret->trust_domain);
    if (ok) ret->ttl_s = m->ttl_s;
    weft_arena_done(&scratch);
    return ok ? WEFT_OK : WEFT_INVALID;
}

enum weft_status weft_sign_response_decode(struct weft_slice in, struct weft_arena *a,
                                           struct weft_sign_response *ret) {
    if (in.len > MAX_RESPONSE) return WEFT_INVALID;
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__SignResponse *m =
        weft_pb_unpack(&weft__v1__sign_response__descriptor, in, &scratch);
    bool ok =
        m && text(a, m->chain_pem, &ret->chain_pem) && text(a, m->bundle_pem, &ret->bundle_pem);
    weft_arena_done(&scratch);
    return ok ? WEFT_OK : WEFT_INVALID;
}
