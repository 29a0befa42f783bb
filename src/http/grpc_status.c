/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/http/grpc_status.h>

static const char *const names[WEFT_GRPC_STATUSES] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

/* Annotations are written in small letters with hyphens, code in capitals with underscores. */
static bool is_name(struct weft_slice s, const char *name) {
    if (s.len != strlen(name)) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i] == '-' ? '_' : weft_lower(s.base[i]);
        if (c != weft_lower(name[i])) return false;
    }
    return true;
}

bool weft_grpc_status_parse(struct weft_slice s, uint32_t *ret) {
    uint64_t n;
    if (weft_slice_u64(s, WEFT_GRPC_STATUSES - 1, &n)) {
        *ret = (uint32_t)n;
        return true;
    }
    for (uint32_t i = 0; i < WEFT_GRPC_STATUSES; i++) {
        if (!is_name(s, names[i])) continue;
        *ret = i;
        return true;
    }
    return false;
}

const char *weft_grpc_status_name(uint32_t status) {
    return names[status < WEFT_GRPC_STATUSES ? status : 2];
}
