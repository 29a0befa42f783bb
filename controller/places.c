/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/places.h>

#include <weft/base/alloc.h>

#include <uthash.h>

struct controller_place {
    UT_hash_handle hh;
    size_t n;
    char who[];
};

struct controller_place *controller_places_take(struct controller_places *p, struct weft_slice who,
                                                size_t most) {
    struct controller_place *c = NULL;
    HASH_FIND(hh, p->all, who.base, who.len, c);
    if (c && c->n >= most) return NULL;
    if (!c) {
        c = weft_alloc0(sizeof *c + who.len + 1);
        memcpy(c->who, who.base, who.len);
        HASH_ADD_KEYPTR(hh, p->all, c->who, who.len, c);
    }
    c->n++;
    return c;
}

void controller_places_give(struct controller_places *p, struct controller_place *c) {
    if (!c || --c->n) return;
    HASH_DEL(p->all, c);
    free(c);
}
