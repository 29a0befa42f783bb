/* SPDX-License-Identifier: Apache-2.0
 * What passes is in normal form: no dot segments, no forbidden bytes or escapes, and normalising it
 * again changes nothing. */
#include <weft/base/check.h>
#include <weft/http/path.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(struct weft_slice s, const char *what) {
    return weft_slice_search(s, weft_slice_str(what)) < s.len;
}

static void check_normal(struct weft_slice out) {
    struct weft_slice path = weft_slice_head(out, weft_slice_find(out, '?'));
    static const char *const never[] = {"/../", "/./", "%2F", "%2f", "%5C", "%5c", "\\",
                                        "%00",  "#",   "%2E", "%2e", "%41", "%7a", " "};
    for (size_t i = 0; i < WEFT_LEN(never); i++) WEFT_CHECK(!has(path, never[i]));
    WEFT_CHECK(!weft_slice_ends(path, WEFT_SLICE_LIT("/..")));
    WEFT_CHECK(!weft_slice_ends(path, WEFT_SLICE_LIT("/.")));
    WEFT_CHECK(path.len && path.base[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_arena a;
    struct weft_slice out, again;
    weft_arena_init(&a, 0);
    struct weft_slice in = weft_arena_dup(&a, weft_slice((const char *)data, size));
    if (weft_path_normalize(in, true, &a, &out) == WEFT_REASON_NONE) {
        WEFT_CHECK(out.len <= in.len);
        WEFT_CHECK(weft_path_normalize(out, true, &a, &again) == WEFT_REASON_NONE);
        WEFT_CHECK(weft_slice_eq(out, again));
    }
    if (weft_path_normalize(in, false, &a, &out) == WEFT_REASON_NONE) {
        WEFT_CHECK(out.len <= in.len);
        WEFT_CHECK(weft_path_normalize(out, false, &a, &again) == WEFT_REASON_NONE);
        WEFT_CHECK(weft_slice_eq(out, again));
        if (in.len && !weft_slice_is(in, "*")) check_normal(out);
    }
    weft_arena_done(&a);
    return 0;
}
