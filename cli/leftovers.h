/* SPDX-License-Identifier: Apache-2.0
 * What a cluster still has of Weft: objects with its label that an installation does not hold, such
 * as those of an older version. */
#pragma once
#include <cli/cluster.h>
#include <cli/install.h>
#include <jansson.h>

/* Kinds that a version of Weft installs, installed or may install; no Secret among them, as keys
 * are nobody's leftovers. */
struct leftover_kind {
    const char *api;    /* "/api/v1" */
    const char *plural; /* "services" */
    const char *version, *kind;
};
extern const struct leftover_kind leftover_kinds[];
extern const size_t n_leftover_kinds;

/* Pure. From `found` (objects of any namespace, metadata is enough; each with apiVersion and kind)
 * takes those that are not in the rendered installation; NULL: takes all. Namespaces come last, and
 * objects within one of these are left out, as they go with it. New reference. */
json_t *leftovers_judge(const json_t *found, const struct cli_install_values *install);
/* Appends them as manifests of kind and name, for kubectl delete. */
void leftovers_render(const json_t *list, struct weft_buf *out);
/* The namespace that a controller is found in, `expected` before any other; NULL: there is none.
 * Borrowed. */
const char *leftovers_home(const json_t *found, const char *expected);

/* Asks the cluster and prints what is left, for kubectl delete; what kubectl cannot delete, and
 * what could not be looked at, goes to standard error. A command's exit status. `stays` NULL:
 * nothing of Weft does, and its entries in the status of routes are removed as well, unless they
 * are to be kept or a controller is still there. */
int cli_leftovers(const struct cluster_at *at, const struct cli_install_values *stays,
                  bool keep_status);
