/* SPDX-License-Identifier: Apache-2.0
 * JSON to YAML by libyaml's emitter. */
#include "object_internal.h"

#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <yaml.h>

static void emit(yaml_emitter_t *e, yaml_event_t *event) {
    WEFT_CHECK(yaml_emitter_emit(e, event)); /* fails without memory only, or in a wrong order */
}

static bool is_plain(struct weft_slice s) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_./-:@+=%";
    if (!s.len || strchr("-:@=%", s.base[0]) || s.base[s.len - 1] == ':') return false;
    for (size_t i = 0; i < s.len; i++)
        if (!s.base[i] || !strchr(good, s.base[i])) return false;
    /* Base 60 numbers and timestamps of YAML 1.1: digits, with ':' or '-' between. */
    if (s.base[0] >= '0' && s.base[0] <= '9' && weft_slice_find(s, ':') < s.len) return false;
    json_t *read = weft_yaml_plain(s);
    bool plain = json_is_string(read) && weft_slice_eq(weft_js_slice(read), s);
    json_decref(read);
    return plain && !(s.base[0] >= '0' && s.base[0] <= '9' && s.len == 10 && s.base[4] == '-');
}

/* Lines of printable text read best as a block. */
static bool is_block(struct weft_slice s) {
    if (s.len < 2 || s.base[s.len - 1] != '\n' || s.base[0] == ' ' || s.base[0] == '\n')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] != '\n' && (s.base[i] < ' ' || s.base[i] > '~')) return false;
    return s.base[s.len - 2] != '\n' && weft_slice_search(s, WEFT_SLICE_LIT(" \n")) == s.len;
}

static void scalar(yaml_emitter_t *e, struct weft_slice s, yaml_scalar_style_t style) {
    yaml_event_t event;
    WEFT_FREE char *copy = weft_slice_dup(s);
    bool plain = style == YAML_PLAIN_SCALAR_STYLE;
    WEFT_CHECK(yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)copy, (int)s.len,
                                            plain, !plain, style));
    emit(e, &event);
}

static void string(yaml_emitter_t *e, struct weft_slice s) {
    scalar(e, s,
           is_plain(s)   ? YAML_PLAIN_SCALAR_STYLE
           : is_block(s) ? YAML_LITERAL_SCALAR_STYLE
                         : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void node(yaml_emitter_t *e, json_t *v);

static void mapping(yaml_emitter_t *e, json_t *v) {
    yaml_event_t event;
    const char *key;
    json_t *member;
    yaml_mapping_style_t style =
        json_object_size(v) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
    WEFT_CHECK(yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style));
    emit(e, &event);
    json_object_foreach(v, key, member) {
        string(e, weft_slice_str(key));
        node(e, member);
    }
    WEFT_CHECK(yaml_mapping_end_event_initialize(&event));
    emit(e, &event);
}

static void sequence(yaml_emitter_t *e, json_t *v) {
    yaml_event_t event;
    yaml_sequence_style_t style =
        json_array_size(v) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
    WEFT_CHECK(yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style));
    emit(e, &event);
    for (size_t i = 0; i < json_array_size(v); i++) node(e, json_array_get(v, i));
    WEFT_CHECK(yaml_sequence_end_event_initialize(&event));
    emit(e, &event);
}

static void node(yaml_emitter_t *e, json_t *v) {
    if (json_is_object(v)) {
        mapping(e, v);
    } else if (json_is_array(v)) {
        sequence(e, v);
    } else if (json_is_string(v)) {
        string(e, weft_js_slice(v));
    } else {
        WEFT_FREE char *text = json_dumps(v, JSON_ENCODE_ANY);
        scalar(e, weft_slice_str(text), YAML_PLAIN_SCALAR_STYLE);
    }
}

static int on_write(void *ud, unsigned char *bytes, size_t n) {
    return weft_buf_append(ud, weft_slice((const char *)bytes, n)) == WEFT_OK;
}

void weft_yaml_write(const json_t *value, struct weft_buf *ret) {
    yaml_emitter_t e;
    yaml_event_t event;
    WEFT_CHECK(yaml_emitter_initialize(&e));
    yaml_emitter_set_output(&e, on_write, ret);
    yaml_emitter_set_width(&e, -1);
    yaml_emitter_set_unicode(&e, 1);
    WEFT_CHECK(yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(&e, &event);
    WEFT_CHECK(yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    emit(&e, &event);
    node(&e, (json_t *)(uintptr_t)value);
    WEFT_CHECK(yaml_document_end_event_initialize(&event, 1));
    emit(&e, &event);
    WEFT_CHECK(yaml_stream_end_event_initialize(&event));
    emit(&e, &event);
    yaml_emitter_delete(&e);
}
