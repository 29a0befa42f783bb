/* SPDX-License-Identifier: Apache-2.0
 * One client namespace's view in one file. */
#include <weft/xds/codec.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include "decode_util.h"
#include "weft.pb-c.h"

#include <stdio.h>

static const struct weft_slice format = {"weft.v1.Snapshot", 16};

static enum weft_status encode_dest(const void *r, struct weft_buf *out) {
    return weft_xds_encode_destination(r, out);
}
static enum weft_status encode_ends(const void *r, struct weft_buf *out) {
    return weft_xds_encode_endpoints(r, out);
}
static enum weft_status encode_in(const void *r, struct weft_buf *out) {
    return weft_xds_encode_inbound(r, out);
}

/* The encoded resources of one kind, each with its bytes in `scratch`. */
static enum weft_status encode_all(struct weft_arena *scratch,
                                   enum weft_status (*encode)(const void *, struct weft_buf *),
                                   const void *const *resources, size_t n, size_t *ret_n,
                                   ProtobufCBinaryData **ret) {
    *ret = n ? weft_arena_array(scratch, ProtobufCBinaryData, n) : NULL;
    *ret_n = n;
    struct weft_buf one;
    weft_buf_init(&one, WEFT_MAX_MESSAGE_BYTES);
    enum weft_status st = WEFT_OK;
    for (size_t i = 0; i < n && st == WEFT_OK; i++) {
        weft_buf_clear(&one);
        st = encode(resources[i], &one);
        if (st == WEFT_OK) (*ret)[i] = weft_pb_bytes(weft_arena_dup(scratch, weft_buf_slice(&one)));
    }
    weft_buf_done(&one);
    return st;
}

enum weft_status weft_snapshot_encode(const struct weft_snapshot *s, struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__Snapshot *m = weft_pb_new(&scratch, &weft__v1__snapshot__descriptor);
    m->format = weft_pb_bytes(format);
    m->ns = weft_pb_bytes(s->ns);
    enum weft_status st = encode_all(&scratch, encode_dest, (const void *const *)s->destinations,
                                     s->n_destinations, &m->n_destinations, &m->destinations);
    if (st == WEFT_OK)
        st = encode_all(&scratch, encode_ends, (const void *const *)s->endpoints, s->n_endpoints,
                        &m->n_endpoints, &m->endpoints);
    if (st == WEFT_OK)
        st = encode_all(&scratch, encode_in, (const void *const *)s->inbound, s->n_inbound,
                        &m->n_inbound, &m->inbound);
    if (st == WEFT_OK) st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

/* Puts "destinations[3]: " before the field that a resource's decoder named. */
static enum weft_status prefix(struct weft_error *err, enum weft_status st, const char *list,
                               size_t i) {
    if (st == WEFT_OK || !err) return st;
    char path[sizeof err->path];
    snprintf(path, sizeof path, "%s[%zu].%.200s", list, i, err->path);
    memcpy(err->path, path, sizeof path);
    return st;
}

static enum weft_status decode_all(const Weft__V1__Snapshot *m, struct weft_snapshot *s,
                                   struct weft_error *err) {
    enum weft_status st = WEFT_OK;
    s->destinations = weft_arena_array(&s->arena, struct weft_destination *, m->n_destinations);
    s->endpoints = weft_arena_array(&s->arena, struct weft_endpoints *, m->n_endpoints);
    s->inbound = weft_arena_array(&s->arena, struct weft_inbound *, m->n_inbound);
    for (size_t i = 0; i < m->n_destinations && st == WEFT_OK; i++) {
        st = weft_xds_decode_destination(weft_pb_slice(m->destinations[i]), &s->destinations[i],
                                         err);
        s->n_destinations += st == WEFT_OK;
        st = prefix(err, st, "destinations", i);
    }
    for (size_t i = 0; i < m->n_endpoints && st == WEFT_OK; i++) {
        st = weft_xds_decode_endpoints(weft_pb_slice(m->endpoints[i]), &s->endpoints[i], err);
        s->n_endpoints += st == WEFT_OK;
        st = prefix(err, st, "endpoints", i);
    }
    for (size_t i = 0; i < m->n_inbound && st == WEFT_OK; i++) {
        st = weft_xds_decode_inbound(weft_pb_slice(m->inbound[i]), &s->inbound[i], err);
        s->n_inbound += st == WEFT_OK;
        st = prefix(err, st, "inbound", i);
    }
    return st;
}

static enum weft_status decode_message(const Weft__V1__Snapshot *m, struct weft_snapshot *s,
                                       struct weft_error *err) {
    if (!m || !weft_slice_eq(weft_pb_slice(m->format), format))
        return weft_error_set(err, WEFT_INVALID, "", "is not a file written by weft compile");
    struct weft_decode d = {.arena = &s->arena, .err = err};
    s->ns = weft_decode_line(&d, m->ns, "ns");
    return d.st == WEFT_OK ? decode_all(m, s, err) : d.st;
}

enum weft_status weft_snapshot_decode(struct weft_slice in, struct weft_snapshot *ret,
                                      struct weft_error *err) {
    if (in.len > WEFT_MAX_SNAPSHOT_BYTES)
        return weft_error_set(err, WEFT_LIMIT, "", "the snapshot is larger than %d bytes",
                              WEFT_MAX_SNAPSHOT_BYTES);
    struct weft_snapshot s = {0};
    weft_arena_init(&s.arena, 0);
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    enum weft_status st =
        decode_message(weft_pb_unpack(&weft__v1__snapshot__descriptor, in, &scratch), &s, err);
    weft_arena_done(&scratch);
    if (st == WEFT_OK)
        *ret = s;
    else
        weft_snapshot_done(&s);
    return st;
}

void weft_snapshot_done(struct weft_snapshot *s) {
    for (size_t i = 0; i < s->n_destinations; i++) weft_destination_unref(s->destinations[i]);
    for (size_t i = 0; i < s->n_endpoints; i++) weft_endpoints_unref(s->endpoints[i]);
    for (size_t i = 0; i < s->n_inbound; i++) weft_inbound_unref(s->inbound[i]);
    weft_arena_done(&s->arena);
    *s = (struct weft_snapshot){0};
}
