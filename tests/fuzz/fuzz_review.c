/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an admission review: answered with JSON or refused with a reason; and what is
 * injected is left alone the next time, its patch is one that was made for it. */
#include <stdint.h>
#include <stdlib.h>

#include <weft/gamma/inject.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const json_t *no_namespace(void *ud, const char *name) {
    return NULL;
}

static void check_answer(struct weft_slice s) {
    json_t *a = json_loadb(s.base, s.len, 0, NULL);
    const json_t *r = json_object_get(a, "response");
    if (!json_is_string(json_object_get(r, "uid"))) abort();
    if (!json_is_boolean(json_object_get(r, "allowed"))) abort();
    if (json_is_false(json_object_get(r, "allowed")) &&
        !json_is_string(json_object_get(json_object_get(r, "status"), "message")))
        abort();
    json_decref(a);
}

static void inject_twice(struct weft_slice body, const struct weft_inject_options *opt) {
    json_t *review = json_loadb(body.base, body.len, 0, NULL);
    const json_t *pod = json_object_get(json_object_get(review, "request"), "object");
    struct weft_inject_result once, twice;
    weft_inject(pod, NULL, opt, &once);
    if (once.verdict != WEFT_INJECT_YES) abort();
    weft_inject(once.pod, NULL, opt, &twice);
    if (twice.verdict == WEFT_INJECT_YES) abort();
    weft_inject_result_done(&twice);
    weft_inject_result_done(&once);
    json_decref(review);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_slice body = weft_slice((const char *)data, size);
    const struct weft_inject_review r = {
        .ns = no_namespace, .opt = {.controller = "c:1", .namespace_asks = true, .secret = "s"}};
    struct weft_inject_outcome o;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    uint16_t status = weft_inject_review(&r, body, &out, &o);
    if (status == 200) {
        check_answer(weft_buf_slice(&out));
        if (o.verdict == WEFT_INJECT_YES) inject_twice(body, &r.opt);
    } else if (status != 400 || !o.why[0]) {
        abort();
    }
    weft_buf_done(&out);
    return 0;
}
