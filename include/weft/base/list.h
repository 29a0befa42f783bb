/* SPDX-License-Identifier: Apache-2.0
 * An intrusive doubly linked ring. For keyed maps use uthash (docs/dependencies.md). */
#pragma once
#include <weft/base/forward.h>

struct weft_list {
    struct weft_list *next, *prev;
};

static inline void weft_list_init(struct weft_list *l) {
    l->next = l->prev = l;
}
static inline bool weft_list_empty(const struct weft_list *l) {
    return l->next == l;
}
static inline void weft_list_push(struct weft_list *head, struct weft_list *n) { /* at the end */
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}
static inline void weft_list_push_front(struct weft_list *head, struct weft_list *n) {
    weft_list_push(head->next, n);
}
static inline void weft_list_remove(struct weft_list *n) { /* idempotent */
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = n;
}
/* Safe against removal of `it` (struct weft_list *). */
#define weft_list_each(it, head)                                                                   \
    for (struct weft_list *it = (head)->next, *it##_next = it->next; it != (head);                 \
         it = it##_next, it##_next = it->next)
