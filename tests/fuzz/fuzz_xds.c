/* SPDX-License-Identifier: Apache-2.0
 * Hostile bytes into every decoder of the xds layer; the first byte says which. What decodes must
 * encode again, and that must decode. */
#include <stdlib.h>
#include <weft/xds/ads.h>
#include <weft/xds/codec.h>
#include <weft/xds/sign.h>
#include <weft/xds/state.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(enum weft_status st) {
    if (st != WEFT_OK) abort();
}

#define ROUND_TRIP(kind, in)                                                                       \
    do {                                                                                           \
        struct weft_##kind *one = NULL, *two = NULL;                                               \
        if (weft_xds_decode_##kind((in), &one, &err) != WEFT_OK) break;                            \
        again(weft_xds_encode_##kind(one, &out));                                                  \
        again(weft_xds_decode_##kind(weft_buf_slice(&out), &two, &err));                           \
        weft_##kind##_unref(one);                                                                  \
        weft_##kind##_unref(two);                                                                  \
    } while (0)

static void snapshot(struct weft_slice in) {
    struct weft_snapshot s;
    struct weft_error err;
    if (weft_snapshot_decode(in, &s, &err) == WEFT_OK) weft_snapshot_done(&s);
}

static void on_item(void *ud, const struct weft_state_item *item) {
    *(size_t *)ud += item->name.len + item->value.len;
}

static const struct weft_ads_item *lookup(void *ud, struct weft_slice name) {
    static const struct weft_slice implied[] = {{"endpoints/a/b:1", 15}, {"endpoints/a/c:1", 15}};
    static const struct weft_ads_item dest = {{"1", 1}, {"v", 1}, implied, 2};
    static const struct weft_ads_item other = {{"2", 1}, {"w", 1}, NULL, 0};
    (void)ud;
    if (weft_slice_starts(name, WEFT_SLICE_LIT("dest/"))) return &dest;
    return name.len % 2 ? &other : NULL;
}
static void interest(void *ud, struct weft_slice name) {
    (void)ud;
    (void)name;
}
static void on_nack(void *ud, const struct weft_ads_rejection *r) {
    (void)ud;
    (void)r;
}
static void on_refused(void *ud, struct weft_slice name, const char *why) {
    (void)ud;
    (void)name;
    (void)why;
}

/* A few requests in a row (each with a length byte before it), answers in between. */
static void server(struct weft_slice in) {
    struct weft_ads_server *s = weft_ads_server_new(
        &(struct weft_ads_server_cb){NULL, lookup, interest, interest, on_nack, on_refused});
    struct weft_buf out;
    weft_buf_init(&out, 0);
    struct weft_error err;
    size_t names = 0;
    while (in.len > 1) {
        size_t n = (unsigned char)in.base[0];
        struct weft_slice one = weft_slice_head(weft_slice_from(in, 1), n);
        in = weft_slice_from(in, 1 + one.len);
        (void)!weft_ads_server_receive(s, one, &names, &err);
        weft_buf_clear(&out);
        while (weft_ads_server_next(s, &out)) weft_buf_clear(&out);
    }
    weft_buf_done(&out);
    weft_ads_server_free(s);
}

static enum weft_status apply(void *ud, enum weft_xds_type type, const struct weft_ads_resource *r,
                              struct weft_error *err) {
    (void)ud;
    (void)type;
    if (r->value.len % 3 == 0) return weft_error_set(err, WEFT_INVALID, "f", "no");
    return WEFT_OK;
}

static void client(struct weft_slice in) {
    struct weft_ads_client *c = weft_ads_client_new(
        WEFT_SLICE_LIT("n"), &(struct weft_ads_client_cb){NULL, apply, interest});
    weft_ads_client_subscribe(c, WEFT_SLICE_LIT("trust"));
    weft_ads_client_subscribe(c, WEFT_SLICE_LIT("dest/1.2.3.4:5"));
    struct weft_buf out;
    weft_buf_init(&out, 0);
    struct weft_error err;
    size_t names = 0;
    while (in.len > 1) {
        size_t n = (unsigned char)in.base[0];
        struct weft_slice one = weft_slice_head(weft_slice_from(in, 1), n);
        in = weft_slice_from(in, 1 + one.len);
        (void)!weft_ads_client_receive(c, one, &err);
        weft_buf_clear(&out);
        while (weft_ads_client_next(c, 10, &out, &names)) weft_buf_clear(&out);
    }
    weft_buf_done(&out);
    weft_ads_client_free(c);
}

static void sign(struct weft_slice in) {
    struct weft_arena a;
    weft_arena_init(&a, 0);
    struct weft_sign_request request;
    struct weft_sign_response response;
    (void)!weft_sign_request_decode(in, &a, &request);
    (void)!weft_sign_response_decode(in, &a, &response);
    weft_arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct weft_slice in = weft_slice((const char *)data + 1, size - 1);
    struct weft_error err;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    size_t seen = 0;
    switch (data[0] % 9) {
    case 0:
        ROUND_TRIP(destination, in);
        break;
    case 1:
        ROUND_TRIP(endpoints, in);
        break;
    case 2:
        ROUND_TRIP(inbound, in);
        break;
    case 3:
        ROUND_TRIP(trust, in);
        break;
    case 4:
        snapshot(in);
        break;
    case 5:
        (void)!weft_state_decode(in, on_item, &seen, &err);
        break;
    case 6:
        server(in);
        break;
    case 7:
        client(in);
        break;
    default:
        sign(in);
        break;
    }
    weft_buf_done(&out);
    return 0;
}
