/* SPDX-License-Identifier: Apache-2.0
 * Any objects, checked or not, through gamma: every destination, endpoint set, inbound and status,
 * and a request through what came out. */
#include <stdint.h>
#include <stdlib.h>

#include <weft/gamma/gamma.h>
#include <weft/http/head.h>
#include <weft/mesh/dump.h>
#include <weft/mesh/match.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_object(void *ud, struct weft_object *o) {
    weft_store_put(ud, o);
}

static void request(const struct weft_destination *d) {
    struct weft_arena a;
    struct weft_head head;
    struct weft_match_result won;
    weft_arena_init(&a, 256 * 1024);
    weft_head_init(&head, &a);
    head.method = WEFT_SLICE_LIT("GET");
    head.scheme = WEFT_SLICE_LIT("http");
    head.authority = WEFT_SLICE_LIT("web.shop");
    head.path = WEFT_SLICE_LIT("/a/b/c?q=1&x=%20");
    (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("x-a"), WEFT_SLICE_LIT("1"));
    if (d->routes == WEFT_ROUTES_GRPC) head.path = WEFT_SLICE_LIT("/shop.v1.Cart/Get");
    weft_match(d, &head, &a, &won);
    if (won.rule && (won.rule < d->rules || won.rule >= d->rules + d->n_rules)) abort();
    weft_arena_done(&a);
}

static void on_address(void *ud, const struct weft_addr *addr) {
    static const char *const clients[] = {"shop", "default", "elsewhere"};
    const struct weft_gamma *g = ud;
    for (size_t i = 0; i < WEFT_LEN(clients); i++) {
        struct weft_destination *d = weft_gamma_destination(g, weft_slice_str(clients[i]), addr);
        for (uint32_t k = 0; k < d->n_endpoints; k++)
            weft_endpoints_unref(weft_gamma_endpoints(g, d->endpoints[k]));
        request(d);
        json_decref(weft_dump_destination(d));
        weft_destination_unref(d);
    }
}

static void on_pod(void *ud, struct weft_slice ns, struct weft_slice pod) {
    weft_inbound_unref(weft_gamma_inbound(ud, ns, pod));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_store *s = weft_store_new();
    const struct weft_gamma_options opt = {.experimental = size % 2 == 0,
                                           .require_reference_grant = size % 3 == 0};
    (void)weft_object_parse(weft_slice((const char *)data, size), NULL, on_object, s, NULL);
    struct weft_gamma *g = weft_gamma_new(s, &opt);
    weft_store_free(s);
    weft_gamma_each_address(g, on_address, g);
    weft_gamma_each_workload(g, on_address, g);
    weft_gamma_each_pod(g, on_pod, g);
    json_decref(weft_gamma_status(g));
    weft_gamma_free(g);
    return 0;
}
