/* SPDX-License-Identifier: Apache-2.0
 * Timeouts and retries of a GRPCRoute, which has no fields for them: annotations that hold for all
 * of its rules (REQ-117). They mean what the fields of an HTTPRoute mean. */
#include "gamma_internal.h"

#include <weft/http/grpc_status.h>

#define REQUEST  "weftmesh.io/timeout-request"
#define BACKEND  "weftmesh.io/timeout-backend-request"
#define ATTEMPTS "weftmesh.io/retry-attempts"
#define CODES    "weftmesh.io/retry-grpc-codes"
#define BACKOFF  "weftmesh.io/retry-backoff"

enum { MAX_ATTEMPTS = 100 };

/* Whether it is there and good; a bad one is told in *fault. */
static bool read_time(const json_t *notes, const char *key, uint64_t *ret, const char **fault) {
    if (!json_object_get(notes, key)) return false;
    if (weft_duration_parse(weft_js_str(notes, key), ret)) return true;
    *fault = key;
    return false;
}

static bool read_attempts(const json_t *notes, uint32_t *ret, const char **fault) {
    uint64_t n;
    if (!json_object_get(notes, ATTEMPTS)) return false;
    if (!weft_slice_u64(weft_js_str(notes, ATTEMPTS), MAX_ATTEMPTS, &n) || n == 0) {
        *fault = ATTEMPTS;
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

static bool read_codes(const json_t *notes, uint32_t *ret, const char **fault) {
    struct weft_slice list = weft_js_str(notes, CODES);
    if (!json_object_get(notes, CODES)) return false;
    while (list.len) {
        uint32_t code;
        if (!weft_grpc_status_parse(weft_slice_trim(weft_slice_cut(&list, ',')), &code) || !code) {
            *fault = CODES;
            return false;
        }
        *ret |= 1u << code;
    }
    if (!*ret) *fault = CODES;
    return *ret != 0;
}

static const char *what_is_right(const char *key) {
    if (!strcmp(key, ATTEMPTS)) return "use a number from 1 to 100";
    if (!strcmp(key, CODES)) return "use gRPC statuses such as \"unavailable,resource-exhausted\"";
    return "not a duration such as \"500ms\" or \"10s\"";
}

const char *gamma_times_read(struct weft_gamma *g, struct gamma_route *r) {
    const json_t *notes = r->view.meta.annotations;
    struct gamma_times *t = &r->times;
    const char *fault = NULL;
    (void)read_time(notes, REQUEST, &t->request_us, &fault);
    (void)read_time(notes, BACKEND, &t->backend_us, &fault);
    bool attempts = read_attempts(notes, &t->retry.attempts, &fault);
    bool codes = read_codes(notes, &t->retry.grpc_codes, &fault);
    bool backoff = read_time(notes, BACKOFF, &t->retry.backoff_us, &fault);
    t->retry.present = attempts || codes || backoff;
    if (t->retry.present && !t->retry.attempts) t->retry.attempts = 1; /* REQ-111 */
    if (fault)
        return weft_arena_printf(&g->arena, "metadata.annotations[%s]: %s", fault,
                                 what_is_right(fault))
            .base;
    if (t->request_us && t->backend_us > t->request_us)
        return "metadata.annotations[" BACKEND "]: must not be longer than " REQUEST
               ", which covers all attempts";
    return NULL;
}
