/* SPDX-License-Identifier: Apache-2.0
 * The file of `weft local test`: requests and what is expected of their answers. Pure: text in,
 * cases out, every mistake with its line and field. cases.c reads the file, expect.c knows what can
 * be expected, judge.c compares. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/base/slice.h>
#include <weft/base/status.h>

enum { CASES_MAX = 1000, CASES_MAX_COUNT = 100000 };

struct test_case {
    const char *name, *from; /* "ns/pod", pod or workload */
    char *method;
    const char *url, *body; /* body: NULL or text */
    const json_t *headers;  /* name → value, or NULL */
    const json_t *expect;   /* checked */
    uint64_t count;
    bool http2;
    int line;
};
struct test_file {
    json_t *documents; /* own the strings */
    struct test_case *items;
    size_t n;
    json_t *problems; /* strings "FILE:LINE: FIELD: what and what to do" */
};
/* Reads the whole file; mistakes are in ret->problems, and the cases are good if there is none. */
void cases_parse(struct weft_slice text, const char *file, struct test_file *ret);
void cases_done(struct test_file *f);

/* expect.c: says with fn(ud, field, what) what is wrong with an `expect` mapping. */
void expect_verify(const json_t *expect, void (*fn)(void *ud, const char *field, const char *what),
                   void *ud);
/* True when judging needs the lines of the caller's access log. */
bool expect_needs_log(const json_t *expect);
/* "450ms", "2s", "1m" in microseconds; false otherwise. */
bool expect_duration(const char *text, uint64_t *ret_us);
/* "90%±3", "90%+-3", "100%": share and tolerance in percent; false otherwise. */
bool expect_share(const char *text, double *ret_share, double *ret_tolerance);

/* judge.c: what of the expectations is not met, as strings ("status: expected 200, came 503 (2 of
 * 10)"); an empty array when all is. `answers` is an array of
 *   {"status": 200, "us": 812, "error": "why there is no answer",
 *    "headers": {"lower-case": ["value"]}, "seen": what the app says reached it, or null,
 *    "log": the caller's access-log line, or null} */
json_t *judge(const json_t *expect, const json_t *answers);
/* The name of `names` that an answer came from, or NULL: by the backend of the access log, else by
 * the pod that the app names. */
const char *judge_backend(const json_t *names, const json_t *answer);
