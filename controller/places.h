/* SPDX-License-Identifier: Apache-2.0
 * How many connections one identity, or one address, has: places are limited. */
#pragma once
#include <weft/base/slice.h>

struct controller_place;
struct controller_places {
    struct controller_place *all;
};
/* One more for `who`, unless it has `most`: NULL then. */
struct controller_place *controller_places_take(struct controller_places *p, struct weft_slice who,
                                                size_t most);
/* Takes NULL. */
void controller_places_give(struct controller_places *p, struct controller_place *place);
