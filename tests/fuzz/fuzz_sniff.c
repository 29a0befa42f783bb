/* SPDX-License-Identifier: Apache-2.0
 * A verdict never changes with more bytes; slices of a ClientHello lie inside the input. */
#include <weft/base/check.h>
#include <weft/http/sniff.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct weft_slice s, struct weft_slice all) {
    if (s.base) WEFT_CHECK(s.base >= all.base && s.base + s.len <= all.base + all.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_slice all = {(const char *)data, size};
    enum weft_sniff last = WEFT_SNIFF_MORE;
    for (size_t n = 0; n <= size && n < 300; n++) {
        enum weft_sniff now = weft_sniff(weft_slice_head(all, n));
        WEFT_CHECK(last == WEFT_SNIFF_MORE || now == last);
        last = now;
    }
    enum weft_sniff whole = weft_sniff(all);
    WEFT_CHECK(last == WEFT_SNIFF_MORE || whole == last);
    WEFT_CHECK(whole != WEFT_SNIFF_MORE || size < 8192);
    struct weft_client_hello h;
    if (!weft_sniff_client_hello(all, &h)) return 0;
    WEFT_CHECK(whole == WEFT_SNIFF_TLS || size < 5 || data[1] != 3 || data[2] > 4);
    check_inside(h.sni, all);
    check_inside(h.alpn, all);
    (void)weft_sniff_alpn_has(h.alpn, WEFT_SLICE_LIT("h2"));
    return 0;
}
