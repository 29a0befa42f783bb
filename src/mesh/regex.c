/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 kept on a short lead: patterns come from route authors and subjects from any client, so
 * every match has a step, depth and heap limit. A limit that is hit is reported as such, because
 * "no match" would let the request fall to a broader rule. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>

#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/base/limits.h>
#include <weft/mesh/regex.h>

enum {
    MATCH_STEPS = 10000,  /* (a+)+$ gives up after well under a millisecond */
    MATCH_HEAP_KIB = 2048 /* per thread; kept by the thread once grown */
};

struct weft_regex {
    pcre2_code *code;
};

/* What a match needs besides the pattern: one per thread, so that matching does not allocate. */
struct workspace {
    pcre2_match_data *data;
    pcre2_match_context *limits;
};
static pthread_key_t workspace_key;
static pthread_once_t workspace_once = PTHREAD_ONCE_INIT;

static void workspace_free(void *p) {
    struct workspace *w = p;
    pcre2_match_data_free(w->data);
    pcre2_match_context_free(w->limits);
    free(w);
}

static void workspace_key_make(void) {
    WEFT_CHECK(pthread_key_create(&workspace_key, workspace_free) == 0);
}

static struct workspace *workspace_get(void) {
    WEFT_CHECK(pthread_once(&workspace_once, workspace_key_make) == 0);
    struct workspace *w = pthread_getspecific(workspace_key);
    if (w) return w;
    w = weft_new0(struct workspace);
    w->data = pcre2_match_data_create(1, NULL);
    w->limits = pcre2_match_context_create(NULL);
    WEFT_CHECK(w->data && w->limits);
    pcre2_set_match_limit(w->limits, MATCH_STEPS);
    pcre2_set_depth_limit(w->limits, MATCH_STEPS);
    pcre2_set_heap_limit(w->limits, MATCH_HEAP_KIB);
    WEFT_CHECK(pthread_setspecific(workspace_key, w) == 0);
    return w;
}

/* The newline convention is fixed, as Debian, Alpine and others build PCRE2 with different ones. */
static pcre2_code *compile(struct weft_slice pattern, int *ret_error, size_t *ret_offset) {
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    WEFT_CHECK(c);
    pcre2_set_newline(c, PCRE2_NEWLINE_LF);
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_UTF |
                             PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.base ? pattern.base : ""), pattern.len,
                                     options, ret_error, ret_offset, c);
    pcre2_compile_context_free(c);
    return code;
}

enum weft_status weft_regex_new(struct weft_slice pattern, struct weft_regex **ret,
                                struct weft_error *err) {
    if (pattern.len > WEFT_MAX_REGEX_BYTES)
        return weft_error_set(err, WEFT_LIMIT, "",
                              "the regular expression has %zu bytes, at most %d are allowed",
                              pattern.len, WEFT_MAX_REGEX_BYTES);
    int error = 0;
    size_t offset = 0;
    pcre2_code *code = compile(pattern, &error, &offset);
    if (!code) {
        char text[160] = "";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return weft_error_set(err, WEFT_INVALID, "",
                              "the regular expression is not valid at byte %zu: %s", offset, text);
    }
    *ret = weft_new0(struct weft_regex);
    (*ret)->code = code;
    return WEFT_OK;
}

struct weft_regex *weft_regex_free(struct weft_regex *r) {
    if (r) pcre2_code_free(r->code);
    free(r);
    return NULL;
}

enum weft_status weft_regex_match(const struct weft_regex *r, struct weft_slice s) {
    struct workspace *w = workspace_get();
    int rc =
        pcre2_match(r->code, (PCRE2_SPTR)(s.base ? s.base : ""), s.len, 0, 0, w->data, w->limits);
    if (rc >= 0) return WEFT_OK;
    /* Everything but a clean "no" (limits, recursion loops) counts as a limit: see above. */
    return rc == PCRE2_ERROR_NOMATCH ? WEFT_NOT_FOUND : WEFT_LIMIT;
}
