/* SPDX-License-Identifier: Apache-2.0
 * AdmissionReview v1 in, AdmissionReview v1 with a JSON Patch out. Whatever comes in is answered:
 * with a verdict, or with what is wrong with the question. */
#include "inject_internal.h"

#include <string.h>
#include <weft/object/json_patch.h>

enum { MAX_WARNING = 256, MAX_CONTAINERS = 50000 };

static char *base64(struct weft_slice s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = weft_alloc((s.len + 2) / 3 * 4 + 1), *at = out;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++) v = v << 8 | (k < n ? (unsigned char)s.base[i + k] : 0);
        for (size_t k = 0; k < 4; k++) *at++ = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
    }
    *at = 0;
    return out;
}

static void set_patch(json_t *response, json_t *pod, const struct weft_inject_result *r) {
    json_t *ops = weft_json_patch(pod, r->pod);
    WEFT_FREE char *text = json_dumps(ops, JSON_COMPACT);
    WEFT_FREE char *coded = base64(weft_slice_str(text));
    json_object_set_new(response, "patchType", json_string("JSONPatch"));
    json_object_set_new(response, "patch", json_string(coded));
    json_decref(ops);
}

static json_t *text(const char *s, size_t max) {
    return json_sprintf("weft: " WEFT_SLICE_FMT,
                        WEFT_SLICE_ARG(inject_head(weft_slice_str(s), max - 8)));
}

static json_t *respond(const json_t *request, const struct weft_inject_result *r) {
    json_t *response = json_pack("{s:O, s:b}", "uid", json_object_get(request, "uid"), "allowed",
                                 r->verdict != WEFT_INJECT_REFUSED);
    if (r->verdict == WEFT_INJECT_REFUSED)
        json_object_set_new(response, "status",
                            json_pack("{s:i, s:s, s:o}", "code", 422, "reason", "Invalid",
                                      "message", text(r->why, sizeof r->why)));
    if (r->verdict == WEFT_INJECT_YES) set_patch(response, json_object_get(request, "object"), r);
    json_t *warnings = json_array();
    for (size_t i = 0; i < json_array_size(r->warnings); i++)
        json_array_append_new(warnings,
                              text(json_string_value(json_array_get(r->warnings, i)), MAX_WARNING));
    if (json_array_size(warnings)) json_object_set(response, "warnings", warnings);
    json_decref(warnings);
    return response;
}

static uint16_t bad(struct weft_buf *ret, struct weft_inject_outcome *o, const char *what) {
    snprintf(o->why, sizeof o->why, "%s", what);
    weft_buf_printf(ret, "not an AdmissionReview that can be answered: %s\n", what);
    return 400;
}

static const char *fault_of(const json_t *review) {
    const json_t *request = json_object_get(review, "request");
    if (!weft_slice_is(weft_js_str(review, "kind"), "AdmissionReview") ||
        !weft_slice_is(weft_js_str(review, "apiVersion"), "admission.k8s.io/v1"))
        return "kind AdmissionReview of admission.k8s.io/v1 is wanted";
    if (!json_is_object(request)) return "request is missing";
    if (!weft_js_str(request, "uid").len) return "request.uid is missing";
    const json_t *object = json_object_get(request, "object"); /* null: of a DELETE */
    if (object && !json_is_null(object) && !json_is_object(object))
        return "request.object is no object";
    return NULL;
}

static bool is_new_pod(const json_t *request) {
    const json_t *kind = json_object_get(request, "kind");
    return weft_slice_is(weft_js_str(kind, "kind"), "Pod") && !weft_js_str(kind, "group").len &&
           weft_slice_is(weft_js_str(request, "operation"), "CREATE") &&
           !weft_js_str(request, "subResource").len &&
           json_is_object(json_object_get(request, "object"));
}

/* Fit for a path as it is. */
static bool is_plain(const char *s) {
    static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t n = strspn(s, good);
    return n >= 16 && n <= 64 && !s[n];
}

static void judge(const struct weft_inject_review *r, const json_t *request,
                  struct weft_inject_result *ret) {
    if (!is_new_pod(request)) {
        *ret = (struct weft_inject_result){.why = "not a new pod", .warnings = json_array()};
        return;
    }
    WEFT_FREE char *name = weft_slice_dup(weft_js_str(request, "namespace"));
    const json_t *pod = json_object_get(request, "object");
    /* The API server draws it at random, and tells nobody but us and its audit log. */
    WEFT_FREE char *uid = weft_slice_dup(weft_js_str(request, "uid"));
    struct weft_inject_options opt = r->opt;
    if (is_plain(uid)) opt.secret = uid;
    weft_inject(pod, *name ? r->ns(r->ud, name) : NULL, &opt, ret);
}

static void note(struct weft_inject_outcome *o, const json_t *request,
                 const struct weft_inject_result *r) {
    const json_t *meta = weft_js_in(request, "object", "metadata");
    struct weft_slice ns = weft_js_str(request, "namespace"), name = weft_js_str(meta, "name");
    if (!name.len) name = weft_js_str(meta, "generateName");
    o->verdict = r->verdict;
    snprintf(o->pod, sizeof o->pod, WEFT_SLICE_FMT "/" WEFT_SLICE_FMT,
             WEFT_SLICE_ARG(weft_slice_head(ns, 63)), WEFT_SLICE_ARG(weft_slice_head(name, 253)));
    memcpy(o->why, r->why, sizeof o->why);
}

/* === U+0000, which jansson gives to nobody === */

/* The same with another character that nobody writes in its place. Its escape is as long. */
static char *without_nul(struct weft_slice s) {
    char *copy = weft_slice_dup(s);
    for (size_t i = 0; i + 5 < s.len; i++) {
        if (copy[i] != '\\') continue;
        if (!memcmp(copy + i + 1, "u0000", 5)) memcpy(copy + i + 2, "ffff", 4);
        i++; /* what is escaped escapes nothing */
    }
    return copy;
}

static bool has_nul(const char *s) {
    return s && strstr(s, "\xef\xbf\xbf") != NULL;
}

enum { MAX_PATH = 300 };

/* Adds to the path and gives its new length; what does not fit is left out. */
static size_t go_down(char path[static MAX_PATH], size_t at, const char *before, const char *key,
                      size_t i) {
    int n = key ? snprintf(path + at, MAX_PATH - at, "%s%s", before, key)
                : snprintf(path + at, MAX_PATH - at, "[%zu]", i);
    return at + (size_t)n < MAX_PATH ? at + (size_t)n : MAX_PATH - 1;
}

/* Where in j it is, as "spec.containers[0].args[1]" behind what is in `path`; false: nowhere. */
static bool find_nul(const json_t *j, char path[static MAX_PATH], size_t at) {
    size_t i;
    const char *key;
    json_t *v;
    path[at] = 0;
    if (has_nul(json_string_value(j))) return true;
    json_array_foreach(j, i, v) {
        if (find_nul(v, path, go_down(path, at, "", NULL, i))) return true;
    }
    json_object_foreach((json_t *)(uintptr_t)j, key, v) {
        if (has_nul(key)) {
            (void)go_down(path, at, " (", "a name in it)", 0);
            return true;
        }
        if (find_nul(v, path, go_down(path, at, at ? "." : "", key, 0))) return true;
    }
    return false;
}

/* A pod that would get a sidecar: whoever made it learns which field it is. */
static void refuse_nul(const json_t *pod, struct weft_inject_result *r) {
    char path[MAX_PATH];
    if (r->verdict != WEFT_INJECT_YES || !find_nul(pod, path, 0)) return;
    json_decref(r->pod);
    r->pod = NULL;
    r->verdict = WEFT_INJECT_REFUSED;
    snprintf(r->why, sizeof r->why,
             "the pod's " WEFT_SLICE_FMT " holds a NUL character (U+0000): take it out",
             WEFT_SLICE_ARG(inject_head(weft_slice_str(path), MAX_PATH - 8)));
}

/* === the answer === */

static void answer(const struct weft_inject_review *r, const json_t *request, bool nul,
                   struct weft_buf *ret, struct weft_inject_outcome *ret_outcome) {
    struct weft_inject_result result;
    judge(r, request, &result);
    if (nul) refuse_nul(json_object_get(request, "object"), &result);
    note(ret_outcome, request, &result);
    json_t *o = json_pack("{s:s, s:s, s:o}", "apiVersion", "admission.k8s.io/v1", "kind",
                          "AdmissionReview", "response", respond(request, &result));
    WEFT_FREE char *text = json_dumps(o, JSON_COMPACT);
    weft_buf_str(ret, text);
    json_decref(o);
    weft_inject_result_done(&result);
}

/* === reading === */

/* Objects and lists, of which one of three bytes costs some hundred in memory, several times over.
 */
static size_t count_containers(struct weft_slice s) {
    size_t n = 0;
    bool text = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] == '"')
            text = !text;
        else if (text && s.base[i] == '\\')
            i++;
        else if (!text && (s.base[i] == '{' || s.base[i] == '['))
            n++;
    }
    return n;
}

static json_t *parse(struct weft_slice body, bool *ret_nul, json_error_t *e) {
    *ret_nul = false;
    if (count_containers(body) > MAX_CONTAINERS) {
        snprintf(e->text, sizeof e->text, "more than %d objects and lists", MAX_CONTAINERS);
        return NULL;
    }
    json_t *j = json_loadb(body.base ? body.base : "", body.len, 0, e);
    enum json_error_code code = json_error_code(e);
    *ret_nul = !j && (code == json_error_null_character || code == json_error_null_byte_in_key);
    if (!*ret_nul) return j;
    WEFT_FREE char *text = without_nul(body);
    return json_loadb(text, body.len, 0, e);
}

uint16_t weft_inject_review(const struct weft_inject_review *r, struct weft_slice body,
                            struct weft_buf *ret, struct weft_inject_outcome *ret_outcome) {
    json_error_t e;
    bool nul;
    *ret_outcome = (struct weft_inject_outcome){0};
    json_t *review = parse(body, &nul, &e);
    const char *fault = review ? fault_of(review) : e.text;
    uint16_t status = 200;
    if (fault)
        status = bad(ret, ret_outcome, fault);
    else
        answer(r, json_object_get(review, "request"), nul, ret, ret_outcome);
    json_decref(review);
    return status;
}
