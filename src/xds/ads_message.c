/* SPDX-License-Identifier: Apache-2.0
 * The xDS messages between protobuf-c's structs and ours. */
#include <weft/xds/ads.h>
#include "discovery.pb-c.h"
#include "proto_util.h"

#include <stdio.h>
#include "weft.pb-c.h"

#define TYPE(name)     &envoy__service__discovery__v3__##name##__descriptor
#define ANY_REJECTIONS "type.googleapis.com/weft.v1.Rejections"

static const char *const urls[WEFT_XDS_TYPES] = {
    [WEFT_XDS_DESTINATION] = "type.googleapis.com/weft.v1.Destination",
    [WEFT_XDS_ENDPOINTS] = "type.googleapis.com/weft.v1.Endpoints",
    [WEFT_XDS_INBOUND] = "type.googleapis.com/weft.v1.Inbound",
    [WEFT_XDS_TRUST] = "type.googleapis.com/weft.v1.Trust",
};

uint64_t weft_ads_mix(struct weft_slice name, struct weft_slice version) {
    char both[8 + 16] = {0};
    uint64_t hash = weft_slice_hash(name);
    struct weft_slice v = weft_slice_head(version, 16);
    memcpy(both, &hash, sizeof hash);
    if (v.len) memcpy(both + sizeof hash, v.base, v.len);
    return weft_slice_hash(weft_slice(both, sizeof both));
}

void weft_ads_sum_text(uint64_t sum, char ret_hex[17]) {
    snprintf(ret_hex, 17, "%016llx", (unsigned long long)sum);
}

const char *weft_ads_reject_word(enum weft_ads_reject r) {
    static const char *const words[] = {
#define X(name, word) word,
        WEFT_ADS_REJECT_MAP(X)
#undef X
    };
    return words[(size_t)r < WEFT_LEN(words) ? r : WEFT_ADS_REJECT_OTHER];
}

enum weft_ads_reject weft_ads_reject_of(enum weft_status st) {
    switch (st) {
    case WEFT_INVALID:
        return WEFT_ADS_REJECT_INVALID;
    case WEFT_LIMIT:
        return WEFT_ADS_REJECT_LIMIT;
    case WEFT_UNSUPPORTED:
        return WEFT_ADS_REJECT_UNKNOWN;
    case WEFT_PATTERN:
        return WEFT_ADS_REJECT_REGEX;
    case WEFT_TLS:
        return WEFT_ADS_REJECT_TRUST;
    default:
        return WEFT_ADS_REJECT_OTHER;
    }
}

const char *weft_xds_type_url(enum weft_xds_type t) {
    return urls[t];
}

bool weft_xds_type_from_url(struct weft_slice url, enum weft_xds_type *ret) {
    for (int t = 0; t < WEFT_XDS_TYPES; t++) {
        if (!weft_slice_is(url, urls[t])) continue;
        *ret = (enum weft_xds_type)t;
        return true;
    }
    return false;
}

bool weft_xds_type_from_name(struct weft_slice name, enum weft_xds_type *ret) {
    if (weft_slice_starts(name, WEFT_SLICE_LIT("dest/")))
        *ret = WEFT_XDS_DESTINATION;
    else if (weft_slice_starts(name, WEFT_SLICE_LIT("endpoints/")))
        *ret = WEFT_XDS_ENDPOINTS;
    else if (weft_slice_starts(name, WEFT_SLICE_LIT("inbound/")))
        *ret = WEFT_XDS_INBOUND;
    else if (weft_slice_is(name, "trust"))
        *ret = WEFT_XDS_TRUST;
    else
        return false;
    return true;
}

/* === to the wire === */

static char *str(struct weft_arena *a, struct weft_slice s) {
    return (char *)(uintptr_t)weft_arena_dup(a, s).base; /* dup ends with NUL */
}

static char **strs(struct weft_arena *a, const struct weft_slice *in, size_t n) {
    char **out = n ? weft_arena_array(a, char *, n) : NULL;
    for (size_t i = 0; i < n; i++) out[i] = str(a, in[i]);
    return out;
}

static Google__Protobuf__Any *any(struct weft_arena *a, struct weft_slice url,
                                  struct weft_slice value) {
    Google__Protobuf__Any *out = weft_pb_new(a, &google__protobuf__any__descriptor);
    out->type_url = str(a, url);
    out->value = weft_pb_bytes(value);
    return out;
}

static Google__Protobuf__Any *rejections(struct weft_arena *a, const struct weft_ads_request *r) {
    Weft__V1__Rejections *list = weft_pb_new(a, &weft__v1__rejections__descriptor);
    list->n_items = r->n_rejected;
    list->items =
        (Weft__V1__Rejection **)weft_pb_array(a, &weft__v1__rejection__descriptor, r->n_rejected);
    for (size_t i = 0; i < r->n_rejected; i++) {
        list->items[i]->name = weft_pb_bytes(r->rejected[i].name);
        list->items[i]->version = weft_pb_bytes(r->rejected[i].version);
        list->items[i]->reason = weft_pb_bytes(r->rejected[i].reason);
        list->items[i]->kind = r->rejected[i].kind;
    }
    struct weft_buf bytes;
    weft_buf_init(&bytes, 0);
    (void)weft_pb_pack(list, &bytes);
    struct weft_slice copy = weft_arena_dup(a, weft_buf_slice(&bytes));
    weft_buf_done(&bytes);
    return any(a, WEFT_SLICE_LIT(ANY_REJECTIONS), copy);
}

static Google__Rpc__Status *error_detail(struct weft_arena *a, const struct weft_ads_request *r) {
    if (!r->nack) return NULL;
    Google__Rpc__Status *out = weft_pb_new(a, &google__rpc__status__descriptor);
    out->code = 3; /* INVALID_ARGUMENT */
    out->message = str(a, r->error);
    if (r->n_rejected == 0) return out;
    out->n_details = 1;
    out->details = weft_arena_array(a, Google__Protobuf__Any *, 1);
    out->details[0] = rejections(a, r);
    return out;
}

enum weft_status weft_ads_request_encode(const struct weft_ads_request *r, struct weft_buf *out) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    Envoy__Service__Discovery__V3__DeltaDiscoveryRequest *m =
        weft_pb_new(&a, TYPE(delta_discovery_request));
    if (r->node.len) {
        m->node = weft_pb_new(&a, TYPE(node));
        m->node->id = str(&a, r->node);
    }
    m->type_url = str(&a, r->type_url);
    m->response_nonce = str(&a, r->nonce);
    m->n_resource_names_subscribe = r->n_subscribe;
    m->resource_names_subscribe = strs(&a, r->subscribe, r->n_subscribe);
    m->n_resource_names_unsubscribe = r->n_unsubscribe;
    m->resource_names_unsubscribe = strs(&a, r->unsubscribe, r->n_unsubscribe);
    m->n_initial_resource_versions = r->n_held;
    m->initial_resource_versions = (Envoy__Service__Discovery__V3__VersionEntry **)weft_pb_array(
        &a, TYPE(version_entry), r->n_held);
    for (size_t i = 0; i < r->n_held; i++) {
        m->initial_resource_versions[i]->key = str(&a, r->held[i].name);
        m->initial_resource_versions[i]->value = str(&a, r->held[i].version);
    }
    m->error_detail = error_detail(&a, r);
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&a);
    return st;
}

enum weft_status weft_ads_response_encode(const struct weft_ads_response *r, struct weft_buf *out) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    Envoy__Service__Discovery__V3__DeltaDiscoveryResponse *m =
        weft_pb_new(&a, TYPE(delta_discovery_response));
    m->type_url = str(&a, r->type_url);
    m->nonce = str(&a, r->nonce);
    m->n_resources = r->n_resources;
    m->resources = (Envoy__Service__Discovery__V3__Resource **)weft_pb_array(&a, TYPE(resource),
                                                                             r->n_resources);
    for (size_t i = 0; i < r->n_resources; i++) {
        m->resources[i]->name = str(&a, r->resources[i].name);
        m->resources[i]->version = str(&a, r->resources[i].version);
        m->resources[i]->resource = any(&a, r->type_url, r->resources[i].value);
    }
    m->n_removed_resources = r->n_removed;
    m->removed_resources = strs(&a, r->removed, r->n_removed);
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&a);
    return st;
}

/* === from the wire: protobuf-c's structs live in the arena too, so text is only pointed at === */

static struct weft_slice *slices(struct weft_arena *a, char **in, size_t n) {
    struct weft_slice *out = weft_arena_alloc(a, n * sizeof *out);
    for (size_t i = 0; out && i < n; i++) out[i] = weft_slice_str(in[i]);
    return out;
}

/* A newer proxy may know more kinds. */
static enum weft_ads_reject reject_from(uint32_t kind) {
    return kind < WEFT_ADS_REJECTS ? (enum weft_ads_reject)kind : WEFT_ADS_REJECT_OTHER;
}

static bool read_rejections(struct weft_arena *a, const Google__Rpc__Status *s,
                            struct weft_ads_request *ret) {
    for (size_t d = 0; d < s->n_details; d++) {
        if (strcmp(s->details[d]->type_url, ANY_REJECTIONS) != 0) continue;
        const Weft__V1__Rejections *list = weft_pb_unpack(&weft__v1__rejections__descriptor,
                                                          weft_pb_slice(s->details[d]->value), a);
        if (!list) return false;
        ret->rejected = weft_arena_alloc(a, list->n_items * sizeof *ret->rejected);
        if (!ret->rejected) return false;
        ret->n_rejected = list->n_items;
        for (size_t i = 0; i < list->n_items; i++)
            ret->rejected[i] = (struct weft_ads_rejection){
                .name = weft_pb_slice(list->items[i]->name),
                .version = weft_pb_slice(list->items[i]->version),
                .reason = weft_pb_slice(list->items[i]->reason),
                .kind = reject_from(list->items[i]->kind),
            };
        return true;
    }
    return true;
}

static bool read_request(struct weft_arena *a,
                         const Envoy__Service__Discovery__V3__DeltaDiscoveryRequest *m,
                         struct weft_ads_request *ret) {
    if (m->node) ret->node = weft_slice_str(m->node->id);
    ret->type_url = weft_slice_str(m->type_url);
    ret->nonce = weft_slice_str(m->response_nonce);
    ret->n_subscribe = m->n_resource_names_subscribe;
    ret->subscribe = slices(a, m->resource_names_subscribe, ret->n_subscribe);
    ret->n_unsubscribe = m->n_resource_names_unsubscribe;
    ret->unsubscribe = slices(a, m->resource_names_unsubscribe, ret->n_unsubscribe);
    ret->n_held = m->n_initial_resource_versions;
    ret->held = weft_arena_alloc(a, ret->n_held * sizeof *ret->held);
    if (!ret->subscribe || !ret->unsubscribe || !ret->held) return false;
    for (size_t i = 0; i < ret->n_held; i++)
        ret->held[i] = (struct weft_ads_version){
            .name = weft_slice_str(m->initial_resource_versions[i]->key),
            .version = weft_slice_str(m->initial_resource_versions[i]->value),
        };
    if (!m->error_detail) return true;
    ret->nack = true;
    ret->error = weft_slice_str(m->error_detail->message);
    return read_rejections(a, m->error_detail, ret);
}

enum weft_status weft_ads_request_decode(struct weft_slice in, struct weft_arena *a,
                                         struct weft_ads_request *ret, struct weft_error *err) {
    *ret = (struct weft_ads_request){0};
    const void *m = weft_pb_unpack(TYPE(delta_discovery_request), in, a);
    if (m && read_request(a, m, ret)) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "is not a DeltaDiscoveryRequest within limits");
}

static bool read_response(struct weft_arena *a,
                          const Envoy__Service__Discovery__V3__DeltaDiscoveryResponse *m,
                          struct weft_ads_response *ret) {
    ret->type_url = weft_slice_str(m->type_url);
    ret->nonce = weft_slice_str(m->nonce);
    ret->n_removed = m->n_removed_resources;
    ret->removed = slices(a, m->removed_resources, ret->n_removed);
    ret->n_resources = m->n_resources;
    ret->resources = weft_arena_alloc(a, ret->n_resources * sizeof *ret->resources);
    if (!ret->removed || !ret->resources) return false;
    for (size_t i = 0; i < ret->n_resources; i++) {
        const Google__Protobuf__Any *value = m->resources[i]->resource;
        ret->resources[i] = (struct weft_ads_resource){
            .name = weft_slice_str(m->resources[i]->name),
            .version = weft_slice_str(m->resources[i]->version),
            .value = value ? weft_pb_slice(value->value) : WEFT_SLICE_EMPTY,
        };
    }
    return true;
}

enum weft_status weft_ads_response_decode(struct weft_slice in, struct weft_arena *a,
                                          struct weft_ads_response *ret, struct weft_error *err) {
    *ret = (struct weft_ads_response){0};
    const void *m = weft_pb_unpack(TYPE(delta_discovery_response), in, a);
    if (m && read_response(a, m, ret)) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "is not a DeltaDiscoveryResponse within limits");
}
