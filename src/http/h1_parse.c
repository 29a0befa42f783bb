/* SPDX-License-Identifier: Apache-2.0
 * One head, complete and in one piece: start line, fields by llhttp, then what they mean together
 * (RFC 9112 3, 6, 9.3). llhttp is one opinion; where it is lax, or where two fields contradict each
 * other, ours is stricter, so that no one behind us can read the message differently. */
#include "h1_internal.h"

/* === llhttp's events === */

static struct h1 *h1_of_parser(llhttp_t *p) {
    return h1_of(WEFT_CAST(weft_codec, p->data));
}

/* Bytes of the head lie in our own copy in the arena: lower-casing in place is fine. */
static char *writable(const char *own) {
    return (char *)(uintptr_t)own;
}

static int on_field(llhttp_t *p, const char *at, size_t len) {
    struct weft_fields *f = h1_of_parser(p)->sink;
    if (!f || len == 0) return HPE_USER;
    char *name = writable(at);
    for (size_t i = 0; i < len; i++) name[i] = weft_lower(name[i]);
    struct weft_slice n = weft_slice(name, len);
    enum weft_status st = weft_fields_add_ref(f, weft_token_of(n), n, weft_slice(name + len, 0));
    return st == WEFT_OK ? 0 : HPE_USER;
}

static int on_value(llhttp_t *p, const char *at, size_t len) {
    struct weft_fields *f = h1_of_parser(p)->sink;
    if (!f || f->n == 0) return HPE_USER;
    f->items[f->n - 1].value = weft_slice_trim(weft_slice(at, len));
    return 0;
}

/* Bodies are ours to count except chunked ones: 1 means "no body follows". */
static int on_headers_complete(llhttp_t *p) {
    p->upgrade = 0; /* not taken up: the message is an ordinary one */
    h1_of_parser(p)->coded = p->flags & F_CHUNKED;
    return (p->flags & F_CHUNKED) && !(p->flags & F_SKIPBODY) ? 0 : 1;
}

const llhttp_settings_t h1_settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = h1_on_body,
    .on_chunk_header = h1_on_chunk_header,
    .on_chunk_extension_name = h1_on_chunk_extension,
    .on_chunk_extension_value = h1_on_chunk_extension,
};

static bool run(struct h1 *h, struct weft_slice block, struct weft_fields *sink) {
    h->sink = sink;
    llhttp_errno_t rv = llhttp_execute(&h->parser, block.base, block.len);
    h->sink = NULL;
    return rv == HPE_OK;
}

static bool run_head(struct h1 *h, llhttp_type_t type, struct weft_slice block,
                     struct weft_head *head, bool no_body) {
    if (!http_fields_reserve(&head->fields, h->scan.lines + 8)) return false;
    llhttp_init(&h->parser, type, &h1_settings);
    h->coded = false;
    h->parser.data = &h->base;
    if (no_body) h->parser.flags |= F_SKIPBODY;
    return run(h, block, &head->fields);
}

/* === start lines === */

struct request_line {
    struct weft_slice method, target, version;
};

/* Exactly "method SP target SP version". */
static bool cut_request_line(struct weft_slice block, struct request_line *ret) {
    struct weft_slice line = weft_slice_head(block, weft_slice_find(block, '\r'));
    ret->method = weft_slice_cut(&line, ' ');
    ret->target = weft_slice_cut(&line, ' ');
    ret->version = line;
    return line.base && http_is_token(ret->method) && http_target_chars_ok(ret->target);
}

static bool parse_version(struct weft_slice v, enum weft_version *ret) {
    if (v.len < 8 || memcmp(v.base, "HTTP/1.", 7) != 0) return false;
    *ret = v.base[7] == '0' ? WEFT_HTTP_10 : WEFT_HTTP_11;
    return v.base[7] == '0' || v.base[7] == '1';
}

/* "http://host[:port]/path": host becomes the authority. */
static bool split_absolute(struct weft_slice target, struct weft_stream *s,
                           struct weft_head *head) {
    size_t sep = weft_slice_search(target, WEFT_SLICE_LIT("://"));
    if (sep == target.len) return false;
    struct weft_slice scheme = weft_slice_head(target, sep);
    bool https = weft_slice_ieq(scheme, WEFT_SLICE_LIT("https"));
    if (!https && !weft_slice_ieq(scheme, WEFT_SLICE_LIT("http"))) return false;
    struct weft_slice rest = weft_slice(target.base + sep + 3, target.len - sep - 3);
    size_t n = 0;
    while (n < rest.len && rest.base[n] != '/' && rest.base[n] != '?') n++;
    head->scheme = https ? WEFT_SLICE_LIT("https") : WEFT_SLICE_LIT("http");
    head->authority = weft_slice_head(rest, n);
    struct weft_slice path = weft_slice(rest.base + n, rest.len - n);
    if (path.len && path.base[0] == '?')
        path = weft_arena_printf(&s->arena, "/%.*s", WEFT_SLICE_ARG(path));
    else if (path.len == 0)
        path = weft_slice_is(head->method, "OPTIONS") ? WEFT_SLICE_LIT("*") : WEFT_SLICE_LIT("/");
    head->path = path;
    return n > 0 && path.base != NULL;
}

/* The four forms of a target (RFC 9112 3.2); authority-form belongs to CONNECT. */
static bool parse_target(struct weft_slice target, struct weft_stream *s, struct weft_head *head) {
    head->path = target;
    if (target.base[0] == '/') return true;
    if (weft_slice_is(target, "*")) return weft_slice_is(head->method, "OPTIONS");
    return split_absolute(target, s, head);
}

static enum weft_reason parse_request_line(struct h1 *h, struct weft_stream *s,
                                           struct weft_slice block, struct weft_head *head) {
    struct request_line line;
    if (!cut_request_line(block, &line)) return WEFT_REASON_BAD_REQUEST;
    head->method = line.method;
    head->path = line.target;
    if (line.version.len != 8 || !parse_version(line.version, &head->version))
        return WEFT_REASON_BAD_REQUEST;
    if (line.target.len > h->base.limits.target_bytes) {
        s->cap = WEFT_CAP_TARGET;
        return WEFT_REASON_TARGET_TOO_LONG;
    }
    if (!http_method_known(line.method)) return WEFT_REASON_METHOD_UNKNOWN;
    return parse_target(line.target, s, head) ? WEFT_REASON_NONE : WEFT_REASON_BAD_REQUEST;
}

/* Tab, space, visible and 8-bit characters (RFC 9112 4). */
static bool phrase_ok(struct weft_slice phrase) {
    for (size_t i = 0; i < phrase.len; i++) {
        unsigned char c = (unsigned char)phrase.base[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

/* "HTTP/1.1 200[ reason]". */
static bool parse_status_line(struct weft_slice block, struct weft_head *head) {
    struct weft_slice line = weft_slice_head(block, weft_slice_find(block, '\r'));
    if (line.len < 12 || !parse_version(line, &head->version) || line.base[8] != ' ') return false;
    uint64_t status;
    if (!weft_slice_u64(weft_slice(line.base + 9, 3), 999, &status) || status < 100) return false;
    head->status = (uint16_t)status;
    return line.len == 12 || (line.base[12] == ' ' && phrase_ok(weft_slice_from(line, 13)));
}

/* === what the fields mean together === */

struct digest {
    const struct weft_field *host;
    uint64_t length;
    struct weft_slice upgrade; /* the field's value; of several the first */
    bool has_length, chunked, close, keep_alive, names_others, upgrades;
};

static bool digest_length(struct digest *d, struct weft_slice value) {
    bool again = d->has_length;
    d->has_length = true;
    return !again && http_content_length(value, &d->length);
}

static bool digest_coding(struct digest *d, struct weft_slice value) {
    bool again = d->chunked;
    d->chunked = true;
    return !again && weft_slice_ieq(value, WEFT_SLICE_LIT("chunked"));
}

static bool digest_host(struct digest *d, const struct weft_field *f) {
    bool again = d->host != NULL;
    d->host = f;
    return !again && http_authority_ok(f->value);
}

static void digest_connection(struct digest *d, struct weft_slice list) {
    while (list.len) {
        struct weft_slice word = weft_slice_trim(weft_slice_cut(&list, ','));
        if (weft_slice_ieq(word, WEFT_SLICE_LIT("close")))
            d->close = true;
        else if (weft_slice_ieq(word, WEFT_SLICE_LIT("keep-alive")))
            d->keep_alive = true;
        else if (word.len)
            d->names_others = true;
        d->upgrades |= weft_slice_ieq(word, WEFT_SLICE_LIT("upgrade"));
    }
}

/* False: the head is malformed. */
static bool digest_field(struct digest *d, const struct weft_field *f, struct weft_head *head) {
    switch (f->token) {
    case WEFT_TOKEN_HOST:
        return digest_host(d, f);
    case WEFT_TOKEN_CONTENT_LENGTH:
        return digest_length(d, f->value);
    case WEFT_TOKEN_TRANSFER_ENCODING:
        return digest_coding(d, f->value);
    case WEFT_TOKEN_CONNECTION:
        digest_connection(d, f->value);
        return true;
    case WEFT_TOKEN_UPGRADE:
        if (!d->upgrade.len) d->upgrade = f->value;
        return true;
    case WEFT_TOKEN_TE:
        head->te_trailers |= http_list_has(f->value, WEFT_SLICE_LIT("trailers"));
        return true;
    default:
        return true;
    }
}

/* Removes the fields that a Connection field names (RFC 9110 7.6.1). */
static void drop_named(struct weft_fields *f, struct weft_slice list) {
    while (list.len) {
        struct weft_slice word = weft_slice_trim(weft_slice_cut(&list, ','));
        char *p = writable(word.base);
        for (size_t i = 0; i < word.len; i++) p[i] = weft_lower(p[i]);
        if (word.len && !weft_slice_is(word, "connection")) weft_fields_remove(f, word);
    }
}

static bool is_continue(const struct weft_field *f) {
    return f->token == WEFT_TOKEN_EXPECT &&
           weft_slice_ieq(f->value, WEFT_SLICE_LIT("100-continue"));
}

static void drop_hop_by_hop(struct weft_head *head, bool names_others) {
    struct weft_fields *f = &head->fields;
    for (uint32_t i = 0; names_others && i < f->n; i++) {
        if (f->items[i].token != WEFT_TOKEN_CONNECTION) continue;
        struct weft_slice list = f->items[i].value;
        f->items[i].value = WEFT_SLICE_EMPTY; /* items move: begin again after each */
        if (list.len) {
            drop_named(f, list);
            i = UINT32_MAX;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->n; i++)
        if (!http_is_hop(&f->items[i]) && !is_continue(&f->items[i]))
            f->items[kept++] = f->items[i];
    f->n = kept;
}

/* llhttp counts the chunks: where it reads the coding otherwise, others would too. */
static bool digest_all(const struct h1 *h, struct digest *d, struct weft_head *head) {
    bool ok = true;
    for (uint32_t i = 0; i < head->fields.n; i++) {
        ok = digest_field(d, &head->fields.items[i], head) && ok;
        head->expect_continue |= is_continue(&head->fields.items[i]);
    }
    if (d->chunked && (d->has_length || head->version == WEFT_HTTP_10)) ok = false;
    if (d->chunked != h->coded) ok = false;
    head->has_content_length = d->has_length;
    head->content_length = d->length;
    return ok;
}

/* Host is there once in HTTP/1.1, and says the same as an absolute target. */
static bool settle_host(const struct digest *d, struct weft_head *head) {
    if (!d->host) return head->version == WEFT_HTTP_10;
    if (head->authority.base) return weft_slice_ieq(head->authority, d->host->value);
    head->authority = d->host->value;
    return true;
}

static bool is_persistent(const struct digest *d, const struct weft_head *head) {
    return !d->close && (head->version == WEFT_HTTP_11 || d->keep_alive);
}

/* RFC 9110 7.8. With a body it would be unclear where the tunnel begins, and HTTP/2 inside of one
 * would go past the routes: those requests are ordinary ones, as the RFC allows. */
static struct weft_slice upgrade_of(const struct digest *d, const struct weft_head *head) {
    bool body = d->chunked || (d->has_length && d->length);
    bool takes = d->upgrades && head->version == WEFT_HTTP_11 && !body &&
                 !http_list_has(d->upgrade, WEFT_SLICE_LIT("h2c"));
    return takes ? d->upgrade : WEFT_SLICE_EMPTY;
}

/* Bytes NULL beyond what a request may allocate. */
static struct weft_slice own_copy(struct weft_stream *s, struct weft_slice block) {
    struct weft_slice own = weft_arena_dup(&s->arena, block);
    if (!own.base) s->cap = WEFT_CAP_REQUEST_MEMORY;
    return own;
}

static enum weft_reason parse_request(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                                      struct weft_head *head, struct h1_message *ret) {
    struct weft_slice own = own_copy(s, block);
    if (!own.base) return WEFT_REASON_HEAD_TOO_LARGE;
    enum weft_reason refused = parse_request_line(h, s, own, head);
    if (refused != WEFT_REASON_NONE) return refused;
    if (!run_head(h, HTTP_REQUEST, own, head, /* no_body= */ false)) {
        head->fields.n = 0;
        return WEFT_REASON_BAD_REQUEST;
    }
    struct digest d = {0};
    bool ok = digest_all(h, &d, head);
    ok = settle_host(&d, head) && ok && http_authority_ok(head->authority);
    head->framing = d.chunked      ? WEFT_BODY_CHUNKED
                    : d.has_length ? WEFT_BODY_LENGTH
                                   : WEFT_BODY_NONE;
    ret->persistent = is_persistent(&d, head);
    head->upgrade = upgrade_of(&d, head);
    drop_hop_by_hop(head, d.names_others);
    return ok ? WEFT_REASON_NONE : WEFT_REASON_BAD_REQUEST;
}

enum weft_reason h1_parse_request(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                                  struct weft_head *head, struct h1_message *ret) {
    stream_peer_allocates(s, true);
    enum weft_reason refused = parse_request(h, s, block, head, ret);
    stream_peer_allocates(s, false);
    return refused;
}

void h1_parse_refused(struct weft_stream *s, struct weft_slice block, struct weft_head *head) {
    struct request_line line;
    struct weft_slice first = weft_slice_head(block, weft_slice_find(block, '\n'));
    if (first.len == block.len || !cut_request_line(first, &line)) return;
    head->method = weft_arena_dup(&s->arena, line.method); /* a new arena has room */
    head->path = weft_arena_dup(&s->arena, line.target);
}

/* Without a body whatever the fields say (RFC 9112 6.3). */
static void frame_response(const struct digest *d, struct weft_head *head, bool no_body) {
    if (no_body) {
        head->framing = WEFT_BODY_NONE;
        if (head->status < 200 || head->status == 204) head->has_content_length = false;
    } else {
        head->framing = d->chunked      ? WEFT_BODY_CHUNKED
                        : d->has_length ? WEFT_BODY_LENGTH
                                        : WEFT_BODY_CLOSE;
    }
}

static bool parse_response(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                           struct weft_head *head, struct h1_message *ret) {
    struct weft_slice own = own_copy(s, block);
    if (!own.base || !parse_status_line(own, head)) return false;
    bool no_body = s->head_request || !http_status_has_body(head->status);
    if (!run_head(h, HTTP_RESPONSE, own, head, no_body)) return false;
    struct digest d = {0};
    if (!digest_all(h, &d, head)) return false;
    frame_response(&d, head, no_body);
    if (head->status == 101) head->upgrade = upgrade_of(&d, head);
    ret->persistent = is_persistent(&d, head) && head->framing != WEFT_BODY_CLOSE;
    drop_hop_by_hop(head, d.names_others);
    return true;
}

bool h1_parse_response(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                       struct weft_head *head, struct h1_message *ret) {
    stream_peer_allocates(s, true);
    bool ok = parse_response(h, s, block, head, ret);
    stream_peer_allocates(s, false);
    return ok;
}

static bool parse_trailers(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                           struct weft_fields *ret) {
    weft_fields_init(ret, &s->arena);
    struct weft_slice own = own_copy(s, block);
    if (!own.base || !http_fields_reserve(ret, h->scan.lines + 1)) return false;
    if (!run(h, own, ret)) return false;
    http_trailers_clean(ret);
    return true;
}

bool h1_parse_trailers(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                       struct weft_fields *ret) {
    stream_peer_allocates(s, true);
    bool ok = parse_trailers(h, s, block, ret);
    stream_peer_allocates(s, false);
    return ok;
}
