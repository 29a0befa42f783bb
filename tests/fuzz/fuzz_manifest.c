/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a manifest: parsed, checked under both channels, viewed, stored. */
#include <stdint.h>
#include <stdlib.h>

#include <weft/object/store.h>
#include <weft/object/types.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void view(const struct weft_object *o) {
    struct weft_arena a;
    struct weft_service service;
    struct weft_endpoint_slice slice;
    struct weft_pod pod;
    struct weft_route route;
    struct weft_reference_grant grant;
    struct weft_backend_tls_policy policy;
    weft_arena_init(&a, 0);
    weft_service_view(o, &a, &service);
    weft_endpoint_slice_view(o, &a, &slice);
    weft_pod_view(o, &a, &pod);
    weft_route_view(o, &a, &route);
    weft_reference_grant_view(o, &a, &grant);
    weft_backend_tls_policy_view(o, &a, &policy);
    weft_arena_done(&a);
}

static void nothing(void *ud, const char *path) {}

static void on_object(void *ud, struct weft_object *o) {
    struct weft_error err;
    view(o);
    if (weft_object_validate(o, true, &err) != WEFT_OK && !err.message[0]) abort();
    weft_object_unknown_fields(o, true, nothing, NULL);
    weft_object_experimental_fields(o, nothing, NULL);
    (void)weft_object_line(o, err.path);
    (void)weft_object_validate(o, false, &err);
    weft_store_put(ud, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_store *s = weft_store_new();
    struct weft_error err;
    enum weft_status st =
        weft_object_parse(weft_slice((const char *)data, size), "fuzz", on_object, s, &err);
    if (st != WEFT_OK && !err.message[0]) abort();
    weft_store_free(s);
    return 0;
}
