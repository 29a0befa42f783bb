/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/status_merge.h>

#include <string.h>
#include <weft/object/json.h>

enum {
    MAX_PARENTS = 32,
    MAX_CONDITIONS = 8,
    MAX_MESSAGE = 32768, /* metav1.Condition */
    MAX_REASON = 1024,
    MAX_TYPE = 316,
};

/* === the API's rules for a condition === */

static bool is_alpha(char c) {
    char l = weft_lower(c);
    return l >= 'a' && l <= 'z';
}
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$ (REQ-143) */
static bool reason_fits(struct weft_slice s) {
    if (!s.len || s.len > MAX_REASON || !is_alpha(s.base[0])) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.base[i];
        bool middle = i + 1 < s.len && (c == ',' || c == ':');
        if (!is_alpha(c) && !is_digit(c) && c != '_' && !middle) return false;
    }
    return true;
}

/* Our own types are plain words; the optional "domain/" before them is not used. */
static bool type_fits(struct weft_slice s) {
    if (!s.len || s.len > MAX_TYPE) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alpha(s.base[i]) && !is_digit(s.base[i])) return false;
    return true;
}

/* Characters are counted, not bytes. */
static void cut_message(json_t *c) {
    struct weft_slice s = weft_js_str(c, "message");
    size_t chars = 0, i = 0;
    for (; i < s.len && chars <= MAX_MESSAGE; i++)
        chars += ((unsigned char)s.base[i] & 0xc0) != 0x80;
    if (chars <= MAX_MESSAGE) return;
    json_object_set_new(c, "message", json_stringn(s.base, i - 1));
}

const char *controller_condition_unfit(json_t *c) {
    cut_message(c);
    if (!type_fits(weft_js_str(c, "type"))) return "type";
    if (!reason_fits(weft_js_str(c, "reason"))) return "reason";
    struct weft_slice status = weft_js_str(c, "status");
    if (!weft_slice_is(status, "True") && !weft_slice_is(status, "False") &&
        !weft_slice_is(status, "Unknown"))
        return "status";
    if (!json_is_string(json_object_get(c, "message"))) return "message";
    return weft_js_int(c, "observedGeneration", 0, INT64_MAX, -1) < 0 ? "observedGeneration" : NULL;
}

/* === conditions === */

static json_t *find(const json_t *list, struct weft_slice type) {
    size_t i;
    json_t *c;
    json_array_foreach(list, i, c) if (weft_slice_eq(weft_js_str(c, "type"), type)) return c;
    return NULL;
}

static bool is_own(const char *const *own, struct weft_slice type) {
    for (; *own; own++)
        if (weft_slice_is(type, *own)) return true;
    return false;
}

/* The time is that of the last change of `status`, not of the words (REQ-142). */
static json_t *timed(const json_t *wanted, const json_t *before, const char *now) {
    json_t *c = json_deep_copy(wanted);
    struct weft_slice since = weft_js_str(before, "lastTransitionTime");
    bool stays = since.len && json_equal(json_object_get(before, "status"),
                                         json_object_get((json_t *)(uintptr_t)wanted, "status"));
    json_object_set_new(c, "lastTransitionTime",
                        stays ? json_stringn(since.base, since.len) : json_string(now));
    return c;
}

json_t *controller_conditions_merge(const json_t *current, const json_t *wanted,
                                    const char *const *own, const char *now) {
    json_t *out = json_array(), *c;
    size_t i;
    json_array_foreach(wanted, i, c)
        json_array_append_new(out, timed(c, find(current, weft_js_str(c, "type")), now));
    json_array_foreach(current, i, c) {
        struct weft_slice type = weft_js_str(c, "type");
        if (!is_own(own, type) && json_array_size(out) < MAX_CONDITIONS) json_array_append(out, c);
    }
    return out;
}

/* === entries === */

static const char *const own_types[] = {"Accepted", "ResolvedRefs", "PartiallyInvalid", NULL};

static bool is_our_entry(const json_t *entry) {
    return weft_slice_is(weft_js_str(entry, "controllerName"), CONTROLLER_NAME);
}

static json_t *find_entry(const json_t *current, const json_t *wanted) {
    size_t i;
    json_t *e;
    json_array_foreach(current, i,
                       e) if (is_our_entry(e) &&
                              json_equal(json_object_get(e, "parentRef"),
                                         json_object_get(wanted, "parentRef"))) return e;
    return NULL;
}

/* Another replica has seen a newer version of the route and said so (REQ-141). */
static bool is_newer(const json_t *entry, int64_t generation) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(entry, "conditions"), i,
                       c) if (is_own(own_types, weft_js_str(c, "type")) &&
                              weft_js_int(c, "observedGeneration", 0, INT64_MAX, 0) >
                                  generation) return true;
    return false;
}

static json_t *merged_entry(const json_t *before, json_t *wanted, const char *now) {
    json_t *e = json_deep_copy(wanted);
    json_t *conditions =
        controller_conditions_merge(json_object_get(before, "conditions"),
                                    json_object_get(wanted, "conditions"), own_types, now);
    json_object_set_new(e, "conditions", conditions);
    return e;
}

static const char *unfit(json_t *entry) {
    json_t *conditions = json_object_get(entry, "conditions"), *c;
    size_t i, n = json_array_size(conditions);
    if (n < 1 || n > MAX_CONDITIONS) return "number of conditions";
    json_array_foreach(conditions, i, c) {
        const char *rule =
            is_own(own_types, weft_js_str(c, "type")) ? controller_condition_unfit(c) : NULL;
        if (rule) return rule;
    }
    return NULL;
}

static void add(struct controller_status_merge *m, json_t *entry) {
    if (json_array_size(m->parents) < MAX_PARENTS) {
        if (!m->unfit) m->unfit = unfit(entry);
        json_array_append_new(m->parents, entry);
    } else {
        m->left_out++;
        json_decref(entry);
    }
}

/* Others keep their places: which of theirs would go is not ours to decide. */
static void keep_others(struct controller_status_merge *m, const json_t *current) {
    size_t i;
    json_t *e;
    json_array_foreach(current, i, e) if (!is_our_entry(e)) json_array_append(m->parents, e);
}

/* The same set of entries: their order means nothing, and others may sort. */
static bool same_entries(const json_t *a, const json_t *b) {
    size_t i, k;
    json_t *x, *y;
    if (json_array_size(a) != json_array_size(b)) return false;
    json_array_foreach(a, i, x) {
        bool found = false;
        json_array_foreach(b, k, y) found = found || json_equal(x, y);
        if (!found) return false;
    }
    return true;
}

struct controller_status_merge controller_status_merge(const json_t *current, const json_t *wanted,
                                                       int64_t generation, const char *now) {
    struct controller_status_merge m = {.parents = json_array()};
    size_t i;
    json_t *w;
    keep_others(&m, current);
    json_array_foreach(wanted, i, w) {
        json_t *before = find_entry(current, w);
        if (before && is_newer(before, generation))
            add(&m, json_deep_copy(before));
        else
            add(&m, merged_entry(before, w, now));
    }
    m.changed = !same_entries(m.parents, current);
    return m;
}
