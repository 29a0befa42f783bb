/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/mesh/cors.h>

#define ALLOW_ORIGIN WEFT_SLICE_LIT("access-control-allow-origin")
#define CREDENTIALS  WEFT_SLICE_LIT("access-control-allow-credentials")
#define METHODS      WEFT_SLICE_LIT("access-control-allow-methods")
#define HEADERS      WEFT_SLICE_LIT("access-control-allow-headers")
#define EXPOSE       WEFT_SLICE_LIT("access-control-expose-headers")
#define MAX_AGE      WEFT_SLICE_LIT("access-control-max-age")

/* === origins === */

struct origin {
    bool https;
    struct weft_slice host;
    uint64_t port; /* the scheme's own where none is given */
};

static bool take_prefix(struct weft_slice *s, const char *prefix) {
    struct weft_slice p = weft_slice_str(prefix);
    if (s->len < p.len || !weft_slice_ieq(weft_slice_head(*s, p.len), p)) return false;
    *s = weft_slice_from(*s, p.len);
    return true;
}

static bool read_port(struct weft_slice digits, uint64_t *ret) {
    return weft_slice_u64(digits, 65535, ret) && *ret > 0;
}

/* RFC 6454 section 6.2, and the same with a "*" for (the left of) the host. */
static bool parse(struct weft_slice s, struct origin *ret) {
    *ret = (struct origin){.https = take_prefix(&s, "https://")};
    if (!ret->https && !take_prefix(&s, "http://")) return false;
    ret->port = ret->https ? 443 : 80;
    size_t end = s.len, from = 0;
    if (s.len && s.base[0] == '[') /* an IPv6 address has colons of its own */
        while (from < s.len && s.base[from] != ']') from++;
    for (size_t i = from; i < s.len; i++)
        if (s.base[i] == ':') end = i;
    if (end < s.len && !read_port(weft_slice_from(s, end + 1), &ret->port)) return false;
    ret->host = weft_slice_head(s, end);
    for (size_t i = 0; i < ret->host.len; i++)
        if (ret->host.base[i] == '/' || (unsigned char)ret->host.base[i] <= ' ') return false;
    return ret->host.len > 0;
}

const char *weft_cors_origin_fault(struct weft_slice pattern) {
    struct origin o;
    if (weft_slice_is(pattern, "*")) return NULL;
    if (!parse(pattern, &o)) return "is no origin: write \"*\" or http(s)://HOST[:PORT]";
    for (size_t i = 1; i < o.host.len; i++)
        if (o.host.base[i] == '*') return "may have a \"*\" only as the first label of the host";
    if (o.host.base[0] == '*' && o.host.len > 1 && o.host.base[1] != '.')
        return "may have a \"*\" only as a whole label";
    return NULL;
}

/* "*.bar.com" takes any number of labels, but not bar.com itself (REQ-098). */
static bool host_matches(struct weft_slice pattern, struct weft_slice host) {
    if (weft_slice_is(pattern, "*")) return true;
    if (pattern.base[0] != '*') return weft_slice_ieq(pattern, host);
    struct weft_slice suffix = weft_slice_from(pattern, 1);
    return host.len > suffix.len &&
           weft_slice_ieq(weft_slice_from(host, host.len - suffix.len), suffix);
}

static bool is_any(const struct weft_cors *c) {
    return c->n_origins == 1 && weft_slice_is(c->origins[0], "*");
}

bool weft_cors_allows(const struct weft_cors *c, struct weft_slice origin) {
    struct origin asked, allowed;
    if (!origin.len) return false;
    if (is_any(c)) return true;
    if (!parse(origin, &asked)) return false;
    for (uint32_t i = 0; i < c->n_origins; i++)
        if (parse(c->origins[i], &allowed) && allowed.https == asked.https &&
            allowed.port == asked.port && host_matches(allowed.host, asked.host))
            return true;
    return false;
}

/* === requests === */

static struct weft_slice value_of(const struct weft_fields *f, const char *name) {
    const struct weft_field *field = weft_fields_get(f, weft_slice_str(name));
    return field ? field->value : WEFT_SLICE_EMPTY;
}

void weft_cors_request_take(const struct weft_head *request, struct weft_cors_request *ret) {
    const struct weft_fields *f = &request->fields;
    *ret = (struct weft_cors_request){.origin = value_of(f, "origin")};
    if (!ret->origin.len || !weft_slice_is(request->method, "OPTIONS")) return;
    ret->method = value_of(f, "access-control-request-method");
    ret->headers = value_of(f, "access-control-request-headers");
    ret->preflight = ret->method.len > 0;
}

/* === responses === */

static bool add(struct weft_head *h, struct weft_slice name, struct weft_slice value) {
    return weft_fields_add_ref(&h->fields, WEFT_TOKEN_OTHER, name, value) == WEFT_OK;
}

/* A credentialed answer must not say "*" (Fetch, "CORS protocol and credentials"). */
static bool add_origin(const struct weft_cors *c, const struct weft_cors_request *r,
                       struct weft_head *h) {
    bool any = is_any(c) && !c->credentials;
    bool ok = add(h, ALLOW_ORIGIN, any ? WEFT_SLICE_LIT("*") : r->origin);
    if (c->credentials) ok = ok && add(h, CREDENTIALS, WEFT_SLICE_LIT("true"));
    return ok && (any || add(h, WEFT_SLICE_LIT("vary"), WEFT_SLICE_LIT("Origin")));
}

/* A list for what was asked for: "*" becomes the very thing where credentials forbid it. */
static bool add_list(const struct weft_cors *c, struct weft_slice list, struct weft_slice asked,
                     struct weft_slice name, struct weft_head *h) {
    if (!list.len || !asked.len) return true;
    return add(h, name, weft_slice_is(list, "*") && c->credentials ? asked : list);
}

bool weft_cors_preflight(const struct weft_cors *c, const struct weft_cors_request *r,
                         struct weft_arena *a, struct weft_head *ret) {
    weft_head_init(ret, a);
    ret->status = 204;
    ret->framing = WEFT_BODY_NONE;
    if (!weft_cors_allows(c, r->origin)) return true;
    struct weft_slice age = weft_arena_printf(a, "%u", c->max_age_s);
    return age.base && add_origin(c, r, ret) && add_list(c, c->methods, r->method, METHODS, ret) &&
           add_list(c, c->allow_headers, r->headers, HEADERS, ret) && add(ret, MAX_AGE, age);
}

static void remove_own(struct weft_fields *f) {
    const struct weft_slice names[] = {ALLOW_ORIGIN, CREDENTIALS, METHODS,
                                       HEADERS,      EXPOSE,      MAX_AGE};
    for (size_t i = 0; i < WEFT_LEN(names); i++) (void)weft_fields_remove(f, names[i]);
}

void weft_cors_response(const struct weft_cors *c, const struct weft_cors_request *r,
                        struct weft_head *response) {
    remove_own(&response->fields);
    if (!weft_cors_allows(c,
                          r->origin)) { /* another origin may get another answer: RFC 9110 12.5.5 */
        if (!is_any(c) || c->credentials)
            (void)add(response, WEFT_SLICE_LIT("vary"), WEFT_SLICE_LIT("Origin"));
        return;
    }
    bool literal = weft_slice_is(c->expose_headers, "*") && c->credentials;
    (void)(add_origin(c, r, response) && c->expose_headers.len && !literal &&
           add(response, EXPOSE, c->expose_headers)); /* beyond the arena's limit: left out */
}
