/* SPDX-License-Identifier: Apache-2.0
 * The subscriber's bookkeeping: what it wants, what it has told the server on this stream, which
 * versions it holds, and the answers it owes. */
#include <weft/xds/ads.h>
#include <weft/base/alloc.h>
#include <weft/base/list.h>
#include "proto_util.h"

#include <uthash.h>

struct entry {
    UT_hash_handle hh;
    struct weft_list node; /* in `changes` of its type while something is to be told */
    enum weft_xds_type type;
    bool subscribed; /* wanted */
    bool told;       /* the server knows that, on this stream */
    bool known;      /* some server was told before: telling again costs no allowance */
    bool retell;     /* dropped and wanted again in between: the server must send it afresh */
    char version[17];
    char name[];
};

struct answer {
    struct weft_list node;
    enum weft_xds_type type;
    struct weft_buf bytes;
};

struct weft_ads_client {
    struct weft_ads_client_cb cb;
    char *node;
    struct entry *entries;
    struct weft_list changes[WEFT_XDS_TYPES];
    struct weft_list answers;
    bool greeted; /* the node id was sent on this stream */
    bool began[WEFT_XDS_TYPES];
};

struct weft_ads_client *weft_ads_client_new(struct weft_slice node,
                                            const struct weft_ads_client_cb *cb) {
    struct weft_ads_client *c = weft_new0(struct weft_ads_client);
    c->cb = *cb;
    c->node = weft_slice_dup(node);
    weft_list_init(&c->answers);
    for (int t = 0; t < WEFT_XDS_TYPES; t++) weft_list_init(&c->changes[t]);
    return c;
}

static void drop_answers(struct weft_ads_client *c) {
    weft_list_each(it, &c->answers) {
        struct answer *a = WEFT_CONTAINER(it, struct answer, node);
        weft_list_remove(it);
        weft_buf_done(&a->bytes);
        free(a);
    }
}

static void forget(struct weft_ads_client *c, struct entry *e) {
    weft_list_remove(&e->node);
    HASH_DEL(c->entries, e);
    free(e);
}

struct weft_ads_client *weft_ads_client_free(struct weft_ads_client *c) {
    if (!c) return NULL;
    drop_answers(c);
    struct entry *e, *next;
    HASH_ITER(hh, c->entries, e, next) forget(c, e);
    free(c->node);
    free(c);
    return NULL;
}

static struct entry *find(const struct weft_ads_client *c, struct weft_slice name) {
    struct entry *e = NULL;
    HASH_FIND(hh, c->entries, name.base, name.len, e);
    return e;
}

static struct entry *obtain(struct weft_ads_client *c, struct weft_slice name,
                            enum weft_xds_type type) {
    struct entry *e = find(c, name);
    if (e) return e;
    e = weft_alloc0(sizeof *e + name.len + 1);
    if (name.len) memcpy(e->name, name.base, name.len);
    e->type = type;
    weft_list_init(&e->node);
    HASH_ADD_KEYPTR(hh, c->entries, e->name, name.len, e);
    return e;
}

static struct weft_slice name_of(const struct entry *e) {
    return weft_slice(e->name, e->hh.keylen);
}

/* === what the proxy wants === */

static void note(struct weft_ads_client *c, struct entry *e) {
    weft_list_remove(&e->node);
    if (e->subscribed != e->told || (e->subscribed && e->retell))
        weft_list_push(&c->changes[e->type], &e->node);
}

void weft_ads_client_subscribe(struct weft_ads_client *c, struct weft_slice name) {
    enum weft_xds_type type;
    if (!weft_xds_type_from_name(name, &type)) return;
    struct entry *e = obtain(c, name, type);
    e->subscribed = true;
    note(c, e);
}

void weft_ads_client_unsubscribe(struct weft_ads_client *c, struct weft_slice name) {
    struct entry *e = find(c, name);
    if (!e || !e->subscribed) return;
    e->subscribed = false;
    e->known = false;
    e->version[0] = 0;
    e->retell = true;
    note(c, e);
    if (!e->told) forget(c, e);
}

static void set_version(struct entry *e, struct weft_slice version) {
    struct weft_slice v = weft_slice_head(version, sizeof e->version - 1);
    if (v.len) memcpy(e->version, v.base, v.len);
    e->version[v.len] = 0;
}

void weft_ads_client_hold(struct weft_ads_client *c, struct weft_slice name,
                          struct weft_slice version) {
    enum weft_xds_type type;
    if (weft_xds_type_from_name(name, &type)) set_version(obtain(c, name, type), version);
}

void weft_ads_client_unhold(struct weft_ads_client *c, struct weft_slice name) {
    struct entry *e = find(c, name);
    if (e) e->version[0] = 0;
}

void weft_ads_client_restart(struct weft_ads_client *c) {
    drop_answers(c);
    c->greeted = false;
    memset(c->began, 0, sizeof c->began);
    struct entry *e, *next;
    HASH_ITER(hh, c->entries, e, next) {
        e->told = false;
        if (!e->subscribed && e->version[0] == 0)
            forget(c, e);
        else
            note(c, e);
    }
}

static size_t length(const struct weft_list *l) {
    size_t n = 0;
    for (const struct weft_list *it = l->next; it != l; it = it->next) n++;
    return n;
}

size_t weft_ads_client_waiting(const struct weft_ads_client *c) {
    size_t n = 0;
    for (int t = 0; t < WEFT_XDS_TYPES; t++) n += length(&c->changes[t]);
    return n;
}

/* === requests === */

/* The first request of a type says what is held. That of the Destinations also covers the
 * Endpoints, which they imply: the server must know both before it looks at either. */
static void add_held(struct weft_ads_client *c, enum weft_xds_type type, struct weft_arena *a,
                     struct weft_ads_request *r) {
    if (c->began[type]) return;
    c->began[type] = true;
    r->held = weft_arena_array(a, struct weft_ads_version, HASH_COUNT(c->entries));
    for (struct entry *e = c->entries; e; e = e->hh.next) {
        bool mine =
            e->type == type || (type == WEFT_XDS_DESTINATION && e->type == WEFT_XDS_ENDPOINTS);
        bool implied = e->type == WEFT_XDS_ENDPOINTS;
        if (!mine || e->version[0] == 0 || !(implied || e->subscribed)) continue;
        r->held[r->n_held++] =
            (struct weft_ads_version){.name = name_of(e), .version = weft_slice_str(e->version)};
    }
}

static void add_changes(struct weft_ads_client *c, enum weft_xds_type type, size_t max_new,
                        struct weft_arena *a, struct weft_ads_request *r, size_t *ret_new,
                        struct weft_list *ret_gone) {
    size_t n = length(&c->changes[type]);
    r->subscribe = weft_arena_array(a, struct weft_slice, n);
    r->unsubscribe = weft_arena_array(a, struct weft_slice, n);
    weft_list_each(it, &c->changes[type]) {
        struct entry *e = WEFT_CONTAINER(it, struct entry, node);
        if (e->subscribed && !e->known && *ret_new >= max_new) continue;
        weft_list_remove(it);
        e->told = e->subscribed;
        e->retell = false;
        if (!e->subscribed) {
            r->unsubscribe[r->n_unsubscribe++] = name_of(e);
            weft_list_push(ret_gone, &e->node);
            continue;
        }
        *ret_new += !e->known;
        e->known = true;
        r->subscribe[r->n_subscribe++] = name_of(e);
    }
}

static bool next_of_type(struct weft_ads_client *c, enum weft_xds_type type, size_t max_new,
                         struct weft_buf *out, size_t *ret_new) {
    if (weft_list_empty(&c->changes[type])) return false;
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_list gone;
    weft_list_init(&gone);
    struct weft_ads_request r = {.type_url = weft_slice_str(weft_xds_type_url(type))};
    add_changes(c, type, max_new, &a, &r, ret_new, &gone);
    bool any = r.n_subscribe + r.n_unsubscribe > 0;
    if (any) {
        if (!c->greeted) r.node = weft_slice_str(c->node);
        c->greeted = true;
        add_held(c, type, &a, &r);
        (void)weft_ads_request_encode(&r, out);
    }
    weft_list_each(it, &gone) forget(c, WEFT_CONTAINER(it, struct entry, node));
    weft_arena_done(&a);
    return any;
}

bool weft_ads_client_next(struct weft_ads_client *c, size_t max_new, struct weft_buf *out,
                          size_t *ret_new) {
    *ret_new = 0;
    if (!weft_list_empty(&c->answers)) {
        struct answer *a = WEFT_CONTAINER(c->answers.next, struct answer, node);
        weft_list_remove(&a->node);
        (void)weft_buf_append(out, weft_buf_slice(&a->bytes));
        weft_buf_done(&a->bytes);
        free(a);
        return true;
    }
    static const enum weft_xds_type order[] = {WEFT_XDS_TRUST, WEFT_XDS_INBOUND,
                                               WEFT_XDS_DESTINATION, WEFT_XDS_ENDPOINTS};
    for (size_t i = 0; i < WEFT_LEN(order); i++)
        if (next_of_type(c, order[i], max_new, out, ret_new)) return true;
    return false;
}

/* === responses === */

static void reject(struct weft_arena *a, struct weft_ads_request *answer,
                   const struct weft_ads_resource *r, enum weft_status st,
                   const struct weft_error *why) {
    struct weft_slice reason = why->path[0]
                                   ? weft_arena_printf(a, "%s: %s", why->path, why->message)
                                   : weft_arena_dup_str(a, why->message);
    answer->nack = true;
    answer->rejected[answer->n_rejected++] =
        (struct weft_ads_rejection){r->name, r->version, reason, weft_ads_reject_of(st)};
    if (answer->error.len > 2048) return; /* the list in the details is complete */
    answer->error = weft_arena_printf(a, WEFT_SLICE_FMT "%s" WEFT_SLICE_FMT ": " WEFT_SLICE_FMT,
                                      WEFT_SLICE_ARG(answer->error), answer->error.len ? "; " : "",
                                      WEFT_SLICE_ARG(r->name), WEFT_SLICE_ARG(reason));
}

static void apply_one(struct weft_ads_client *c, enum weft_xds_type type,
                      const struct weft_ads_resource *r, struct weft_arena *a,
                      struct weft_ads_request *answer) {
    struct weft_error err = {0};
    enum weft_xds_type named;
    if (!weft_xds_type_from_name(r->name, &named) || named != type) {
        (void)weft_error_set(&err, WEFT_INVALID, "name", "is not of type %s",
                             weft_xds_type_url(type));
        reject(a, answer, r, WEFT_INVALID, &err);
        return;
    }
    struct entry *e = find(c, r->name);
    bool wanted = (e && e->subscribed) || type == WEFT_XDS_ENDPOINTS;
    if (!wanted) return; /* crossed with our unsubscribe */
    enum weft_status st = c->cb.apply(c->cb.ud, type, r, &err);
    if (st == WEFT_OK)
        set_version(obtain(c, r->name, type), r->version);
    else
        reject(a, answer, r, st, &err);
}

static void remove_one(struct weft_ads_client *c, struct weft_slice name) {
    struct entry *e = find(c, name);
    if (!e) return;
    c->cb.removed(c->cb.ud, name);
    e = find(c, name); /* the callback may have unsubscribed it */
    if (!e) return;
    e->version[0] = 0;
    if (!e->subscribed && !e->told) forget(c, e);
}

static void queue_answer(struct weft_ads_client *c, enum weft_xds_type type,
                         const struct weft_ads_request *answer) {
    struct answer *a = weft_new0(struct answer);
    a->type = type;
    weft_buf_init(&a->bytes, 0);
    (void)weft_ads_request_encode(answer, &a->bytes);
    weft_list_push(&c->answers, &a->node);
}

static enum weft_status receive(struct weft_ads_client *c, struct weft_slice bytes,
                                struct weft_arena *scratch, struct weft_error *err) {
    struct weft_ads_response r;
    enum weft_status st = weft_ads_response_decode(bytes, scratch, &r, err);
    if (st != WEFT_OK) return st;
    enum weft_xds_type type;
    if (!weft_xds_type_from_url(r.type_url, &type))
        return weft_error_set(err, WEFT_PROTOCOL, "type_url", "is not one that was asked for");
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_ads_request answer = {
        .type_url = r.type_url,
        .nonce = r.nonce,
        .rejected = weft_arena_array(&a, struct weft_ads_rejection, r.n_resources),
    };
    for (size_t i = 0; i < r.n_resources; i++) apply_one(c, type, &r.resources[i], &a, &answer);
    for (size_t i = 0; i < r.n_removed; i++) remove_one(c, r.removed[i]);
    queue_answer(c, type, &answer);
    weft_arena_done(&a);
    return WEFT_OK;
}

enum weft_status weft_ads_client_receive(struct weft_ads_client *c, struct weft_slice response,
                                         struct weft_error *err) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(response.len));
    enum weft_status st = receive(c, response, &scratch, err);
    weft_arena_done(&scratch);
    return st;
}
