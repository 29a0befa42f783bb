/* SPDX-License-Identifier: Apache-2.0
 * The endpoint view of the admin port. */
#include <sidecar/endpoint_view.h>

#include <jansson.h>

#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

void proxy_endpoint_rows_done(struct proxy_endpoint_rows *r) {
    for (size_t i = 0; i < r->n; i++) free(r->items[i].destination);
    free(r->items);
    *r = (struct proxy_endpoint_rows){0};
}

static struct proxy_endpoint_row *more(struct proxy_endpoint_rows *r) {
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->items = weft_realloc(r->items, r->cap * sizeof *r->items);
    }
    return &r->items[r->n++];
}

static void add_set(struct proxy_endpoint_rows *r, const struct proxy_worker *w,
                    const struct proxy_dest *d, uint32_t set) {
    uint64_t now = weft_loop_now_us(w->loop);
    const struct weft_endpoints *e = d->cur->bound->endpoints[set];
    for (uint32_t i = 0; i < e->n; i++) {
        const struct proxy_load *l = d->cur->loads[set][i];
        *more(r) = (struct proxy_endpoint_row){
            .dest = d->addr,
            .endpoint = l->addr,
            .destination = weft_strdup(d->cur->service),
            .worker = w->id,
            .meshed = e->items[i].meshed,
            .ejected = proxy_ejected_until(l->ejection) > now,
            .active = l->active,
            .ewma_us = l->latency.ewma_us ? weft_latency_us(&l->latency, now) : 0,
            .requests = l->requests,
            .failures = l->failures,
        };
    }
}

void proxy_endpoint_rows_add(struct proxy_endpoint_rows *r, const struct proxy_worker *w) {
    for (const struct proxy_dest *d = w->dests.by_addr; d; d = d->hh.next)
        for (uint32_t set = 0; d->cur && set < d->cur->bound->dest->n_endpoints; set++)
            add_set(r, w, d, set);
}

void proxy_endpoint_rows_move(struct proxy_endpoint_rows *r, struct proxy_endpoint_rows *from) {
    for (size_t i = 0; i < from->n; i++) *more(r) = from->items[i];
    from->n = 0;
    proxy_endpoint_rows_done(from);
}

static int by_place(const void *a, const void *b) {
    const struct proxy_endpoint_row *x = a, *y = b;
    int c = strcmp(x->destination, y->destination);
    if (!c) c = memcmp(&x->dest, &y->dest, sizeof x->dest);
    return c ? c : memcmp(&x->endpoint, &y->endpoint, sizeof x->endpoint);
}

static int by_place_and_worker(const void *a, const void *b) {
    const struct proxy_endpoint_row *x = a, *y = b;
    int c = by_place(x, y);
    return c ? c : (x->worker > y->worker) - (x->worker < y->worker);
}

static void merge(struct proxy_endpoint_row *into, const struct proxy_endpoint_row *row) {
    into->active += row->active;
    into->requests += row->requests;
    into->failures += row->failures;
    into->ejected = into->ejected || row->ejected;
    if (row->ewma_us > into->ewma_us) into->ewma_us = row->ewma_us;
}

static json_t *row_json(const struct proxy_endpoint_row *row) {
    char dest[WEFT_ADDR_STR], endpoint[WEFT_ADDR_STR];
    weft_addr_format(&row->dest, dest);
    weft_addr_format(&row->endpoint, endpoint);
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "destination",
                     row->destination, "address", dest, "endpoint", endpoint, "meshed", row->meshed,
                     "ejected", row->ejected, "active", (json_int_t)row->active, "ewma_us",
                     (json_int_t)row->ewma_us, "requests", (json_int_t)row->requests, "failures",
                     (json_int_t)row->failures);
}

char *proxy_endpoint_rows_json(struct proxy_endpoint_rows *r) {
    json_t *list = json_array();
    if (r->n) qsort(r->items, r->n, sizeof *r->items, by_place_and_worker);
    for (size_t i = 0; i < r->n;) {
        struct proxy_endpoint_row sum = r->items[i];
        for (i++; i < r->n && by_place(&sum, &r->items[i]) == 0; i++)
            if (r->items[i].worker !=
                r->items[i - 1].worker) /* else of two sets of one rule list */
                merge(&sum, &r->items[i]);
        json_array_append_new(list, row_json(&sum));
    }
    char *text = weft_dump_text(list);
    json_decref(list);
    return text;
}
