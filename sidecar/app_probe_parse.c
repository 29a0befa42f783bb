/* SPDX-License-Identifier: Apache-2.0
 * WEFT_APP_PROBES. It comes from the injector, but through a pod that others may write: every value
 * is checked before it goes onto a wire. */
#include <sidecar/app_probe_internal.h>

#include <jansson.h>

#include <weft/base/alloc.h>
#include <weft/object/json.h>

enum { MAX_HEADERS = 64, MAX_VALUE = 8 * 1024, MAX_SERVICE = 4096, MAX_TIMEOUT_S = 3600 };
#define HOOK_TIMEOUT_S 600

static bool is_clean(struct weft_slice s) { /* nothing that would end a line */
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.base[i] < ' ' || s.base[i] == 0x7f) return false;
    return s.len <= MAX_VALUE;
}

static bool is_path(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] == ' ' || s.base[i] == '#') return false;
    return s.len > 0 && s.base[0] == '/' && is_clean(s);
}

static bool is_name(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = weft_lower(s.base[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0 && s.len < 256;
}

/* Field names that the codec itself is answerable for. */
static bool is_framing(struct weft_slice name) {
    static const char *const names[] = {
        "connection", "content-length", "transfer-encoding", "upgrade", "te",
        "keep-alive", "expect",         "proxy-connection"};
    for (size_t i = 0; i < WEFT_LEN(names); i++)
        if (weft_slice_ieq(name, weft_slice_str(names[i]))) return true;
    return false;
}

static const char *read_headers(struct app_check_spec *spec, const json_t *list) {
    size_t n = json_array_size(list);
    if (n > MAX_HEADERS) return "more than 64 headers";
    spec->headers = weft_alloc0((n + 1) * sizeof *spec->headers);
    for (size_t i = 0; i < n; i++) {
        const json_t *h = json_array_get(list, i);
        struct weft_slice name = weft_js_str(h, "name"), value = weft_js_str(h, "value");
        if (!is_name(name) || !is_clean(value)) return "a header that HTTP does not allow";
        if (is_framing(name)) continue;
        spec->headers[spec->n_headers++] =
            (struct app_check_header){weft_slice_dup(name), weft_slice_dup(value)};
    }
    return NULL;
}

static const char *read_http(struct app_check_spec *spec, const json_t *get) {
    struct weft_slice path = weft_js_str(get, "path"), scheme = weft_js_str(get, "scheme");
    spec->kind = APP_CHECK_HTTP;
    spec->tls = weft_slice_ieq(scheme, WEFT_SLICE_LIT("https"));
    WEFT_FREE char *given = weft_slice_dup(path);
    spec->path = weft_asprintf("%s%s", path.len && path.base[0] == '/' ? "" : "/", given);
    if (!is_path(weft_slice_str(spec->path))) return "a path that HTTP does not allow";
    return read_headers(spec, json_object_get(get, "httpHeaders"));
}

static const char *read_action(struct app_check_spec *spec, const json_t *probe,
                               const struct weft_addr *app) {
    const json_t *http = json_object_get(probe, "httpGet"),
                 *tcp = json_object_get(probe, "tcpSocket"), *grpc = json_object_get(probe, "grpc"),
                 *action = http  ? http
                           : tcp ? tcp
                                 : grpc;
    int64_t port = weft_js_int(action, "port", 1, 65535, 0);
    if (!action) return "one of httpGet, tcpSocket and grpc is wanted";
    if (!port) return "a port between 1 and 65535 is wanted";
    spec->to = *app;
    spec->to.port = (uint16_t)port;
    if (http) return read_http(spec, http);
    spec->kind = tcp ? APP_CHECK_TCP : APP_CHECK_GRPC;
    struct weft_slice service = weft_js_str(grpc, "service");
    if (service.len > MAX_SERVICE) return "a service name of at most 4096 bytes is wanted";
    spec->service = weft_slice_dup(service);
    return NULL;
}

static const char *read_probe(struct app_probe *p, const char *key, const json_t *probe,
                              const struct weft_addr *app) {
    struct weft_slice k = weft_slice_str(key), secret = weft_js_str(probe, "secret");
    weft_list_init(&p->waiting);
    p->key = weft_strdup(key);
    p->was_ok = true;
    p->hook = weft_slice_ends(k, WEFT_SLICE_LIT("/post-start")) ||
              weft_slice_ends(k, WEFT_SLICE_LIT("/pre-stop"));
    if (secret.len) p->secret = weft_slice_dup(secret);
    if (k.len > 256 || !is_clean(k)) return "a name of at most 256 bytes is wanted";
    if (p->hook && !p->secret) return "a hook needs a secret";
    int64_t seconds =
        weft_js_int(probe, "timeoutSeconds", 1, MAX_TIMEOUT_S, p->hook ? HOOK_TIMEOUT_S : 1);
    p->spec.timeout_us = (uint64_t)seconds * 1000000;
    return read_action(&p->spec, probe, app);
}

enum weft_status app_probe_parse(struct app_probes *all, struct weft_slice text,
                                 const struct weft_addr *app, struct weft_error *err) {
    json_error_t e;
    if (text.len > APP_PROBES_TEXT)
        return weft_error_set(err, WEFT_LIMIT, "", "longer than 128 KiB");
    json_t *root = json_loadb(text.base ? text.base : "", text.len, 0, &e);
    enum weft_status st = WEFT_OK;
    const char *key;
    json_t *probe;
    if (!json_is_object(root))
        st = weft_error_set(err, WEFT_INVALID, "", "%s", root ? "no JSON object" : e.text);
    else if (json_object_size(root) > APP_PROBES_MAX)
        st = weft_error_set(err, WEFT_LIMIT, "", "more than %d probes", APP_PROBES_MAX);
    else
        all->items = weft_alloc0((json_object_size(root) + 1) * sizeof *all->items);
    if (st == WEFT_OK) json_object_foreach(root, key, probe) {
            const char *fault = read_probe(&all->items[all->n++], key, probe, app);
            if (!fault) continue;
            st = weft_error_set(err, WEFT_INVALID, key, "%s", fault);
            break;
        }
    json_decref(root);
    return st;
}

void app_probe_done(struct app_probe *p) {
    for (size_t i = 0; i < p->spec.n_headers; i++) {
        free(p->spec.headers[i].name);
        free(p->spec.headers[i].value);
    }
    free(p->spec.headers);
    free(p->spec.path);
    free(p->spec.service);
    free(p->key);
    free(p->secret);
}

enum weft_status app_probes_new(struct weft_loop *l, struct weft_slice text,
                                const struct weft_addr *app, struct app_probes **ret,
                                struct weft_error *err) {
    struct app_probes *all = weft_new0(struct app_probes);
    all->loop = l;
    enum weft_status st = app_probe_parse(all, text, app, err);
    if (st == WEFT_OK)
        *ret = all;
    else
        app_probes_free(all);
    return st;
}
