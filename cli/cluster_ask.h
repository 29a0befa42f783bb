/* SPDX-License-Identifier: Apache-2.0
 * The parts of a cluster's view that are no objects: what running programs say, and a trial. */
#pragma once
#include <cli/ask.h>

/* A pod that asks for a sidecar, made as a dry run: {"namespace", "injected" or "error"}. In a
 * labelled namespace if there is one. NULL: the caller may not make pods there. */
json_t *cluster_probe(struct cli_ask *a, const json_t *namespaces);
/* Of each ready controller in `ns`: [{"pod", "not_after" or "error", "version" if it tells it}]. */
json_t *cluster_signers(struct cli_ask *a, const char *ns, const json_t *pods);
/* Of each sidecar that runs: "ns/pod" → sidecar_metrics, or {"error"}. */
json_t *cluster_metrics(struct cli_ask *a, const json_t *pods);
