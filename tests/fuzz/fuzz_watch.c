/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what an API server says to a list and a watch. A file is a series of steps that end
 * with a byte 0: 'P' and a page of a list, 'S' and bytes of a stream, fed in two halves, 'G': the
 * kind is gone. */
#include <stdint.h>
#include <stdlib.h>

#include "src/kube/client_internal.h"
#include "src/kube/watch_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_object(void *ud, enum weft_kube_event event, const json_t *object) {
    const json_t *meta = json_object_get(object, "metadata");
    size_t *told = ud;
    if (!json_is_string(json_object_get(meta, "name"))) abort();
    *told += event == WEFT_KUBE_PUT;
}

static void page(struct kube_state *s, struct weft_slice text) {
    struct weft_error err = {0};
    json_t *json = kube_json(text, &err);
    if (!json) {
        if (!err.message[0]) abort();
        return;
    }
    enum weft_status st = kube_state_page(s, json, &err);
    if (st != WEFT_OK && !err.message[0]) abort();
    if (st == WEFT_OK && !s->cont == !s->version) abort(); /* exactly one says what is next */
    json_decref(json);
}

static void stream(struct kube_state *s, struct weft_slice text) {
    struct weft_error err = {0};
    struct weft_buf b;
    weft_buf_init(&b, 0);
    (void)weft_buf_append(&b, weft_slice_head(text, text.len / 2));
    enum weft_status st = kube_state_feed(s, &b, &err);
    (void)weft_buf_append(&b, weft_slice_from(text, text.len / 2));
    if (st == WEFT_OK) st = kube_state_feed(s, &b, &err);
    if (st != WEFT_OK && !err.message[0]) abort();
    struct weft_slice left = weft_buf_slice(&b);
    if (st == WEFT_OK && weft_slice_find(left, '\n') != left.len) abort();
    weft_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_slice rest = weft_slice((const char *)data, size);
    struct kube_state s;
    size_t told = 0;
    const struct weft_kube_watch_cb cb = {.ud = &told, .on_object = on_object};
    kube_state_init(&s, &cb);
    while (rest.len) {
        struct weft_slice step = weft_slice_cut(&rest, 0);
        struct weft_slice text = weft_slice_from(step, 1);
        char what = step.len ? step.base[0] : 0;
        if (what == 'P') {
            kube_state_restart(&s);
            page(&s, text);
        } else if (what == 'p') { /* the next page of the same list */
            if (s.cont) page(&s, text);
        } else if (what == 'S') {
            if (s.version) stream(&s, text); /* else a list is first, or under way */
        } else if (what == 'G') {
            kube_state_gone(&s);
            if (s.known) abort();
        }
    }
    kube_state_done(&s);
    return 0;
}
