/* SPDX-License-Identifier: Apache-2.0
 * weft.v1 messages (src/xds/proto/weft.proto): the model on the wire and on disk. Encoding is
 * deterministic, so equal content has equal bytes; version = 16 hex digits of their hash. */
#pragma once
#include <weft/base/buf.h>
#include <weft/mesh/model.h>

enum weft_status weft_xds_encode_destination(const struct weft_destination *d,
                                             struct weft_buf *out);
enum weft_status weft_xds_encode_endpoints(const struct weft_endpoints *e, struct weft_buf *out);
enum weft_status weft_xds_encode_inbound(const struct weft_inbound *i, struct weft_buf *out);
enum weft_status weft_xds_encode_trust(const struct weft_trust *t, struct weft_buf *out);
/* Sealed and with version set, or an error that names the field. Any bytes are safe. */
enum weft_status weft_xds_decode_destination(struct weft_slice in, struct weft_destination **ret,
                                             struct weft_error *err) WEFT_MUST_USE;
enum weft_status weft_xds_decode_endpoints(struct weft_slice in, struct weft_endpoints **ret,
                                           struct weft_error *err) WEFT_MUST_USE;
enum weft_status weft_xds_decode_inbound(struct weft_slice in, struct weft_inbound **ret,
                                         struct weft_error *err) WEFT_MUST_USE;
enum weft_status weft_xds_decode_trust(struct weft_slice in, struct weft_trust **ret,
                                       struct weft_error *err) WEFT_MUST_USE;

/* A view of one client namespace in one file (`weft compile`, `weft-proxy --snapshot`). */
struct weft_snapshot {
    struct weft_slice ns; /* in `arena` */
    struct weft_destination **destinations;
    struct weft_endpoints **endpoints;
    struct weft_inbound **inbound;
    size_t n_destinations, n_endpoints, n_inbound;
    struct weft_arena arena; /* the arrays */
};
enum weft_status weft_snapshot_encode(const struct weft_snapshot *s, struct weft_buf *out);
enum weft_status weft_snapshot_decode(struct weft_slice in, struct weft_snapshot *ret,
                                      struct weft_error *err) WEFT_MUST_USE;
void weft_snapshot_done(struct weft_snapshot *s); /* drops all references */
