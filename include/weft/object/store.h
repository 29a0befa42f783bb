/* SPDX-License-Identifier: Apache-2.0
 * All objects by (kind, namespace, name), whatever source they came from. */
#pragma once
#include <weft/object/object.h>

struct weft_store;
struct weft_store *weft_store_new(void);
struct weft_store *weft_store_free(struct weft_store *s);
/* Takes over `o`; replaces one of the same key. True if anything but metadata we ignore changed. */
bool weft_store_put(struct weft_store *s, struct weft_object *o);
bool weft_store_remove(struct weft_store *s, const char *kind, const char *ns, const char *name);
const struct weft_object *weft_store_get(const struct weft_store *s, const char *kind,
                                         const char *ns, const char *name);
/* Sorted by namespace, name; ns NULL: all. fn must not change the store. */
void weft_store_each(const struct weft_store *s, const char *kind, const char *ns,
                     void (*fn)(void *ud, const struct weft_object *o), void *ud);
/* Every word that weft_store_each knows objects of, in no order. fn must not change the store. */
void weft_store_each_kind(const struct weft_store *s, void (*fn)(void *ud, const char *kind),
                          void *ud);
uint64_t weft_store_generation(const struct weft_store *s); /* grows with every change */
/* The word that `kind` means above for this object: its kind, or "HTTPRoute.policy.linkerd.io" when
 * another group than ours uses one of our kinds. free() it. */
char *weft_store_kind(const struct weft_object *o);
