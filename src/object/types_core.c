/* SPDX-License-Identifier: Apache-2.0
 * Views of Service, EndpointSlice and Pod. */
#include <weft/object/types.h>

void weft_view_meta(const struct weft_object *o, struct weft_view_meta *ret) {
    const json_t *meta = json_object_get(o->json, "metadata");
    *ret = (struct weft_view_meta){
        .ns = weft_js_str(meta, "namespace"),
        .name = weft_js_str(meta, "name"),
        .labels = json_object_get(meta, "labels"),
        .annotations = json_object_get(meta, "annotations"),
    };
}

static bool is_tcp(const json_t *port) {
    struct weft_slice p = weft_js_str(port, "protocol");
    return p.len == 0 || weft_slice_is(p, "TCP");
}

static uint16_t port_of(const json_t *j, const char *key) {
    return (uint16_t)weft_js_int(j, key, 1, 65535, 0);
}

static void add_ip(struct weft_slice text, struct weft_addr *list, uint32_t *n) {
    struct weft_addr a;
    if (!weft_addr_parse_ip(text, &a)) return;
    for (uint32_t i = 0; i < *n; i++)
        if (weft_addr_eq(&list[i], &a)) return;
    list[(*n)++] = a;
}

static void read_cluster_ips(const json_t *spec, struct weft_arena *a, struct weft_service *ret) {
    const json_t *list = json_object_get(spec, "clusterIPs");
    ret->ips = weft_arena_array(a, struct weft_addr, json_array_size(list) + 1);
    struct weft_slice one = weft_js_str(spec, "clusterIP");
    if (weft_slice_is(one, "None")) ret->kind = WEFT_SERVICE_HEADLESS;
    add_ip(one, ret->ips, &ret->n_ips);
    size_t i;
    json_t *ip;
    json_array_foreach(list, i, ip) {
        if (weft_slice_is(weft_js_slice(ip), "None")) ret->kind = WEFT_SERVICE_HEADLESS;
        add_ip(weft_js_slice(ip), ret->ips, &ret->n_ips);
    }
}

void weft_service_view(const struct weft_object *o, struct weft_arena *a,
                       struct weft_service *ret) {
    *ret = (struct weft_service){0};
    weft_view_meta(o, &ret->meta);
    const json_t *spec = json_object_get(o->json, "spec");
    read_cluster_ips(spec, a, ret);
    if (weft_slice_is(weft_js_str(spec, "type"), "ExternalName"))
        ret->kind = WEFT_SERVICE_EXTERNAL_NAME;
    if (ret->kind != WEFT_SERVICE_CLUSTER_IP) ret->n_ips = 0;
    struct weft_slice near = weft_js_str(spec, "trafficDistribution");
    ret->prefers_zone = weft_slice_is(near, "PreferClose") ||
                        weft_slice_is(near, "PreferSameZone") ||
                        weft_slice_is(near, "PreferSameNode");
    ret->selector = json_object_size(json_object_get(spec, "selector")) > 0;
    const json_t *ports = json_object_get(spec, "ports"), *p;
    ret->ports = weft_arena_array(a, struct weft_service_port, json_array_size(ports));
    size_t i;
    json_array_foreach(ports, i, p) {
        uint16_t number = port_of(p, "port");
        if (!number) continue;
        ret->ports[ret->n_ports++] = (struct weft_service_port){
            weft_js_str(p, "name"), weft_js_str(p, "appProtocol"), number, is_tcp(p)};
    }
}

static void read_endpoint(const json_t *e, struct weft_arena *a, struct weft_slice ns,
                          struct weft_slice_endpoint *ret) {
    const json_t *addresses = json_object_get(e, "addresses"), *address;
    const json_t *c = json_object_get(e, "conditions"), *ref = json_object_get(e, "targetRef");
    ret->ready = weft_js_bool(c, "ready", true);
    ret->serving = weft_js_bool(c, "serving", ret->ready);
    ret->terminating = weft_js_bool(c, "terminating", false);
    ret->zone = weft_js_str(e, "zone");
    ret->node = weft_js_str(e, "nodeName");
    if (weft_slice_is(weft_js_str(ref, "kind"), "Pod")) {
        ret->pod = weft_js_str(ref, "name");
        ret->pod_ns = weft_js_str(ref, "namespace");
        if (!ret->pod_ns.len) ret->pod_ns = ns;
    }
    ret->addrs = weft_arena_array(a, struct weft_addr, json_array_size(addresses));
    size_t i;
    json_array_foreach(addresses, i, address)
        add_ip(weft_js_slice(address), ret->addrs, &ret->n_addrs);
}

void weft_endpoint_slice_view(const struct weft_object *o, struct weft_arena *a,
                              struct weft_endpoint_slice *ret) {
    *ret = (struct weft_endpoint_slice){0};
    weft_view_meta(o, &ret->meta);
    ret->service = weft_js_str(ret->meta.labels, "kubernetes.io/service-name");
    const json_t *ports = json_object_get(o->json, "ports");
    const json_t *endpoints = json_object_get(o->json, "endpoints"), *item;
    ret->ports = weft_arena_array(a, struct weft_slice_port, json_array_size(ports));
    ret->endpoints = weft_arena_array(a, struct weft_slice_endpoint, json_array_size(endpoints));
    size_t i;
    json_array_foreach(ports, i, item) {
        uint16_t number = port_of(item, "port");
        if (!number || !is_tcp(item)) continue;
        ret->ports[ret->n_ports++] = (struct weft_slice_port){
            weft_js_str(item, "name"), weft_js_str(item, "appProtocol"), number};
    }
    json_array_foreach(endpoints, i, item)
        read_endpoint(item, a, ret->meta.ns, &ret->endpoints[ret->n_endpoints++]);
}

static void read_pod_ips(const json_t *status, struct weft_arena *a, struct weft_pod *ret) {
    const json_t *list = json_object_get(status, "podIPs"), *item;
    ret->ips = weft_arena_array(a, struct weft_addr, json_array_size(list) + 1);
    add_ip(weft_js_str(status, "podIP"), ret->ips, &ret->n_ips);
    size_t i;
    json_array_foreach(list, i, item) add_ip(weft_js_str(item, "ip"), ret->ips, &ret->n_ips);
}

static size_t count_ports(const json_t *containers) {
    size_t i, n = 0;
    json_t *c;
    json_array_foreach(containers, i, c) n += json_array_size(json_object_get(c, "ports"));
    return n;
}

static void read_ports(const json_t *containers, struct weft_pod *ret) {
    size_t i, k;
    json_t *c, *p;
    json_array_foreach(containers, i, c) {
        json_array_foreach(json_object_get(c, "ports"), k, p) {
            uint16_t number = port_of(p, "containerPort");
            if (number && is_tcp(p))
                ret->ports[ret->n_ports++] =
                    (struct weft_container_port){weft_js_str(p, "name"), number};
        }
    }
}

void weft_pod_view(const struct weft_object *o, struct weft_arena *a, struct weft_pod *ret) {
    *ret = (struct weft_pod){0};
    weft_view_meta(o, &ret->meta);
    const json_t *spec = json_object_get(o->json, "spec");
    const json_t *status = json_object_get(o->json, "status");
    ret->service_account = weft_js_str(spec, "serviceAccountName");
    if (!ret->service_account.len) ret->service_account = WEFT_SLICE_LIT("default");
    ret->node = weft_js_str(spec, "nodeName");
    ret->host_network = weft_js_bool(spec, "hostNetwork", false);
    struct weft_slice phase = weft_js_str(status, "phase");
    ret->over = weft_slice_is(phase, "Succeeded") || weft_slice_is(phase, "Failed");
    read_pod_ips(status, a, ret);
    const json_t *init = json_object_get(spec, "initContainers");
    const json_t *containers = json_object_get(spec, "containers");
    ret->ports = weft_arena_array(a, struct weft_container_port,
                                  count_ports(init) + count_ports(containers));
    read_ports(containers, ret);
    read_ports(init, ret);
}
