/* SPDX-License-Identifier: Apache-2.0
 * JSON Patch (RFC 6902): the operations that turn one value into another. */
#pragma once
#include <jansson.h>

/* A new array of add, remove and replace operations; empty when both are equal. Lists whose items
 * have names are compared item by item as long as the old ones stand together in the new list, in
 * their order; other lists that differ are replaced. */
json_t *weft_json_patch(json_t *from, json_t *to);
