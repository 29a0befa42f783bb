/* SPDX-License-Identifier: Apache-2.0
 * Pods that cannot take a sidecar, and pods that would break with one: each says what to do. */
#include "inject_internal.h"

#include <stdio.h>
#include <string.h>

bool inject_each_container(const json_t *pod, inject_container_fn *fn, void *ud) {
    static const char *const lists[] = {"initContainers", "containers"};
    for (size_t k = 0; k < WEFT_LEN(lists); k++) {
        const json_t *list = weft_js_in(pod, "spec", lists[k]);
        for (size_t i = 0; i < json_array_size(list); i++)
            if (fn(ud, json_array_get(list, i), k == 0)) return true;
    }
    return false;
}

static bool is_windows(const json_t *spec) {
    const json_t *select = json_object_get(spec, "nodeSelector");
    return weft_slice_is(weft_js_str(json_object_get(spec, "os"), "name"), "windows") ||
           weft_slice_is(weft_js_str(select, "kubernetes.io/os"), "windows");
}

static bool is_of_job(const json_t *pod) {
    const json_t *owner = json_array_get(weft_js_in(pod, "metadata", "ownerReferences"), 0);
    return weft_slice_is(weft_js_str(owner, "kind"), "Job");
}

bool inject_can(const json_t *pod, const struct weft_inject_options *opt, char why[512]) {
    const json_t *spec = json_object_get(pod, "spec");
    if (opt->classic && is_of_job(pod)) {
        snprintf(why, 512,
                 "the pod is a Job's, and this cluster has no native sidecars, without "
                 "which it would never complete: it gets no sidecar");
        return false;
    }
    if (weft_js_bool(spec, "hostNetwork", false)) {
        snprintf(why, 512,
                 "the pod is on the host's network, whose connections cannot be told "
                 "apart: it gets no sidecar");
        return false;
    }
    if (is_windows(spec)) {
        snprintf(why, 512, "the pod is for Windows: it gets no sidecar");
        return false;
    }
    return true;
}

/* === a container of the pod's own in the way === */

struct clash {
    const json_t *pod_context;
    uint32_t uid;
    char *why;
    bool injected; /* ours are there */
};

static int64_t id_of(const struct clash *c, const json_t *container, const char *key) {
    const json_t *own = json_object_get(json_object_get(container, "securityContext"), key);
    const json_t *id = own ? own : json_object_get(c->pod_context, key);
    return json_is_integer(id) ? (int64_t)json_integer_value(id) : -1;
}

static bool takes_port(const struct clash *c, const json_t *container, struct weft_slice name) {
    static const int64_t ours[] = {15000, 15001, 15006, 15020, 15021};
    const json_t *ports = json_object_get(container, "ports");
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *p = json_array_get(ports, i);
        struct weft_slice protocol = weft_js_str(p, "protocol");
        if (protocol.len && !weft_slice_is(protocol, "TCP")) continue;
        int64_t port = weft_js_int(p, "containerPort", 1, 65535, 0);
        for (size_t k = 0; k < WEFT_LEN(ours); k++) {
            if (port != ours[k]) continue;
            snprintf(c->why, 512,
                     "container " WEFT_SLICE_FMT " has port %d, which is the sidecar's: give it "
                     "another, or annotate the pod with " WEFT_INJECT_KEY ": disabled",
                     WEFT_SLICE_ARG(inject_head(name, 63)), (int)port);
            return true;
        }
    }
    return false;
}

static bool clashes(void *ud, const json_t *container, bool init) {
    struct clash *c = ud;
    struct weft_slice name = weft_js_str(container, "name");
    bool user = id_of(c, container, "runAsUser") == (int64_t)c->uid;
    if (weft_slice_is(name, INJECT_INIT) || weft_slice_is(name, INJECT_PROXY)) {
        if (c->injected) return false;
        snprintf(c->why, 512, "the pod has a container " WEFT_SLICE_FMT " of its own: rename it",
                 WEFT_SLICE_ARG(name));
        return true;
    }
    if (user || id_of(c, container, "runAsGroup") == (int64_t)c->uid) {
        snprintf(c->why, 512,
                 "container " WEFT_SLICE_FMT " runs as %s %u, which is the sidecar's: its "
                 "connections would pass by it. Annotate the pod with weftmesh.io/proxy-uid and "
                 "another id, such as \"%u\"",
                 WEFT_SLICE_ARG(inject_head(name, 63)), user ? "user" : "group", c->uid,
                 c->uid + 10000);
        return true;
    }
    return takes_port(c, container, name);
}

/* === what the namespace allows === */

static bool is_restricted(const json_t *ns, char why[512]) {
    struct weft_slice level =
        weft_js_str(weft_js_in(ns, "metadata", "labels"), "pod-security.kubernetes.io/enforce");
    if (!weft_slice_is(level, "restricted") && !weft_slice_is(level, "baseline")) return false;
    snprintf(why, 512,
             "the namespace enforces Pod Security \"" WEFT_SLICE_FMT "\", which forbids the "
             "capability NET_ADMIN that weft-init needs: label the namespace with "
             "pod-security.kubernetes.io/enforce: privileged, or annotate the pod "
             "with " WEFT_INJECT_KEY ": disabled",
             WEFT_SLICE_ARG(level));
    return true;
}

static bool takes_volume(const json_t *pod, char why[512]) {
    const json_t *list = weft_js_in(pod, "spec", "volumes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct weft_slice name = weft_js_str(json_array_get(list, i), "name");
        if (!weft_slice_is(name, INJECT_RUN) && !weft_slice_is(name, INJECT_TOKEN)) continue;
        snprintf(why, 512, "the pod has a volume " WEFT_SLICE_FMT " of its own: rename it",
                 WEFT_SLICE_ARG(name));
        return true;
    }
    return false;
}

bool inject_may(const json_t *pod, const json_t *ns, char why[512]) {
    struct clash c = {weft_js_in(pod, "spec", "securityContext"), weft_inject_uid(pod), why, false};
    return inject_check_annotations(pod, why) && !inject_each_container(pod, clashes, &c) &&
           !takes_volume(pod, why) && !is_restricted(ns, why);
}

bool inject_may_stay(const json_t *pod, char why[512]) {
    struct clash c = {weft_js_in(pod, "spec", "securityContext"), weft_inject_uid(pod), why, true};
    return !inject_each_container(pod, clashes, &c);
}

/* === what works, but perhaps not as meant === */

static bool has_own_init(void *ud, const json_t *container, bool init) {
    return init;
}

void inject_warn(const json_t *pod, const struct weft_inject_options *opt, json_t *warnings) {
    const json_t *spec = json_object_get(pod, "spec");
    struct weft_slice dns = weft_js_str(spec, "dnsPolicy");
    inject_warn_unknown(pod, warnings);
    if (opt->controller && (weft_slice_is(dns, "Default") || weft_slice_is(dns, "None")))
        json_array_append_new(warnings, json_sprintf("dnsPolicy " WEFT_SLICE_FMT
                                                     ": the sidecar must be able to "
                                                     "resolve %s, or the pod does not start",
                                                     WEFT_SLICE_ARG(dns), opt->controller));
    if (opt->classic && inject_each_container(pod, has_own_init, NULL))
        json_array_append_new(warnings,
                              json_string("init containers run before the sidecar: "
                                          "what they send is plain and follows no route"));
}
