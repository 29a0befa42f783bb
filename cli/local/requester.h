/* SPDX-License-Identifier: Apache-2.0
 * HTTP requests from inside a pod: a child process enters its namespaces, becomes the app's user,
 * asks with libcurl and hands the answers back through a pipe. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/base/slice.h>
#include <weft/base/status.h>

struct local_request {
    const char *method, *url;
    const json_t *headers; /* name → value, or NULL */
    const char *body;      /* or NULL */
    uint64_t count, timeout_ms;
    bool http2;
    const char *id;    /* each request gets the x-request-id "ID-NUMBER"; NULL: none */
    bool raw_body;     /* the answer's body as text in "body" instead of JSON in "seen" */
    bool stop_on_fail; /* after an answer without a status */
};

/* One after the other over a kept connection. `pod` is the supervisor's answer about the pod.
 * The answers are what judge() takes, plus "id". WEFT_IO with what failed. */
enum weft_status local_requests(const json_t *pod, const struct local_request *r,
                                json_t **ret_answers, struct weft_error *err);
/* The same from where we are, in this very process; an array, new reference. */
json_t *local_requests_here(const struct local_request *r);
