/* SPDX-License-Identifier: Apache-2.0
 * weft.v1 bytes -> Endpoints, Inbound, Trust. */
#include <weft/xds/codec.h>
#include "decode_util.h"
#include "weft.pb-c.h"

static void endpoint(struct weft_decode *d, const Weft__V1__Endpoint *in,
                     struct weft_endpoint *out) {
    if (in->ip.len != 4 && in->ip.len != 16)
        weft_decode_fail(d, WEFT_INVALID, "ip", "is neither 4 nor 16 bytes");
    else
        memcpy(out->addr.ip, in->ip.data, in->ip.len);
    out->addr.family = in->ip.len == 4 ? 4 : 6;
    out->addr.port = weft_decode_u16(d, in->port, "port");
    out->ns = weft_decode_line(d, in->ns, "ns");
    out->pod = weft_decode_line(d, in->pod, "pod");
    out->service_account = weft_decode_line(d, in->service_account, "service_account");
    out->spiffe_id = weft_decode_line(d, in->spiffe_id, "spiffe_id");
    out->meshed = in->meshed != 0;
    if (out->meshed && out->spiffe_id.len == 0)
        weft_decode_fail(d, WEFT_INVALID, "spiffe_id", "is missing on a meshed endpoint");
    out->mode = weft_decode_enum(d, (int)in->mode, WEFT_MTLS_DISABLED, "mode");
    out->zone = weft_decode_line(d, in->zone, "zone");
}

static void endpoints(struct weft_decode *d, const Weft__V1__Endpoints *in,
                      struct weft_endpoints *out) {
    out->name = weft_decode_name(d, in->name, "name");
    if (!weft_slice_starts(out->name, WEFT_SLICE_LIT("endpoints/")))
        weft_decode_fail(d, WEFT_INVALID, "name", "is not endpoints/...");
    out->prefer_zone = in->prefer_zone != 0;
    out->items = weft_decode_array(d, in->n_items, sizeof *out->items, &out->n, "items");
    for (size_t i = 0; i < out->n && d->st == WEFT_OK; i++) {
        struct weft_decode_at at;
        weft_decode_enter(d, &at, "items", i);
        endpoint(d, in->items[i], &out->items[i]);
        weft_decode_leave(d);
    }
}

enum weft_status weft_xds_decode_endpoints(struct weft_slice in, struct weft_endpoints **ret,
                                           struct weft_error *err) {
    struct weft_endpoints *out = weft_endpoints_new();
    struct weft_decode d = {.arena = &out->arena, .err = err};
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__Endpoints *m = weft_pb_unpack(&weft__v1__endpoints__descriptor, in, &scratch);
    if (m)
        endpoints(&d, m, out);
    else
        weft_decode_fail(&d, WEFT_INVALID, "", "is not a weft.v1.Endpoints");
    weft_arena_done(&scratch);
    if (d.st == WEFT_OK) out->version = weft_decode_version(&d, in);
    if (d.st == WEFT_OK) d.st = weft_endpoints_seal(out, err);
    if (d.st != WEFT_OK) out = weft_endpoints_unref(out);
    if (out) *ret = out;
    return d.st;
}

static void inbound_name(struct weft_decode *d, const struct weft_inbound *i) {
    struct weft_slice rest = i->name;
    bool ok = weft_slice_is(weft_slice_cut(&rest, '/'), "inbound") &&
              weft_slice_eq(weft_slice_cut(&rest, '/'), i->ns) && weft_slice_eq(rest, i->pod);
    if (!ok) weft_decode_fail(d, WEFT_INVALID, "name", "is not inbound/NS/POD");
}

static void inbound(struct weft_decode *d, const Weft__V1__Inbound *in, struct weft_inbound *out) {
    out->name = weft_decode_name(d, in->name, "name");
    out->ns = weft_decode_name(d, in->ns, "ns");
    out->pod = weft_decode_name(d, in->pod, "pod");
    inbound_name(d, out);
    out->service_account = weft_decode_line(d, in->service_account, "service_account");
    out->mode = weft_decode_enum(d, (int)in->mode, WEFT_MTLS_DISABLED, "mode");
    out->zone = weft_decode_line(d, in->zone, "zone");
    out->ports = weft_decode_array(d, in->n_ports, sizeof *out->ports, &out->n_ports, "ports");
    for (size_t i = 0; i < out->n_ports && d->st == WEFT_OK; i++) {
        struct weft_decode_at at;
        weft_decode_enter(d, &at, "ports", i);
        out->ports[i].port = weft_decode_u16(d, in->ports[i]->port, "port");
        out->ports[i].mode =
            weft_decode_enum(d, (int)in->ports[i]->mode, WEFT_MTLS_DISABLED, "mode");
        out->ports[i].protocol =
            weft_decode_enum(d, (int)in->ports[i]->protocol, WEFT_PROTO_HTTP1, "protocol");
        weft_decode_leave(d);
    }
}

enum weft_status weft_xds_decode_inbound(struct weft_slice in, struct weft_inbound **ret,
                                         struct weft_error *err) {
    struct weft_inbound *out = weft_inbound_new();
    struct weft_decode d = {.arena = &out->arena, .err = err};
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__Inbound *m = weft_pb_unpack(&weft__v1__inbound__descriptor, in, &scratch);
    if (m)
        inbound(&d, m, out);
    else
        weft_decode_fail(&d, WEFT_INVALID, "", "is not a weft.v1.Inbound");
    weft_arena_done(&scratch);
    if (d.st == WEFT_OK) out->version = weft_decode_version(&d, in);
    if (d.st != WEFT_OK) out = weft_inbound_unref(out);
    if (out) *ret = out;
    return d.st;
}

static void trust(struct weft_decode *d, const Weft__V1__Trust *in, struct weft_trust *out) {
    out->domains =
        weft_decode_array(d, in->n_domains, sizeof *out->domains, &out->n_domains, "domains");
    for (size_t i = 0; i < out->n_domains && d->st == WEFT_OK; i++)
        out->domains[i] = weft_decode_name(d, in->domains[i], "domains");
    if (in->n_domains == 0) weft_decode_fail(d, WEFT_INVALID, "domains", "is empty");
    out->bundle = weft_decode_text(d, in->bundle, "bundle", WEFT_XDS_MAX_BUNDLE);
    if (in->bundle.len == 0) weft_decode_fail(d, WEFT_INVALID, "bundle", "is empty");
}

enum weft_status weft_xds_decode_trust(struct weft_slice in, struct weft_trust **ret,
                                       struct weft_error *err) {
    struct weft_trust *out = weft_trust_new();
    struct weft_decode d = {.arena = &out->arena, .err = err};
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__Trust *m = weft_pb_unpack(&weft__v1__trust__descriptor, in, &scratch);
    if (m)
        trust(&d, m, out);
    else
        weft_decode_fail(&d, WEFT_INVALID, "", "is not a weft.v1.Trust");
    weft_arena_done(&scratch);
    if (d.st == WEFT_OK) out->version = weft_decode_version(&d, in);
    if (d.st != WEFT_OK) out = weft_trust_unref(out);
    if (out) *ret = out;
    return d.st;
}
