/* SPDX-License-Identifier: Apache-2.0
 * YAML documents as JSON, for files that are no Kubernetes objects; and back. */
#pragma once
#include <jansson.h>
#include <weft/base/buf.h>
#include <weft/base/status.h>

/* One document: takes both values. `lines` has the shape of `value` with line numbers, as
 * weft_object.lines; `line` is where the document starts. */
typedef void weft_document_fn(void *ud, json_t *value, json_t *lines, int line);

/* Calls fn for each non-empty document; stops at the first error, whose line is in err->line. */
enum weft_status weft_yaml_parse(struct weft_slice text, weft_document_fn *fn, void *ud,
                                 struct weft_error *err);

/* One document in block style, members in their order; strings that YAML (1.1 or 1.2) could take
 * for something else are quoted. */
void weft_yaml_write(const json_t *value, struct weft_buf *ret);
