/* SPDX-License-Identifier: Apache-2.0
 * The publisher's bookkeeping for one stream: which names this subscriber wants (itself, or implied
 * by a Destination), which version of each it was sent, and what is due. State is bounded by
 * WEFT_ADS_MAX_NAMES; a subscriber that does not answer gets nothing more, and later the latest. */
#include <weft/xds/ads.h>
#include <weft/base/alloc.h>
#include <weft/base/list.h>
#include "proto_util.h"

#include <stdio.h>
#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    struct weft_list due; /* in derive, ends, others or unneeded of the server */
    enum weft_xds_type type;
    bool wanted;             /* subscribed by name */
    bool acquired;           /* the publisher knows of our interest */
    uint32_t implied;        /* by how many Destinations */
    char sent[17];           /* version last sent or held; "" none; "-" told that there is none */
    uint64_t nonce;          /* of the response that it was sent with */
    uint64_t held;           /* its part of stats.held */
    struct weft_list flight; /* in `flight` of the server until that response is answered */
    struct entry **implies;
    size_t n_implies;
    char name[];
};

struct weft_ads_server {
    struct weft_ads_server_cb cb;
    struct entry *entries;
    struct weft_list derive;   /* Destinations whose Endpoints are to be looked at */
    struct weft_list ends;     /* Endpoints to be sent */
    struct weft_list others;   /* everything else to be sent */
    struct weft_list unneeded; /* Endpoints that nothing wants any more */
    struct weft_list flight;   /* sent and not answered, by nonce */
    uint64_t last_nonce, answered_nonce;
    struct weft_ads_server_stats stats;
};

struct weft_ads_server *weft_ads_server_new(const struct weft_ads_server_cb *cb) {
    struct weft_ads_server *s = weft_new0(struct weft_ads_server);
    s->cb = *cb;
    weft_list_init(&s->derive);
    weft_list_init(&s->ends);
    weft_list_init(&s->others);
    weft_list_init(&s->unneeded);
    weft_list_init(&s->flight);
    return s;
}

static struct weft_slice name_of(const struct entry *e) {
    return weft_slice(e->name, e->hh.keylen);
}

static struct entry *find(const struct weft_ads_server *s, struct weft_slice name) {
    struct entry *e = NULL;
    HASH_FIND(hh, s->entries, name.base, name.len, e);
    return e;
}

static struct entry *obtain(struct weft_ads_server *s, struct weft_slice name,
                            enum weft_xds_type type) {
    struct entry *e = find(s, name);
    if (e) return e;
    e = weft_alloc0(sizeof *e + name.len + 1);
    if (name.len) memcpy(e->name, name.base, name.len);
    e->type = type;
    weft_list_init(&e->due);
    weft_list_init(&e->flight);
    HASH_ADD_KEYPTR(hh, s->entries, e->name, name.len, e);
    return e;
}

static bool needed(const struct entry *e) {
    return e->wanted || e->implied > 0;
}

static void queue(struct weft_ads_server *s, struct entry *e) {
    weft_list_remove(&e->due);
    weft_list_push(e->type == WEFT_XDS_DESTINATION ? &s->derive
                   : e->type == WEFT_XDS_ENDPOINTS ? &s->ends
                                                   : &s->others,
                   &e->due);
}

static void acquire(struct weft_ads_server *s, struct entry *e) {
    if (e->acquired) return;
    e->acquired = true;
    s->cb.acquire(s->cb.ud, name_of(e));
}

static void set_held(struct weft_ads_server *s, struct entry *e, uint64_t held) {
    s->stats.held += held - e->held; /* modulo 2^64 */
    e->held = held;
}

static void drop(struct weft_ads_server *s, struct entry *e) {
    weft_list_remove(&e->due);
    weft_list_remove(&e->flight);
    set_held(s, e, 0);
    if (e->acquired) s->cb.release(s->cb.ud, name_of(e));
    HASH_DEL(s->entries, e);
    free(e->implies);
    free(e);
}

struct weft_ads_server *weft_ads_server_free(struct weft_ads_server *s) {
    if (!s) return NULL;
    struct entry *e, *next;
    HASH_ITER(hh, s->entries, e, next) drop(s, e);
    free(s);
    return NULL;
}

/* === what a Destination implies === */

/* Nothing implies or wants it: the subscriber is told at the end, after all else. */
static void release_implied(struct weft_ads_server *s, struct entry *e) {
    e->implied--;
    if (needed(e)) return;
    weft_list_remove(&e->due);
    weft_list_push(&s->unneeded, &e->due);
}

static void set_implied(struct weft_ads_server *s, struct entry *e, const struct weft_ads_item *i) {
    struct entry **old = e->implies;
    size_t n_old = e->n_implies, n = i ? i->n_implied : 0;
    e->implies = n ? weft_alloc0(n * sizeof(struct entry *)) : NULL;
    e->n_implies = n;
    for (size_t k = 0; k < n; k++) {
        struct entry *x = obtain(s, i->implied[k], WEFT_XDS_ENDPOINTS);
        if (!needed(x)) queue(s, x);
        x->implied++;
        acquire(s, x);
        e->implies[k] = x;
    }
    for (size_t k = 0; k < n_old; k++) release_implied(s, old[k]);
    free(old);
}

/* === requests === */

static void refuse(struct weft_ads_server *s, struct weft_slice name, const char *why) {
    s->cb.on_refused(s->cb.ud, weft_slice_head(name, WEFT_ADS_MAX_NAME), why);
}

static void subscribe(struct weft_ads_server *s, struct weft_slice name, enum weft_xds_type type) {
    enum weft_xds_type named;
    if (name.len > WEFT_ADS_MAX_NAME || !weft_xds_type_from_name(name, &named) || named != type) {
        refuse(s, name, "not a name of this type");
        return;
    }
    struct entry *e = find(s, name);
    if (!e && HASH_COUNT(s->entries) >= WEFT_ADS_MAX_NAMES) {
        refuse(s, name, "too many subscriptions");
        return;
    }
    e = obtain(s, name, type);
    if (e->wanted) e->sent[0] = 0; /* asked again: sent again */
    e->wanted = true;
    acquire(s, e);
    queue(s, e);
}

static void unsubscribe(struct weft_ads_server *s, struct weft_slice name) {
    struct entry *e = find(s, name);
    if (!e || !e->wanted) return;
    e->wanted = false;
    if (e->implied) return;
    set_implied(s, e, NULL);
    drop(s, e);
}

/* Before the subscriptions of the same request are looked at. */
static void hold(struct weft_ads_server *s, const struct weft_ads_version *v) {
    enum weft_xds_type type;
    if (!weft_xds_type_from_name(v->name, &type) || v->name.len > WEFT_ADS_MAX_NAME) return;
    if (HASH_COUNT(s->entries) >= WEFT_ADS_MAX_NAMES || find(s, v->name)) return;
    struct entry *e = obtain(s, v->name, type);
    struct weft_slice version = weft_slice_head(v->version, sizeof e->sent - 1);
    if (version.len) memcpy(e->sent, version.base, version.len);
    set_held(s, e, weft_ads_mix(v->name, version));
    weft_list_push(&s->unneeded, &e->due);
}

/* An older version of what was rejected stays held. */
static void reject(struct weft_ads_server *s, const struct weft_ads_rejection *r, uint64_t nonce) {
    struct entry *e = find(s, r->name);
    s->cb.on_nack(s->cb.ud, r);
    if (e && e->nonce <= nonce) weft_list_remove(&e->flight);
}

/* What came with the responses up to this one is held now, or was taken away. */
static void settle(struct weft_ads_server *s, uint64_t nonce, bool accepted) {
    weft_list_each(it, &s->flight) {
        struct entry *e = WEFT_CONTAINER(it, struct entry, flight);
        if (e->nonce > nonce) return;
        weft_list_remove(it);
        struct weft_slice version = weft_slice_str(e->sent);
        bool none = !version.len || weft_slice_is(version, "-");
        if (accepted) set_held(s, e, none ? 0 : weft_ads_mix(name_of(e), version));
    }
}

static void answered(struct weft_ads_server *s, const struct weft_ads_request *r) {
    uint64_t nonce;
    if (!weft_slice_u64(r->nonce, s->last_nonce, &nonce) || nonce <= s->answered_nonce) return;
    s->answered_nonce = nonce;
    for (size_t i = 0; i < r->n_rejected && r->nack; i++) reject(s, &r->rejected[i], nonce);
    settle(s, nonce, !r->nack || r->n_rejected > 0);
    if (!r->nack) return;
    if (r->n_rejected == 0)
        s->cb.on_nack(s->cb.ud, &(struct weft_ads_rejection){.reason = r->error});
}

enum weft_status weft_ads_server_receive(struct weft_ads_server *s, struct weft_slice request,
                                         size_t *ret_names, struct weft_error *err) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(request.len));
    struct weft_ads_request r;
    enum weft_status st = weft_ads_request_decode(request, &scratch, &r, err);
    enum weft_xds_type type;
    if (st == WEFT_OK && !weft_xds_type_from_url(r.type_url, &type))
        st = weft_error_set(err, WEFT_UNSUPPORTED, "type_url", "is not a weft.v1 type");
    if (st == WEFT_OK) {
        *ret_names = r.n_subscribe + r.n_held;
        answered(s, &r);
        for (size_t i = 0; i < r.n_held; i++) hold(s, &r.held[i]);
        for (size_t i = 0; i < r.n_unsubscribe; i++) unsubscribe(s, r.unsubscribe[i]);
        for (size_t i = 0; i < r.n_subscribe; i++) subscribe(s, r.subscribe[i], type);
    }
    weft_arena_done(&scratch);
    return st;
}

void weft_ads_server_changed(struct weft_ads_server *s, struct weft_slice name) {
    struct entry *e = find(s, name);
    if (e && needed(e)) queue(s, e);
}

struct weft_ads_server_stats weft_ads_server_stats(const struct weft_ads_server *s) {
    struct weft_ads_server_stats stats = s->stats;
    stats.names = HASH_COUNT(s->entries);
    stats.responses = s->last_nonce;
    stats.unanswered = s->last_nonce - s->answered_nonce;
    return stats;
}

/* === responses === */

struct response {
    struct weft_arena arena;
    struct weft_ads_response r;
    size_t bytes;
};

/* The Destinations that changed may need other Endpoints: queues those first. */
static void derive_all(struct weft_ads_server *s) {
    weft_list_each(it, &s->derive) {
        struct entry *e = WEFT_CONTAINER(it, struct entry, due);
        set_implied(s, e, s->cb.lookup(s->cb.ud, name_of(e)));
        weft_list_remove(it);
        weft_list_push(&s->others, it);
    }
}

static void add(struct weft_ads_server *s, struct entry *e, struct response *out) {
    const struct weft_ads_item *i = s->cb.lookup(s->cb.ud, name_of(e));
    struct weft_slice version = i ? i->version : WEFT_SLICE_LIT("-");
    if (weft_slice_is(version, e->sent)) return;
    struct weft_slice v = weft_slice_head(version, sizeof e->sent - 1);
    memcpy(e->sent, v.base, v.len);
    e->sent[v.len] = 0;
    e->nonce = s->last_nonce + 1;
    weft_list_remove(&e->flight);
    weft_list_push(&s->flight, &e->flight);
    if (!i) {
        out->r.removed[out->r.n_removed++] = name_of(e);
        out->bytes += e->hh.keylen;
        return;
    }
    out->r.resources[out->r.n_resources++] =
        (struct weft_ads_resource){.name = name_of(e), .version = i->version, .value = i->value};
    out->bytes += i->value.len + e->hh.keylen + 64;
}

/* Takes what is due from `list`, of the first one's type, up to the size of a response. */
static void collect(struct weft_ads_server *s, struct weft_list *list, struct response *out) {
    enum { MOST = 1024 };
    out->r.resources = weft_arena_array(&out->arena, struct weft_ads_resource, MOST);
    out->r.removed = weft_arena_array(&out->arena, struct weft_slice, MOST);
    enum weft_xds_type type = WEFT_CONTAINER(list->next, struct entry, due)->type;
    out->r.type_url = weft_slice_str(weft_xds_type_url(type));
    weft_list_each(it, list) {
        struct entry *e = WEFT_CONTAINER(it, struct entry, due);
        if (e->type != type) continue;
        if (out->bytes > WEFT_ADS_RESPONSE_BYTES || out->r.n_resources >= MOST ||
            out->r.n_removed >= MOST)
            return;
        weft_list_remove(it);
        add(s, e, out);
    }
}

/* Names that the subscriber holds and nothing needs; forgotten once told. */
static void collect_unneeded(struct weft_ads_server *s, struct response *out) {
    enum { MOST = 1024 };
    out->r.removed = weft_arena_array(&out->arena, struct weft_slice, MOST);
    out->r.type_url = weft_slice_str(weft_xds_type_url(WEFT_XDS_ENDPOINTS));
    weft_list_each(it, &s->unneeded) {
        struct entry *e = WEFT_CONTAINER(it, struct entry, due);
        if (out->r.n_removed == MOST) return;
        bool tell = !needed(e) && e->type == WEFT_XDS_ENDPOINTS;
        if (tell) out->r.removed[out->r.n_removed++] = weft_arena_dup(&out->arena, name_of(e));
        weft_list_remove(it);
        if (!needed(e)) drop(s, e);
    }
}

static bool due(struct weft_ads_server *s, struct response *out) {
    while (!weft_list_empty(&s->ends)) {
        collect(s, &s->ends, out);
        if (out->r.n_resources + out->r.n_removed > 0) return true;
    }
    while (!weft_list_empty(&s->others)) {
        collect(s, &s->others, out);
        if (out->r.n_resources + out->r.n_removed > 0) return true;
    }
    while (!weft_list_empty(&s->unneeded)) {
        collect_unneeded(s, out);
        if (out->r.n_removed > 0) return true;
    }
    return false;
}

bool weft_ads_server_next(struct weft_ads_server *s, struct weft_buf *out) {
    if (s->last_nonce - s->answered_nonce >= WEFT_ADS_MAX_IN_FLIGHT) return false;
    derive_all(s);
    struct response resp = {0};
    weft_arena_init(&resp.arena, 0);
    bool any = due(s, &resp);
    if (any) {
        char nonce[24];
        snprintf(nonce, sizeof nonce, "%llu", (unsigned long long)++s->last_nonce);
        resp.r.nonce = weft_slice_str(nonce);
        (void)weft_ads_response_encode(&resp.r, out);
        s->stats.resources += resp.r.n_resources;
        s->stats.removed += resp.r.n_removed;
    }
    weft_arena_done(&resp.arena);
    return any;
}
