/* SPDX-License-Identifier: Apache-2.0
 * Broken manifests, remembered until their file changes or goes. */
#pragma once
#include <jansson.h>
#include <weft/base/list.h>
#include <weft/base/status.h>

struct controller_errors {
    struct weft_list list;
    size_t n;
};
void controller_errors_init(struct controller_errors *e);
void controller_errors_done(struct controller_errors *e);
void controller_errors_add(struct controller_errors *e, const char *file,
                           const struct weft_error *err);
/* [{"file","line","field","message"}], new reference. Forgets those whose file is another now. */
json_t *controller_errors_json(struct controller_errors *e);
