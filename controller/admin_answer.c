/* SPDX-License-Identifier: Apache-2.0
 * What the admin port says. */
#include <controller/controller_internal.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

#include <uthash.h>

static void text_of(json_t *j, struct weft_buf *out) {
    char *text = weft_dump_text(j);
    (void)weft_buf_str(out, text);
    free(text);
    json_decref(j);
}

static const struct weft_gamma *gamma_of(const struct controller *c) {
    return controller_publish_gamma(controller_discovery_publish(c->discovery));
}

/* Everything that a client in one namespace could ask for. */
struct seen {
    UT_hash_handle hh;
    struct weft_endpoints *e;
};
struct view {
    const struct weft_gamma *gamma;
    struct weft_slice ns;
    struct weft_destination **dests;
    struct weft_endpoints **ends;
    size_t n_dests, n_ends;
    struct seen *seen; /* Endpoints by name */
};

static void add_endpoints(struct view *v, struct weft_slice name) {
    struct seen *s = NULL;
    HASH_FIND(hh, v->seen, name.base, name.len, s);
    if (s) return;
    s = weft_new0(struct seen);
    s->e = weft_gamma_endpoints(v->gamma, name);
    HASH_ADD_KEYPTR(hh, v->seen, s->e->name.base, s->e->name.len, s);
    v->ends = weft_realloc(v->ends, (v->n_ends + 1) * sizeof(void *));
    v->ends[v->n_ends++] = s->e;
}

static void add_address(void *ud, const struct weft_addr *addr) {
    struct view *v = ud;
    struct weft_destination *d = weft_gamma_destination(v->gamma, v->ns, addr);
    v->dests = weft_realloc(v->dests, (v->n_dests + 1) * sizeof(void *));
    v->dests[v->n_dests++] = d;
    for (uint32_t i = 0; i < d->n_endpoints; i++) add_endpoints(v, d->endpoints[i]);
}

static uint16_t config_dump(const struct controller *c, struct weft_slice from,
                            struct weft_buf *out) {
    struct view v = {.gamma = gamma_of(c), .ns = from};
    weft_gamma_each_address(v.gamma, add_address, &v);
    text_of(weft_dump_all(v.dests, v.n_dests, v.ends, v.n_ends, NULL, 0), out);
    struct seen *e, *next;
    HASH_ITER(hh, v.seen, e, next) {
        HASH_DEL(v.seen, e);
        weft_endpoints_unref(e->e);
        free(e);
    }
    for (size_t i = 0; i < v.n_dests; i++) weft_destination_unref(v.dests[i]);
    free(v.dests);
    free(v.ends);
    return 200;
}

static struct weft_slice query_value(struct weft_slice query, struct weft_slice name) {
    while (query.base) {
        struct weft_slice value = weft_slice_cut(&query, '&');
        if (weft_slice_eq(weft_slice_cut(&value, '='), name)) return value;
    }
    return WEFT_SLICE_EMPTY;
}

static uint16_t metrics(struct controller *c, struct weft_buf *out) {
    struct controller_publish *p = controller_discovery_publish(c->discovery);
    weft_gauge_set(c->metrics.published, (int64_t)controller_publish_count(p));
    weft_gauge_set(c->metrics.watch_lag, (int64_t)controller_source_lag_s(c->source));
    weft_gauge_set(c->metrics.generation, (int64_t)weft_store_generation(c->store));
    controller_metrics_text(&c->metrics, out);
    return 200;
}

static uint16_t say(struct weft_buf *out, uint16_t status, const char *text) {
    (void)weft_buf_str(out, text);
    return status;
}

/* What keeps it from doing its work, or NULL. */
static const char *unready(struct controller *c) {
    if (c->stopping) return "shutting down";
    if (!c->server) return "there is no authority to serve with yet";
    if (c->opt.webhook.family && !c->webhook) return "the webhook is not serving";
    if (!gamma_of(c)) return "not all objects have been read yet";
    return c->cluster ? controller_cluster_unready(c->cluster) : NULL;
}

static uint16_t ready(struct controller *c, struct weft_buf *out) {
    const char *why = unready(c);
    (void)weft_buf_printf(out, "%s\n", why ? why : "ok");
    return why ? 503 : 200;
}

uint16_t controller_admin_answer(struct controller *c, struct weft_slice target, bool near,
                                 const char **ret_content_type, struct weft_buf *ret_body) {
    struct weft_slice query = target;
    struct weft_slice path = weft_slice_cut(&query, '?');
    *ret_content_type = "text/plain";
    if (weft_slice_is(path, "/live")) return say(ret_body, 200, "ok\n");
    if (weft_slice_is(path, "/metrics")) return metrics(c, ret_body);
    if (weft_slice_is(path, "/ready")) return ready(c, ret_body);
    if (!gamma_of(c)) return say(ret_body, 503, "not all objects have been read yet\n");
    bool known = weft_slice_is(path, "/routes") || weft_slice_is(path, "/errors") ||
                 weft_slice_is(path, "/proxies") || weft_slice_is(path, "/config_dump");
    if (!known)
        return say(ret_body, 404,
                   "/live /ready /metrics /routes /errors /proxies /config_dump?from=NAMESPACE\n");
    if (!near) return say(ret_body, 403, "only from the controller's own host\n");
    *ret_content_type = "application/json";
    if (weft_slice_is(path, "/routes"))
        text_of(weft_gamma_status(gamma_of(c)), ret_body);
    else if (weft_slice_is(path, "/proxies"))
        text_of(controller_discovery_proxies(c->discovery), ret_body);
    else if (weft_slice_is(path, "/errors"))
        text_of(controller_errors_json(&c->errors), ret_body);
    else
        return config_dump(c, query_value(query, WEFT_SLICE_LIT("from")), ret_body);
    return 200;
}
