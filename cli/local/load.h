/* SPDX-License-Identifier: Apache-2.0
 * A folder of manifests, read once. */
#pragma once
#include <weft/object/store.h>

/* Reads every *.yaml, *.yml and *.json below `path` into the store; broken files are reported and
 * left out. WEFT_NOT_FOUND if there is no such folder. */
enum weft_status local_load(const char *path, struct weft_store *store,
                            void (*on_problem)(void *ud, const char *file,
                                               const struct weft_error *err),
                            void *ud, struct weft_error *err);
