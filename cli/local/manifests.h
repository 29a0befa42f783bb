/* SPDX-License-Identifier: Apache-2.0
 * A folder of manifests kept equal to a set of objects, one file each. */
#pragma once
#include <jansson.h>

/* Adds each object of an array to `set`, under its file name. */
void manifests_add(json_t *set, const json_t *objects);
/* "service.shop.catalog.json"; free() it. */
char *manifests_file(const json_t *object);
/* Writes what is new or changed against `published`, removes what is gone, and makes `published`
 * equal to `now`. Files are renamed into place. */
void manifests_sync(const char *dir, json_t *published, json_t *now);
