/* SPDX-License-Identifier: Apache-2.0
 * Probes and hooks that go over the network: the kubelet asks the proxy instead, which is given
 * what was asked of the app and asks it. So they work where the app takes mutual TLS only, and the
 * kubelet needs no way past the sidecar. */
#include "inject_internal.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 100 * 1024 }; /* the kernel takes 128 KiB in one variable */

struct rewriting {
    json_t *known;      /* "CONTAINER/KIND" → action, as the kubelet would have made it */
    const char *secret; /* in the path of hooks, which change something; NULL: hooks stay */
    bool classic;
    size_t n;
};

static const json_t *find_port(const json_t *container, struct weft_slice name) {
    const json_t *ports = json_object_get(container, "ports");
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *p = json_array_get(ports, i);
        if (weft_slice_eq(weft_js_str(p, "name"), name)) return json_object_get(p, "containerPort");
    }
    return NULL;
}

/* The action with its port as a number; NULL: none that we make (another host, a port that the
 * container does not name: the kubelet says what is wrong with it). New reference. */
static json_t *action_of(const json_t *handler, const json_t *container, const char *kind) {
    const json_t *action = json_object_get(handler, kind), *port = json_object_get(action, "port");
    if (json_is_string(port)) port = find_port(container, weft_js_slice(port));
    json_int_t n = json_integer_value(port);
    if (!json_is_object(action) || n < 1 || n > 65535 || weft_js_str(action, "host").len)
        return NULL;
    json_t *copy = json_deep_copy(action);
    json_object_set_new(copy, "port", json_integer(n));
    return copy;
}

static bool is_ours(const json_t *handler) {
    const json_t *get = json_object_get(handler, "httpGet");
    return weft_js_int(get, "port", 1, 65535, 0) == INJECT_PORT_HEALTH &&
           weft_slice_starts(weft_js_str(get, "path"), WEFT_SLICE_LIT("/app-probe/"));
}

static void rewrite(struct rewriting *w, const json_t *container, json_t *handler, const char *kind,
                    const char *secret, bool hook) {
    static const char *const actions[] = {"httpGet", "tcpSocket", "grpc"};
    const char *name = json_string_value(json_object_get(container, "name"));
    for (size_t i = 0; i < (hook ? 1 : WEFT_LEN(actions)) && name && !is_ours(handler); i++) {
        json_t *action = action_of(handler, container, actions[i]);
        if (!action) continue;
        int64_t timeout = weft_js_int(handler, "timeoutSeconds", 1, INT32_MAX - 1, 1);
        WEFT_FREE char *key = weft_asprintf("%s/%s", name, kind);
        WEFT_FREE char *path =
            weft_asprintf("/app-probe/%s%s%s", key, secret ? "?" : "", secret ? secret : "");
        json_t *known = json_pack("{s:o}", actions[i], action);
        if (!hook) json_object_set_new(known, "timeoutSeconds", json_integer(timeout));
        if (hook) json_object_set_new(known, "secret", json_string(secret));
        json_object_set_new(w->known, key, known);
        json_object_del(handler, actions[i]);
        json_object_set_new(handler, "httpGet",
                            json_pack("{s:s, s:i}", "path", path, "port", INJECT_PORT_HEALTH));
        /* The proxy's answer, which says why, comes before the kubelet gives up. */
        if (!hook) json_object_set_new(handler, "timeoutSeconds", json_integer(timeout + 1));
        w->n++;
        return;
    }
}

static void rewrite_container(struct rewriting *w, json_t *c) {
    struct weft_slice name = weft_js_str(c, "name");
    json_t *hooks = json_object_get(c, "lifecycle");
    if (weft_slice_is(name, INJECT_INIT) || weft_slice_is(name, INJECT_PROXY)) return;
    rewrite(w, c, json_object_get(c, "startupProbe"), "startup", NULL, false);
    rewrite(w, c, json_object_get(c, "readinessProbe"), "readiness", NULL, false);
    rewrite(w, c, json_object_get(c, "livenessProbe"), "liveness", NULL, false);
    if (!w->secret) return;
    rewrite(w, c, json_object_get(hooks, "postStart"), "post-start", w->secret, true);
    if (!w->classic) /* there the proxy may be gone before the app */
        rewrite(w, c, json_object_get(hooks, "preStop"), "pre-stop", w->secret, true);
}

static void each(struct rewriting *w, json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++)
        rewrite_container(w, json_array_get(list, i));
}

/* '$' escaped, as the kubelet expands $(NAME) in variables. */
static char *text_of(const json_t *known) {
    WEFT_FREE char *plain = json_dumps(known, JSON_COMPACT | JSON_SORT_KEYS);
    struct weft_buf b;
    weft_buf_init(&b, 0);
    for (const char *c = plain; *c; c++)
        if (*c == '$')
            weft_buf_str(&b, "\\u0024");
        else
            weft_buf_char(&b, *c);
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

static json_t *find_proxy(json_t *spec) {
    static const char *const lists[] = {"initContainers", "containers"};
    for (size_t k = 0; k < WEFT_LEN(lists); k++) {
        json_t *list = json_object_get(spec, lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            json_t *c = json_array_get(list, i);
            if (weft_slice_is(weft_js_str(c, "name"), INJECT_PROXY)) return c;
        }
    }
    return NULL;
}

static json_t *find_variable(const json_t *proxy) {
    const json_t *env = json_object_get(proxy, "env");
    for (size_t i = 0; i < json_array_size(env); i++)
        if (weft_slice_is(weft_js_str(json_array_get(env, i), "name"), INJECT_PROBES))
            return json_array_get(env, i);
    return NULL;
}

static json_t *known_before(const json_t *variable) {
    const char *text = json_string_value(json_object_get(variable, "value"));
    json_t *known = text ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(known)) return known;
    json_decref(known);
    return json_object();
}

static void set_variable(json_t *proxy, json_t *variable, const char *text) {
    if (variable)
        json_object_set_new(variable, "value", json_string(text));
    else
        json_array_append_new(json_object_get(proxy, "env"), inject_env(INJECT_PROBES, text));
}

size_t inject_probes(json_t *pod, const struct weft_inject_options *opt) {
    const char *wish = inject_annotation(pod, "weftmesh.io/rewrite-probes");
    json_t *spec = json_object_get(pod, "spec"), *proxy = find_proxy(spec);
    if (!proxy || (wish && weft_slice_is(weft_slice_trim(weft_slice_str(wish)), "disabled")))
        return 0;
    json_t *variable = find_variable(proxy), *before = json_deep_copy(spec);
    struct rewriting w = {known_before(variable), opt->secret, opt->classic, 0};
    each(&w, json_object_get(spec, "initContainers"));
    each(&w, json_object_get(spec, "containers"));
    WEFT_FREE char *text = text_of(w.known);
    if (w.n && strlen(text) <= MAX_TEXT) {
        set_variable(proxy, variable, text);
    } else if (w.n) { /* more than fits: the kubelet goes on asking the app */
        json_object_clear(spec);
        json_object_update(spec, before);
        w.n = 0;
    }
    json_decref(w.known);
    json_decref(before);
    return w.n;
}
