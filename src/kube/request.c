/* SPDX-License-Identifier: Apache-2.0
 * One request and its reply. */
#include "client_internal.h"

#include <weft/base/alloc.h>

enum { DEFAULT_TIMEOUT_US = 10 * 1000 * 1000 };

struct weft_kube_call {
    struct weft_list link; /* kube->calls */
    struct weft_kube *kube;
    struct kube_transfer *transfer;
    void (*on_reply)(void *ud, const struct weft_kube_reply *reply);
    void *ud;
};

static void drop(struct weft_kube_call *c) {
    weft_list_remove(&c->link);
    kube_transfer_free(c->transfer);
    free(c);
}

static void on_done(void *ud, long status, struct weft_buf *body, const char *error) {
    struct weft_kube_call *c = ud;
    struct weft_error err = {0};
    json_t *json = error ? NULL : kube_json(weft_buf_slice(body), &err);
    WEFT_FREE char *fault =
        !error && (status < 200 || status > 299) ? kube_reply_fault(c->kube, status, json) : NULL;
    const struct weft_kube_reply reply = {
        .status = status,
        .body = json,
        .text = error ? WEFT_SLICE_EMPTY : weft_buf_slice(body),
        .error = error ? error : fault,
    };
    void (*on_reply)(void *, const struct weft_kube_reply *) = c->on_reply;
    void *reply_ud = c->ud;
    drop(c);
    if (on_reply) on_reply(reply_ud, &reply);
    json_decref(json);
}

struct weft_kube_call *weft_kube_send(struct weft_kube *k, const struct weft_kube_request *r) {
    struct weft_kube_call *c = weft_new0(struct weft_kube_call);
    c->kube = k;
    c->on_reply = r->on_reply;
    c->ud = r->ud;
    weft_list_push(&k->calls, &c->link);
    char *body = r->body ? json_dumps(r->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    const struct kube_transfer_spec spec = {
        .method = r->method,
        .path = r->path,
        .accept = r->accept,
        .content_type = r->content_type               ? r->content_type
                        : !strcmp(r->method, "PATCH") ? "application/merge-patch+json"
                                                      : NULL,
        .body = weft_slice_str(body),
        .timeout_us = r->timeout_us ? r->timeout_us : DEFAULT_TIMEOUT_US,
        .max_body = KUBE_MAX_REPLY,
        .cb = {.ud = c, .on_done = on_done},
    };
    c->transfer = kube_transfer_new(k, &spec);
    free(body);
    return c;
}

void weft_kube_cancel(struct weft_kube_call *c) {
    if (c) drop(c);
}

void kube_call_drop(struct weft_list *link) {
    drop(WEFT_CONTAINER(link, struct weft_kube_call, link));
}
