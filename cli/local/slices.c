/* SPDX-License-Identifier: Apache-2.0
 * EndpointSlices of Services with selectors. */
#include <cli/local/jsonx.h>
#include <cli/local/slices.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/slice.h>

static unsigned named_port(const json_t *pod, const char *name, const char *protocol) {
    size_t i, k;
    json_t *container, *port;
    json_array_foreach(local_get(pod, "spec.containers"), i, container)
        json_array_foreach(json_object_get(container, "ports"), k, port) {
        if (strcmp(local_str(port, "name", ""), name) == 0 &&
            strcmp(local_str(port, "protocol", "TCP"), protocol) == 0)
            return (unsigned)local_int(port, "containerPort", 0);
    }
    return 0;
}

unsigned slices_target_port(const json_t *service_port, const json_t *pod) {
    json_t *target = json_object_get(service_port, "targetPort");
    if (json_is_string(target))
        return named_port(pod, json_string_value(target),
                          local_str(service_port, "protocol", "TCP"));
    if (json_is_integer(target) && json_integer_value(target) > 0)
        return (unsigned)json_integer_value(target);
    return (unsigned)local_int(service_port, "port", 0);
}

/* The `ports` of a slice that holds this pod; new reference. */
static json_t *ports_for(const json_t *service, const json_t *pod) {
    json_t *ports = json_array(), *sp;
    size_t i;
    json_array_foreach(local_get(service, "spec.ports"), i, sp) {
        unsigned number = slices_target_port(sp, pod);
        if (!number) continue;
        json_t *p = json_pack("{s:s, s:i, s:s}", "name", local_str(sp, "name", ""), "port",
                              (int)number, "protocol", local_str(sp, "protocol", "TCP"));
        json_t *app = json_object_get(sp, "appProtocol");
        if (app) json_object_set(p, "appProtocol", app);
        json_array_append_new(ports, p);
    }
    return ports;
}

static const char *address_of(const json_t *pod, bool v6) {
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(pod, "status.podIPs"), i, ip) {
        const char *s = local_str(ip, "ip", "");
        if (*s && (strchr(s, ':') != NULL) == v6) return s;
    }
    return NULL;
}

static json_t *endpoint(const struct slices_pod *p, const char *ip, bool ready,
                        const char *service) {
    json_t *e = json_pack("{s:[s], s:{s:b, s:b, s:b}, s:{s:s, s:s, s:s}, s:s}", "addresses", ip,
                          "conditions", "ready", ready, "serving", p->ready, "terminating",
                          p->terminating, "targetRef", "kind", "Pod", "namespace",
                          local_str(p->obj, "metadata.namespace", "default"), "name",
                          local_str(p->obj, "metadata.name", ""), "nodeName", "local");
    const char *host = local_str(p->obj, "spec.hostname", "");
    if (*host && strcmp(local_str(p->obj, "spec.subdomain", ""), service) == 0)
        json_object_set_new(e, "hostname", json_string(host));
    return e;
}

static json_t *new_slice(const json_t *service, bool v6, size_t serial, json_t *ports) {
    const char *name = local_str(service, "metadata.name", "");
    char *slice_name = serial ? weft_asprintf("%s-ipv%d-%zu", name, v6 ? 6 : 4, serial)
                              : weft_asprintf("%s-ipv%d", name, v6 ? 6 : 4);
    json_t *labels = json_pack("{s:s, s:s}", "kubernetes.io/service-name", name,
                               "endpointslice.kubernetes.io/managed-by", "weft-local");
    if (strcmp(local_str(service, "spec.clusterIP", ""), "None") == 0)
        json_object_set_new(labels, "service.kubernetes.io/headless", json_string(""));
    json_t *o =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:o}, s:s, s:[], s:o}", "apiVersion",
                  "discovery.k8s.io/v1", "kind", "EndpointSlice", "metadata", "name", slice_name,
                  "namespace", local_str(service, "metadata.namespace", "default"), "labels",
                  labels, "addressType", v6 ? "IPv6" : "IPv4", "endpoints", "ports", ports);
    free(slice_name);
    return o;
}

/* The slice of `out` (from index `from`) with these ports, made if there is none; takes `ports`. */
static json_t *slice_with(json_t *out, size_t from, const json_t *service, bool v6, json_t *ports) {
    for (size_t i = from; i < json_array_size(out); i++) {
        json_t *s = json_array_get(out, i);
        if (!json_equal(json_object_get(s, "ports"), ports)) continue;
        json_decref(ports);
        return s;
    }
    json_t *s = new_slice(service, v6, json_array_size(out) - from, ports);
    json_array_append_new(out, s);
    return s;
}

static void add_family(json_t *out, const json_t *service, const struct slices_pod *pods, size_t n,
                       bool v6) {
    size_t from = json_array_size(out);
    bool eager = json_is_true(local_get(service, "spec.publishNotReadyAddresses"));
    const json_t *selector = local_get(service, "spec.selector");
    const char *ns = local_str(service, "metadata.namespace", "default");
    for (size_t i = 0; i < n; i++) {
        const char *ip = address_of(pods[i].obj, v6);
        if (!ip || strcmp(local_str(pods[i].obj, "metadata.namespace", "default"), ns) != 0 ||
            !local_selects(selector, local_get(pods[i].obj, "metadata.labels")))
            continue;
        json_t *s = slice_with(out, from, service, v6, ports_for(service, pods[i].obj));
        bool ready = eager || (pods[i].ready && !pods[i].terminating);
        json_array_append_new(
            json_object_get(s, "endpoints"),
            endpoint(&pods[i], ip, ready, local_str(service, "metadata.name", "")));
    }
}

json_t *slices_build(const json_t *service, const struct slices_pod *pods, size_t n) {
    json_t *out = json_array();
    json_t *selector = local_get(service, "spec.selector");
    if (!json_is_object(selector) || json_object_size(selector) == 0) return out;
    json_t *families = local_get(service, "spec.ipFamilies"), *f;
    if (json_array_size(families) == 0) add_family(out, service, pods, n, false);
    size_t i;
    json_array_foreach(families, i, f)
        add_family(out, service, pods, n,
                   strcmp(json_string_value(f) ? json_string_value(f) : "", "IPv6") == 0);
    return out;
}
