/* SPDX-License-Identifier: Apache-2.0
 * What a watch knows of its collection, fed with pages of a list and lines of a watch. No I/O. */
#pragma once
#include <uthash.h>
#include <weft/kube/client.h>

struct kube_known; /* an object that was told */
struct kube_state {
    struct weft_kube_watch_cb cb;
    struct kube_known *known; /* by "namespace/name" */
    uint64_t pass;            /* which list an object was last seen in */
    char *version;            /* resourceVersion to watch from; NULL: list first */
    char *cont;               /* the next page of the list that is under way */
    bool stopped;             /* set by the owner, also in a callback: nothing is told any more */
};

void kube_state_init(struct kube_state *s, const struct weft_kube_watch_cb *cb);
void kube_state_done(struct kube_state *s);
/* Forgets how far list and watch were, not what is known: the next page is a list's first. */
void kube_state_restart(struct kube_state *s);
/* One page, whose items are told; `page` may be changed. After the last one `cont` is NULL and
 * `version` set, and what was not in the list has been told as DELETE. INVALID: no list. */
enum weft_status kube_state_page(struct kube_state *s, json_t *page, struct weft_error *err);
/* One line of a watch. NOT_FOUND: the version is too old (410), list again. INVALID: no event.
 * IO: the server says what failed. */
enum weft_status kube_state_line(struct kube_state *s, struct weft_slice line,
                                 struct weft_error *err);
/* Consumes the whole lines of `body`; stops at the first that is not OK. */
enum weft_status kube_state_feed(struct kube_state *s, struct weft_buf *body,
                                 struct weft_error *err);
/* The kind is not served: everything known is told as DELETE. */
void kube_state_gone(struct kube_state *s);
