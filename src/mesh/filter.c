/* SPDX-License-Identifier: Apache-2.0
 * Runs the filters of a rule or backend in their listed order (REQ-078). Route authors cannot touch
 * what frames a message or belongs to one connection: the codecs own those fields. */
#include "filter_internal.h"

static bool is_untouchable(struct weft_slice name) {
    switch (weft_token_of(name)) {
    case WEFT_TOKEN_CONNECTION:
    case WEFT_TOKEN_KEEP_ALIVE:
    case WEFT_TOKEN_PROXY_CONNECTION:
    case WEFT_TOKEN_TE:
    case WEFT_TOKEN_TRANSFER_ENCODING:
    case WEFT_TOKEN_UPGRADE:
    case WEFT_TOKEN_CONTENT_LENGTH:
    case WEFT_TOKEN_EXPECT:
    case WEFT_TOKEN_HTTP2_SETTINGS:
    case WEFT_TOKEN_WEFT_HOP:
    case WEFT_TOKEN_HOST: /* not a field here: weft_head.authority, see set_host() */
        return true;
    default:
        return false;
    }
}

static enum weft_status append(const struct weft_kv *kv, struct weft_fields *fields) {
    if (is_untouchable(kv->name)) return WEFT_OK;
    struct weft_slice value = weft_value_clean(kv->value, fields->arena);
    return weft_fields_add(fields, kv->name, value);
}

static enum weft_status apply(const struct weft_header_mods *m, struct weft_fields *fields) {
    enum weft_status st = WEFT_OK;
    for (uint32_t i = 0; st == WEFT_OK && i < m->n_set; i++) {
        if (is_untouchable(m->set[i].name)) continue;
        weft_fields_remove(fields, m->set[i].name);
        st = append(&m->set[i], fields);
    }
    /* A line of its own means the same as one value joined by "," (REQ-083). */
    for (uint32_t i = 0; st == WEFT_OK && i < m->n_add; i++) st = append(&m->add[i], fields);
    for (uint32_t i = 0; st == WEFT_OK && i < m->n_remove; i++)
        if (!is_untouchable(m->remove[i])) weft_fields_remove(fields, m->remove[i]);
    return st;
}

void weft_header_mods_apply(const struct weft_header_mods *m, struct weft_fields *fields) {
    (void)apply(m, fields); /* beyond the arena's limit the value is left out */
}

static enum weft_status set_authority(struct weft_head *request, struct weft_slice value) {
    struct weft_arena *a = request->fields.arena;
    value = weft_arena_dup(a, weft_value_clean(value, a));
    if (!value.base) return WEFT_LIMIT;
    if (value.len) request->authority = value;
    return WEFT_OK;
}

/* There is one Host: `set` replaces it, `add` gives one to a request without, `remove` is ignored.
 */
static enum weft_status set_host(const struct weft_header_mods *m, struct weft_head *request) {
    enum weft_status st = WEFT_OK;
    for (uint32_t i = 0; st == WEFT_OK && i < m->n_set; i++)
        if (weft_slice_is(m->set[i].name, "host")) st = set_authority(request, m->set[i].value);
    for (uint32_t i = 0; st == WEFT_OK && i < m->n_add; i++)
        if (weft_slice_is(m->add[i].name, "host") && !request->authority.len)
            st = set_authority(request, m->add[i].value);
    return st;
}

static bool change_headers(const struct weft_header_mods *m, struct weft_head *request,
                           struct weft_slice *ret_why) {
    if (set_host(m, request) == WEFT_OK && apply(m, &request->fields) == WEFT_OK) return true;
    *ret_why = OUT_OF_MEMORY;
    return false;
}

static bool rewrite(const struct weft_filter *f, const struct weft_filter_input *in,
                    struct weft_head *request, struct weft_slice *ret_why) {
    struct weft_slice host = f->rewrite.hostname, path;
    if (host.len && set_authority(request, host) != WEFT_OK) return *ret_why = OUT_OF_MEMORY, false;
    if (f->rewrite.path.kind == WEFT_PATH_KEEP) return true;
    struct weft_arena *a = request->fields.arena;
    if (!weft_path_mod_apply(&f->rewrite.path, in, WEFT_PATH_FOR_REWRITE, a, &path, ret_why))
        return false;
    request->path = path;
    return true;
}

/* REQ-099: preflights are answered here, everything else goes on. */
static enum weft_filter_outcome cors(const struct weft_filter *f,
                                     const struct weft_filter_input *in,
                                     const struct weft_head *request, struct weft_head *ret_reply,
                                     struct weft_slice *ret_why) {
    if (!in->cors || !in->cors->preflight) return WEFT_FILTER_GO_ON;
    if (weft_cors_preflight(&f->cors, in->cors, request->fields.arena, ret_reply))
        return WEFT_FILTER_REPLY;
    *ret_why = OUT_OF_MEMORY;
    return WEFT_FILTER_FAIL;
}

static enum weft_filter_outcome one(const struct weft_filter *f, const struct weft_filter_input *in,
                                    struct weft_head *request, struct weft_head *ret_reply,
                                    struct weft_slice *ret_why) {
    switch (f->kind) {
    case WEFT_FILTER_RESPONSE_HEADERS:
        return WEFT_FILTER_GO_ON;
    case WEFT_FILTER_REQUEST_HEADERS:
        return change_headers(&f->headers, request, ret_why) ? WEFT_FILTER_GO_ON : WEFT_FILTER_FAIL;
    case WEFT_FILTER_REWRITE:
        return rewrite(f, in, request, ret_why) ? WEFT_FILTER_GO_ON : WEFT_FILTER_FAIL;
    case WEFT_FILTER_REDIRECT:
        return weft_redirect_reply(f, in, request, ret_reply, ret_why) ? WEFT_FILTER_REPLY
                                                                       : WEFT_FILTER_FAIL;
    case WEFT_FILTER_MIRROR:
        if (in->on_mirror) in->on_mirror(in->ud, &f->mirror, request);
        return WEFT_FILTER_GO_ON;
    case WEFT_FILTER_CORS:
        return cors(f, in, request, ret_reply, ret_why);
    case WEFT_FILTER_INVALID:
        break;
    }
    *ret_why = f->invalid;
    return WEFT_FILTER_FAIL;
}

enum weft_filter_outcome weft_filters_request(const struct weft_filter *filters, uint32_t n,
                                              const struct weft_filter_input *in,
                                              struct weft_head *request,
                                              struct weft_head *ret_reply,
                                              struct weft_slice *ret_invalid) {
    for (uint32_t i = 0; i < n; i++) {
        enum weft_filter_outcome o = one(&filters[i], in, request, ret_reply, ret_invalid);
        if (o != WEFT_FILTER_GO_ON) return o;
    }
    return WEFT_FILTER_GO_ON;
}

bool weft_filters_want_cors(const struct weft_filter *filters, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (filters[i].kind == WEFT_FILTER_CORS) return true;
    return false;
}

/* The answer to a preflight has its fields already. */
void weft_filters_response(const struct weft_filter *filters, uint32_t n,
                           const struct weft_cors_request *cors, struct weft_head *response) {
    for (uint32_t i = 0; i < n; i++) {
        if (filters[i].kind == WEFT_FILTER_RESPONSE_HEADERS)
            weft_header_mods_apply(&filters[i].headers, &response->fields);
        else if (filters[i].kind == WEFT_FILTER_CORS && cors && !cors->preflight)
            weft_cors_response(&filters[i].cors, cors, response);
    }
}
