/* SPDX-License-Identifier: Apache-2.0
 * Everything that a client namespace may learn, at once: what `weft compile` writes. */
#pragma once
#include <cli/input.h>
#include <weft/xds/codec.h>

/* Destinations of every ClusterIP port and every meshed pod port, the endpoints that they name,
 * and inbound of every pod. Drop with weft_snapshot_done. */
void cli_view(const struct weft_gamma *g, struct weft_slice ns, struct weft_snapshot *ret);
