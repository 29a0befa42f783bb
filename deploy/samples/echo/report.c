/* SPDX-License-Identifier: Apache-2.0
 * The JSON that tells what reached the app. Bytes beyond ASCII are shown as Latin-1. */
#include "echo.h"

static void json_string(struct weft_buf *b, struct weft_slice s) {
    weft_buf_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        if (c == '"' || c == '\\')
            weft_buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            weft_buf_printf(b, "\\u%04x", c);
        else
            weft_buf_char(b, (char)c);
    }
    weft_buf_char(b, '"');
}

static void member(struct weft_buf *b, const char *name, struct weft_slice value) {
    weft_buf_printf(b, ",\"%s\":", name);
    json_string(b, value);
}

static bool seen_before(const struct echo_stream *s, size_t from, size_t i) {
    struct weft_slice name = echo_stream_field_at(s, i).name;
    for (size_t k = from; k < i; k++)
        if (weft_slice_eq(echo_stream_field_at(s, k).name, name)) return true;
    return false;
}

/* Names in the order of arrival, each with all its values. */
static void fields(const struct echo_stream *s, struct weft_buf *b, size_t from, size_t to) {
    bool first = true;
    weft_buf_char(b, '{');
    for (size_t i = from; i < to; i++) {
        struct echo_field f = echo_stream_field_at(s, i);
        if (f.name.base[0] == ':' || seen_before(s, from, i)) continue;
        if (!first) weft_buf_char(b, ',');
        first = false;
        json_string(b, f.name);
        weft_buf_str(b, ":[");
        for (size_t k = i; k < to; k++) {
            struct echo_field g = echo_stream_field_at(s, k);
            if (!weft_slice_eq(g.name, f.name)) continue;
            if (k > i) weft_buf_char(b, ',');
            json_string(b, g.value);
        }
        weft_buf_char(b, ']');
    }
    weft_buf_char(b, '}');
}

void echo_report(struct echo_stream *s, struct weft_buf *b) {
    const struct echo_app *app = s->conn->app;
    weft_buf_str(b, "{\"pod\":");
    json_string(b, weft_slice_str(app->name));
    member(b, "hostname", weft_slice_str(app->hostname));
    member(b, "method", s->method);
    member(b, "path", s->path);
    member(b, "host", s->host);
    member(b, "proto", weft_slice_str(s->proto));
    member(b, "remote", weft_slice_str(s->conn->remote));
    member(b, "local", weft_slice_str(s->conn->local));
    weft_buf_str(b, ",\"headers\":");
    fields(s, b, 0, s->n_head_fields);
    weft_buf_printf(b, ",\"body_bytes\":%llu", (unsigned long long)s->body_bytes);
    if (s->n_fields > s->n_head_fields) {
        weft_buf_str(b, ",\"trailers\":");
        fields(s, b, s->n_head_fields, s->n_fields);
    }
    weft_buf_str(b, "}\n");
}
