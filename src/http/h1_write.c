/* SPDX-License-Identifier: Apache-2.0
 * Heads and bodies onto the wire. A head's size is counted first, then written without checks. */
#include "h1_internal.h"

static char *put(char *p, struct weft_slice s) {
    if (s.len) memcpy(p, s.base, s.len);
    return p + s.len;
}
#define PUT_LIT(p, text) put((p), WEFT_SLICE_LIT(text))

static size_t fields_size(const struct weft_fields *f) {
    size_t n = 0;
    for (uint32_t i = 0; i < f->n; i++) n += f->items[i].name.len + f->items[i].value.len + 4;
    return n;
}

static char *put_fields(char *p, const struct weft_fields *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const struct weft_field *one = &f->items[i];
        if (http_is_hop(one)) continue;
        p = put(p, one->name);
        p = PUT_LIT(p, ": ");
        p = put(p, one->value);
        p = PUT_LIT(p, "\r\n");
    }
    return p;
}

enum { FIXED = 256 }; /* start line without method and target, and the fields written below */

static char *reserve(struct h1 *h, size_t n) {
    char *p = weft_buf_reserve(&h->out, n);
    WEFT_CHECK(p); /* our own output has no maximum; its sources pause */
    return p;
}

static void commit(struct h1 *h, const char *from, const char *to) {
    weft_buf_commit(&h->out, (size_t)(to - from));
    h->appended += (uint64_t)(to - from);
}

static char *put_length(char *p, uint64_t n) {
    p = PUT_LIT(p, "content-length: ");
    p = http_put_number(p, n);
    return PUT_LIT(p, "\r\n");
}

/* === requests === */

static char *put_request_framing(struct h1 *h, char *p, const struct weft_head *head) {
    h->out_chunked = head->framing == WEFT_BODY_CHUNKED || head->framing == WEFT_BODY_CLOSE;
    if (h->out_chunked) return PUT_LIT(p, "transfer-encoding: chunked\r\n");
    if (head->framing == WEFT_BODY_LENGTH) return put_length(p, head->content_length);
    return head->has_content_length ? put_length(p, 0) : p;
}

static char *put_upgrade(char *p, struct weft_slice protocols) {
    p = PUT_LIT(p, "connection: upgrade\r\nupgrade: ");
    p = put(p, protocols);
    return PUT_LIT(p, "\r\n");
}

static char *put_host(char *p, const struct weft_head *head, bool old) {
    if (old && !head->authority.base) return p;
    p = PUT_LIT(p, "host: ");
    p = put(p, head->authority);
    return PUT_LIT(p, "\r\n");
}

enum weft_status h1_write_request(struct weft_stream *s, const struct weft_head *head, bool end) {
    struct h1 *h = h1_of(s->codec);
    if (!http_is_token(head->method) || !http_target_chars_ok(head->path) ||
        !http_authority_ok(head->authority) || !http_fields_clean(&head->fields) ||
        !http_value_clean(head->upgrade))
        return WEFT_INVALID;
    /* HTTP/1.0 has no chunked coding. */
    bool old = head->version == WEFT_HTTP_10 && head->framing <= WEFT_BODY_LENGTH;
    char *from = reserve(h, FIXED + head->method.len + head->path.len + head->authority.len +
                                head->upgrade.len + fields_size(&head->fields));
    char *p = put(from, head->method);
    p = PUT_LIT(p, " ");
    p = put(p, head->path);
    p = old ? PUT_LIT(p, " HTTP/1.0\r\n") : PUT_LIT(p, " HTTP/1.1\r\n");
    p = put_host(p, head, old);
    p = put_request_framing(h, p, head);
    if (head->upgrade.len && end)
        p = put_upgrade(p, head->upgrade);
    else if (head->te_trailers && !old)
        p = PUT_LIT(p, "te: trailers\r\nconnection: te\r\n");
    if (head->expect_continue && !old && !end) p = PUT_LIT(p, "expect: 100-continue\r\n");
    p = put_fields(p, &head->fields);
    p = PUT_LIT(p, "\r\n");
    s->out_start = h->appended;
    commit(h, from, p);
    if (end && h->out_chunked) h1_write_end(s, NULL);
    return WEFT_OK;
}

/* === responses === */

static char *put_status_line(char *p, uint16_t status) {
    p = PUT_LIT(p, "HTTP/1.1 ");
    p = http_put_number(p, status);
    p = PUT_LIT(p, " ");
    p = put(p, weft_slice_str(http_reason_phrase(status)));
    return PUT_LIT(p, "\r\n");
}

/* Decides how the body ends (RFC 9112 6); a body that only the end of the connection ends makes
 * this the last exchange. */
static char *put_response_framing(struct h1 *h, struct weft_stream *s, char *p,
                                  const struct weft_head *head, bool end) {
    h->out_chunked = false;
    if (s->out_none) {
        bool known = head->has_content_length || head->framing == WEFT_BODY_LENGTH;
        bool tells = known && head->status != 204;
        return tells ? put_length(p, head->content_length) : p;
    }
    if (head->framing == WEFT_BODY_LENGTH) return put_length(p, head->content_length);
    if (end || head->framing == WEFT_BODY_NONE) return put_length(p, 0);
    if (s->request_10) {
        h->last = true;
        return p;
    }
    h->out_chunked = true;
    return PUT_LIT(p, "transfer-encoding: chunked\r\n");
}

/* A final answer before the request was read to its end leaves the connection in doubt. */
static bool leaves_doubt(const struct h1 *h, const struct weft_stream *s, bool end) {
    return !s->in_done && (end || h->continue_due);
}

static char *put_connection(const struct h1 *h, const struct weft_stream *s, char *p) {
    if (h->last) return PUT_LIT(p, "connection: close\r\n");
    return s->request_10 ? PUT_LIT(p, "connection: keep-alive\r\n") : p;
}

enum weft_status h1_write_head(struct weft_stream *s, const struct weft_head *head, bool end) {
    struct h1 *h = h1_of(s->codec);
    if (!http_fields_clean(&head->fields) || !http_value_clean(head->upgrade)) {
        weft_stream_reset(s, WEFT_INTERNAL);
        return WEFT_INVALID;
    }
    bool final = head->status >= 200;
    char *from = reserve(h, FIXED + head->upgrade.len + fields_size(&head->fields));
    char *p = put_status_line(from, head->status);
    if (final) {
        p = put_response_framing(h, s, p, head, end);
        if (h->base.closing || leaves_doubt(h, s, end)) h->last = true;
        p = put_connection(h, s, p);
    } else if (head->status == 101) {
        p = put_upgrade(p, head->upgrade);
    } else if (head->status == 100) {
        h->continue_due = false;
    }
    p = put_fields(p, &head->fields);
    p = PUT_LIT(p, "\r\n");
    if (s->out_start == UINT64_MAX) s->out_start = h->appended;
    commit(h, from, p);
    return WEFT_OK;
}

void h1_write_error(struct h1 *h) {
    struct weft_slice s = WEFT_SLICE_LIT("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"
                                         "content-length: 0\r\n\r\n");
    char *from = reserve(h, s.len);
    commit(h, from, put(from, s));
}

/* === bodies === */

static char *put_chunk_size(char *p, size_t n) {
    char digits[16];
    int at = 0;
    do digits[at++] = "0123456789abcdef"[n & 15];
    while (n >>= 4);
    while (at) *p++ = digits[--at];
    return PUT_LIT(p, "\r\n");
}

void h1_write_data(struct weft_stream *s, struct weft_slice data) {
    struct h1 *h = h1_of(s->codec);
    char *from = reserve(h, data.len + 24), *p = from;
    if (h->out_chunked) p = put_chunk_size(p, data.len);
    p = put(p, data);
    if (h->out_chunked) p = PUT_LIT(p, "\r\n");
    commit(h, from, p);
}

void h1_write_end(struct weft_stream *s, const struct weft_fields *trailers) {
    struct h1 *h = h1_of(s->codec);
    h->out_ended = h->tunnel;
    if (!h->out_chunked) return;
    bool with = trailers && http_fields_clean(trailers);
    char *from = reserve(h, 16 + (with ? fields_size(trailers) : 0));
    char *p = PUT_LIT(from, "0\r\n");
    if (with) p = put_fields(p, trailers);
    p = PUT_LIT(p, "\r\n");
    commit(h, from, p);
}
