/* SPDX-License-Identifier: Apache-2.0
 * Takes Weft's entries out of the status of routes, after the last controller has gone: nobody
 * would ever update them again. */
#pragma once
#include <cli/ask.h>

#define RETRACT_CONTROLLER "weftmesh.io/mesh-controller"

/* Pure. The route's status.parents without the entries of our controller, in their order, and how
 * many of them were ours; NULL: none is. New reference. */
json_t *retract_parents(const json_t *route, size_t *ret_ours);

struct retract_sum {
    size_t routes, entries; /* removed, or only counted */
    size_t failed;          /* routes that could not be read or written; each was told on stderr */
};
/* Every route of every kind that has a status.parents, of all namespaces. A write holds the
 * resourceVersion that it was made from; after a conflict the route is read anew. `keep`: writes
 * nothing. */
struct retract_sum cli_retract(struct cli_ask *a, bool keep);
