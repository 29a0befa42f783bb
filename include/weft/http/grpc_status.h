/* SPDX-License-Identifier: Apache-2.0
 * The seventeen gRPC status codes by number and by name (gRPC "statuscodes"). */
#pragma once
#include <weft/base/slice.h>

enum { WEFT_GRPC_STATUSES = 17 };

/* "14", "UNAVAILABLE", "unavailable", "resource-exhausted"; false: no such status. */
bool weft_grpc_status_parse(struct weft_slice s, uint32_t *ret);
const char *weft_grpc_status_name(uint32_t status); /* "UNAVAILABLE"; "UNKNOWN" beyond 16 */
