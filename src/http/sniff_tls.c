/* SPDX-License-Identifier: Apache-2.0
 * Server name and ALPN out of a ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1). A hello
 * that is spread over several records is not read. */
#include <weft/http/sniff.h>

struct cursor {
    struct weft_slice rest;
    bool bad; /* a length went past the end */
};

static struct weft_slice take(struct cursor *c, size_t n) {
    if (n > c->rest.len) {
        c->bad = true;
        c->rest = WEFT_SLICE_EMPTY;
        return WEFT_SLICE_EMPTY;
    }
    struct weft_slice s = weft_slice_head(c->rest, n);
    c->rest = weft_slice_from(c->rest, n);
    return s;
}

static size_t number(struct cursor *c, size_t bytes) {
    struct weft_slice s = take(c, bytes);
    size_t v = 0;
    for (size_t i = 0; i < s.len; i++) v = v << 8 | (uint8_t)s.base[i];
    return v;
}

/* A vector with a length of `bytes` bytes in front. */
static struct weft_slice vector(struct cursor *c, size_t bytes) {
    return take(c, number(c, bytes));
}

static struct cursor cursor(struct weft_slice s) {
    return (struct cursor){.rest = s};
}

static void read_server_name(struct weft_slice ext, struct weft_client_hello *ret) {
    struct cursor c = cursor(ext), list = cursor(vector(&c, 2));
    while (!list.bad && list.rest.len) {
        size_t type = number(&list, 1);
        struct weft_slice name = vector(&list, 2);
        if (list.bad || type != 0) continue;
        ret->sni = name;
        return;
    }
}

static void read_extensions(struct weft_slice all, struct weft_client_hello *ret) {
    struct cursor c = cursor(all);
    while (!c.bad && c.rest.len) {
        size_t type = number(&c, 2);
        struct weft_slice ext = vector(&c, 2);
        if (c.bad) return;
        if (type == 0) read_server_name(ext, ret);
        if (type != 16) continue;
        struct cursor alpn = cursor(ext);
        ret->alpn = vector(&alpn, 2);
    }
}

bool weft_sniff_client_hello(struct weft_slice first, struct weft_client_hello *ret) {
    *ret = (struct weft_client_hello){0};
    struct cursor record = cursor(first);
    if (number(&record, 1) != 22) return false;
    number(&record, 2); /* version */
    struct cursor message = cursor(vector(&record, 2));
    if (record.bad || number(&message, 1) != 1) return false;
    struct cursor hello = cursor(vector(&message, 3));
    if (message.bad) return false;
    take(&hello, 2 + 32); /* version, random */
    vector(&hello, 1);    /* session id */
    vector(&hello, 2);    /* cipher suites */
    vector(&hello, 1);    /* compression methods */
    if (hello.bad) return false;
    read_extensions(hello.rest.len ? vector(&hello, 2) : WEFT_SLICE_EMPTY, ret);
    return true;
}

bool weft_sniff_record_whole(struct weft_slice first) {
    const uint8_t *p = (const uint8_t *)first.base;
    return first.len >= 5 && first.len - 5 >= (size_t)(p[3] << 8 | p[4]);
}

bool weft_sniff_alpn_has(struct weft_slice alpn, struct weft_slice name) {
    struct cursor c = cursor(alpn);
    while (!c.bad && c.rest.len) {
        struct weft_slice one = vector(&c, 1);
        if (!c.bad && weft_slice_eq(one, name)) return true;
    }
    return false;
}
