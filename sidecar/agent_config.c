/* SPDX-License-Identifier: Apache-2.0
 * Resources on their way from the stream (or the state folder) into the proxy's configuration, and
 * wishes on their way back. */
#include "agent_internal.h"

#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include <weft/obs/log.h>
#include <weft/xds/codec.h>
#include <weft/xds/state.h>

#include <uthash.h>

enum { NAMES_BURST = 200, NAMES_PER_SECOND = 100 };
#define SAVE_US UINT64_C(1000000) /* changes of this long are written together */

struct agent_held {
    UT_hash_handle hh;
    size_t len;
    char *value;
    char name[];
};

/* === what is kept for the state folder === */

static void held_drop(struct proxy_agent *a, struct weft_slice name) {
    struct agent_held *h = NULL;
    HASH_FIND(hh, a->held, name.base, name.len, h);
    if (!h) return;
    HASH_DEL(a->held, h);
    free(h->value);
    free(h);
    if (!weft_timer_active(&a->save_timer)) weft_timer_start(&a->save_timer, SAVE_US);
}

static void held_put(struct proxy_agent *a, struct weft_slice name, struct weft_slice value) {
    if (!a->opt.state_dir) return;
    held_drop(a, name);
    struct agent_held *h = weft_alloc0(sizeof *h + name.len + 1);
    memcpy(h->name, name.base, name.len);
    h->value = weft_slice_dup(value);
    h->len = value.len;
    HASH_ADD_KEYPTR(hh, a->held, h->name, name.len, h);
    if (!weft_timer_active(&a->save_timer)) weft_timer_start(&a->save_timer, SAVE_US);
}

static void save(struct proxy_agent *a) {
    if (!a->opt.state_dir) return;
    size_t n = 0;
    struct weft_state_item *items = weft_alloc0((HASH_COUNT(a->held) + 1) * sizeof *items);
    for (struct agent_held *h = a->held; h; h = h->hh.next)
        items[n++] = (struct weft_state_item){weft_slice(h->name, h->hh.keylen),
                                              weft_slice(h->value, h->len)};
    struct weft_buf out;
    weft_buf_init(&out, 0);
    enum weft_status st = weft_state_encode(items, n, &out);
    if (st == WEFT_OK) st = agent_state_write(a->opt.state_dir, "config.bin", weft_buf_slice(&out));
    if (st != WEFT_OK) weft_warn("agent", "configuration not kept: %s", weft_status_text(st));
    weft_buf_done(&out);
    free(items);
}

static void on_save(void *arg) {
    save(arg);
}

/* === one resource === */

static enum weft_status misnamed(struct weft_error *err) {
    return weft_error_set(err, WEFT_INVALID, "name", "is not the one it came under");
}

static enum weft_status put_destination(struct proxy_agent *a, const struct weft_ads_resource *r,
                                        struct weft_error *err) {
    struct weft_destination *d = NULL;
    enum weft_status st = weft_xds_decode_destination(r->value, &d, err);
    if (st != WEFT_OK) return st;
    if (!weft_slice_eq(d->name, r->name)) {
        weft_destination_unref(d);
        return misnamed(err);
    }
    proxy_config_put_destination(a->config, d);
    return WEFT_OK;
}

static enum weft_status put_endpoints(struct proxy_agent *a, const struct weft_ads_resource *r,
                                      struct weft_error *err) {
    struct weft_endpoints *e = NULL;
    enum weft_status st = weft_xds_decode_endpoints(r->value, &e, err);
    if (st != WEFT_OK) return st;
    if (!weft_slice_eq(e->name, r->name)) {
        weft_endpoints_unref(e);
        return misnamed(err);
    }
    proxy_config_put_endpoints(a->config, e);
    return WEFT_OK;
}

static enum weft_status put_inbound(struct proxy_agent *a, const struct weft_ads_resource *r,
                                    struct weft_error *err) {
    struct weft_inbound *i = NULL;
    enum weft_status st = weft_xds_decode_inbound(r->value, &i, err);
    if (st != WEFT_OK) return st;
    if (!weft_slice_eq(i->name, r->name) || !weft_slice_eq(i->name, a->inbound_name)) {
        weft_inbound_unref(i);
        return misnamed(err);
    }
    proxy_config_put_inbound(a->config, i);
    return WEFT_OK;
}

static enum weft_status put_trust(struct proxy_agent *a, const struct weft_ads_resource *r,
                                  struct weft_error *err) {
    struct weft_trust *t = NULL;
    enum weft_status st = weft_xds_decode_trust(r->value, &t, err);
    if (st == WEFT_OK && agent_identity_set_trust(a, t, err) != WEFT_OK) st = WEFT_TLS;
    if (st == WEFT_OK)
        proxy_config_put_trust(a->config, t);
    else
        weft_trust_unref(t);
    return st;
}

static enum weft_status put(struct proxy_agent *a, enum weft_xds_type type,
                            const struct weft_ads_resource *r, struct weft_error *err) {
    switch (type) {
    case WEFT_XDS_DESTINATION:
        return put_destination(a, r, err);
    case WEFT_XDS_ENDPOINTS:
        return put_endpoints(a, r, err);
    case WEFT_XDS_INBOUND:
        return put_inbound(a, r, err);
    default:
        return put_trust(a, r, err);
    }
}

/* === from the stream === */

static enum weft_status apply(void *ud, enum weft_xds_type type, const struct weft_ads_resource *r,
                              struct weft_error *err) {
    struct proxy_agent *a = ud;
    enum weft_status st = put(a, type, r, err);
    if (st == WEFT_OK) {
        held_put(a, r->name, r->value);
        return st;
    }
    weft_error("agent", "%.*s rejected: %s: %s", WEFT_SLICE_ARG(r->name), err->path, err->message);
    if (a->cb.on_rejected) a->cb.on_rejected(a->cb.ud);
    return st;
}

static void removed(void *ud, struct weft_slice name) {
    struct proxy_agent *a = ud;
    held_drop(a, name);
    proxy_config_remove(a->config, name);
}

/* === from the proxy === */

static void subscribe(void *ud, struct weft_slice name) {
    struct proxy_agent *a = ud;
    weft_ads_client_subscribe(a->client, name);
    agent_ads_kick(a->ads);
}

static void unsubscribe(void *ud, struct weft_slice name) {
    struct proxy_agent *a = ud;
    held_drop(a, name);
    weft_ads_client_unsubscribe(a->client, name);
    agent_ads_kick(a->ads);
}

size_t agent_config_allowance(struct proxy_agent *a) {
    uint64_t now = weft_loop_now_us(a->loop);
    a->allowance += (double)(now - a->allowance_at_us) * NAMES_PER_SECOND / 1e6;
    a->allowance_at_us = now;
    if (a->allowance > NAMES_BURST) a->allowance = NAMES_BURST;
    return a->allowance < 1 ? 0 : (size_t)a->allowance;
}

void agent_config_spent(struct proxy_agent *a, size_t names) {
    a->allowance -= (double)names;
    if (a->allowance < 1 && !weft_timer_active(&a->allowance_timer))
        weft_timer_start(&a->allowance_timer, 1000000 / NAMES_PER_SECOND);
}

static void on_allowance(void *arg) {
    struct proxy_agent *a = arg;
    agent_ads_kick(a->ads);
    if (weft_ads_client_waiting(a->client) > 0)
        weft_timer_start(&a->allowance_timer, 1000000 / NAMES_PER_SECOND * 5);
}

/* === from the state folder === */

struct load {
    struct proxy_agent *a;
    bool destinations; /* these come last, so that their Endpoints are there */
};

static void load_one(void *ud, const struct weft_state_item *item) {
    struct load *l = ud;
    struct proxy_agent *a = l->a;
    enum weft_xds_type type;
    struct weft_error err = {0};
    if (!weft_xds_type_from_name(item->name, &type) ||
        (type == WEFT_XDS_DESTINATION) != l->destinations)
        return;
    char version[17];
    weft_slice_hash_hex(item->value, version);
    const struct weft_ads_resource r = {item->name, weft_slice_str(version), item->value};
    if (put(a, type, &r, &err) != WEFT_OK) {
        weft_warn("agent", "kept %.*s not used: %s", WEFT_SLICE_ARG(item->name), err.message);
        return;
    }
    held_put(a, item->name, item->value);
    weft_ads_client_hold(a->client, item->name, r.version);
}

static void load(struct proxy_agent *a) {
    struct weft_buf bytes;
    weft_buf_init(&bytes, WEFT_MAX_SNAPSHOT_BYTES);
    struct weft_error err = {0};
    struct load l = {.a = a};
    enum weft_status st = agent_state_read(a->opt.state_dir, "config.bin", &bytes);
    if (st == WEFT_OK) st = weft_state_decode(weft_buf_slice(&bytes), load_one, &l, &err);
    l.destinations = true;
    if (st == WEFT_OK) st = weft_state_decode(weft_buf_slice(&bytes), load_one, &l, &err);
    if (st != WEFT_OK && st != WEFT_NOT_FOUND)
        weft_warn("agent", "kept configuration not used: %s", err.message);
    weft_buf_done(&bytes);
}

void agent_config_start(struct proxy_agent *a) {
    weft_timer_init(&a->save_timer, a->loop, on_save, a);
    weft_timer_init(&a->allowance_timer, a->loop, on_allowance, a);
    a->allowance = NAMES_BURST;
    a->allowance_at_us = weft_loop_now_us(a->loop);
    a->client = weft_ads_client_new(
        a->own_id, &(struct weft_ads_client_cb){.ud = a, .apply = apply, .removed = removed});
    if (a->opt.state_dir) load(a);
    weft_ads_client_subscribe(a->client, WEFT_SLICE_LIT("trust"));
    weft_ads_client_subscribe(a->client, a->inbound_name);
    proxy_config_set_source(
        a->config,
        &(struct proxy_config_source){.ud = a, .subscribe = subscribe, .unsubscribe = unsubscribe});
}

void agent_config_stop(struct proxy_agent *a) {
    proxy_config_set_source(a->config, &(struct proxy_config_source){0});
    if (weft_timer_active(&a->save_timer)) save(a);
    weft_timer_stop(&a->save_timer);
    weft_timer_stop(&a->allowance_timer);
    struct agent_held *h, *next;
    HASH_ITER(hh, a->held, h, next) {
        HASH_DEL(a->held, h);
        free(h->value);
        free(h);
    }
    a->client = weft_ads_client_free(a->client);
}
