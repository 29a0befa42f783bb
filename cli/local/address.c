/* SPDX-License-Identifier: Apache-2.0
 * Addresses of pods and Services. */
#include <cli/local/address.h>
#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>

static enum weft_status subnet(struct local_pool *p, const char *cidr, uint8_t family,
                               uint32_t first, const char *flag, struct weft_error *err) {
    enum weft_status st = local_pool_init(p, cidr, first);
    if (st == WEFT_OK && p->base.family == family) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, flag, "\"%s\" is not an IPv%d subnet such as %s", cidr,
                          family, family == 4 ? "10.244.0.0/16" : "fd00:10:244::/64");
}

enum weft_status local_addresses_init(struct local_addresses *a, const char *pods,
                                      const char *pods6, const char *services,
                                      const char *services6, bool v6, struct weft_error *err) {
    *a = (struct local_addresses){.v6 = v6, .given = json_object()};
    enum weft_status st = subnet(&a->pods4, pods, 4, 2, "--pod-cidr", err);
    if (st == WEFT_OK) st = subnet(&a->pods6, pods6, 6, 2, "--pod-cidr6", err);
    if (st == WEFT_OK) st = subnet(&a->services4, services, 4, 10, "--service-cidr", err);
    if (st == WEFT_OK) st = subnet(&a->services6, services6, 6, 10, "--service-cidr6", err);
    return st;
}

void local_addresses_done(struct local_addresses *a) {
    local_pool_done(&a->pods4);
    local_pool_done(&a->pods6);
    local_pool_done(&a->services4);
    local_pool_done(&a->services6);
    json_decref(a->given);
    *a = (struct local_addresses){0};
}

static struct local_pool *pool_for(struct local_addresses *a, const char *ip, bool service,
                                   struct weft_addr *ret) {
    if (!ip || !weft_addr_parse_ip(weft_slice_str(ip), ret)) return NULL;
    if (service) return ret->family == 4 ? &a->services4 : &a->services6;
    return ret->family == 4 ? &a->pods4 : &a->pods6;
}

static void claim(struct local_addresses *a, const char *ip, bool service) {
    struct weft_addr addr;
    struct local_pool *p = pool_for(a, ip, service, &addr);
    if (p) (void)local_pool_claim(p, &addr);
}

void local_addresses_claim(struct local_addresses *a, const json_t *pods, const json_t *services) {
    size_t i, k;
    json_t *o, *ip;
    json_array_foreach(pods, i, o) {
        claim(a, local_str(o, "status.podIP", NULL), false);
        json_array_foreach(local_get(o, "status.podIPs"), k, ip)
            claim(a, local_str(ip, "ip", NULL), false);
    }
    json_array_foreach(services, i, o) {
        claim(a, local_str(o, "spec.clusterIP", NULL), true);
        json_array_foreach(local_get(o, "spec.clusterIPs"), k, ip)
            claim(a, json_string_value(ip), true);
    }
}

/* The address already given to `key`, or a new one of `pool`; borrowed. */
static const char *sticky(struct local_addresses *a, struct local_pool *pool, const char *key) {
    const char *old = json_string_value(json_object_get(a->given, key));
    if (old) return old;
    struct weft_addr addr;
    if (local_pool_take(pool, &addr) != WEFT_OK) return NULL;
    char text[WEFT_ADDR_STR];
    weft_addr_format_ip(&addr, text);
    json_object_set_new(a->given, key, json_string(text));
    return json_string_value(json_object_get(a->given, key));
}

/* spec.ipFamilies where the manifest leaves it open; new reference. */
static json_t *families_of(const struct local_addresses *a, const json_t *service) {
    json_t *written = local_get(service, "spec.ipFamilies");
    if (json_array_size(written) > 0) return json_incref(written);
    json_t *out = json_array(), *ips = local_get(service, "spec.clusterIPs"), *ip;
    size_t i;
    json_array_foreach(ips, i, ip) {
        const char *s = json_string_value(ip);
        json_array_append_new(out, json_string(s && strchr(s, ':') ? "IPv6" : "IPv4"));
    }
    if (json_array_size(out) == 0) json_array_append_new(out, json_string("IPv4"));
    const char *policy = local_str(service, "spec.ipFamilyPolicy", "SingleStack");
    bool dual = strcmp(policy, "SingleStack") != 0 && a->v6;
    if (dual && json_array_size(out) == 1)
        json_array_append_new(
            out,
            json_string(strcmp(json_string_value(json_array_get(out, 0)), "IPv6") == 0 ? "IPv4"
                                                                                       : "IPv6"));
    return out;
}

static void complete_ports(json_t *service) {
    size_t i;
    json_t *p;
    json_array_foreach(local_get(service, "spec.ports"), i, p) {
        if (!json_object_get(p, "protocol")) json_object_set_new(p, "protocol", json_string("TCP"));
        if (!json_object_get(p, "targetPort") && json_object_get(p, "port"))
            json_object_set(p, "targetPort", json_object_get(p, "port"));
    }
}

static enum weft_status fill_ips(struct local_addresses *a, json_t *service, const json_t *families,
                                 json_t *ips, struct weft_error *err) {
    for (size_t i = json_array_size(ips); i < json_array_size(families); i++) {
        const char *family = json_string_value(json_array_get(families, i));
        bool v6 = family && strcmp(family, "IPv6") == 0;
        WEFT_FREE char *key =
            weft_asprintf("svc/%s/%s/%d", local_str(service, "metadata.namespace", ""),
                          local_str(service, "metadata.name", ""), v6 ? 6 : 4);
        const char *ip = sticky(a, v6 ? &a->services6 : &a->services4, key);
        if (!ip)
            return weft_error_set(err, WEFT_LIMIT, key, "the Service subnet has no free address");
        json_array_append_new(ips, json_string(ip));
    }
    return WEFT_OK;
}

enum weft_status local_addresses_service(struct local_addresses *a, json_t *service,
                                         struct weft_error *err) {
    complete_ports(service);
    if (!local_get(service, "spec.type"))
        local_set(service, "spec", "type", json_string("ClusterIP"));
    if (strcmp(local_str(service, "spec.type", ""), "ExternalName") == 0) return WEFT_OK;
    const char *written = local_str(service, "spec.clusterIP", "");
    if (*written && !local_get(service, "spec.clusterIPs"))
        local_set(service, "spec", "clusterIPs", json_pack("[s]", written));
    LOCAL_JSON json_t *families = NULL;
    if (strcmp(written, "None") == 0) {
        if (!local_get(service, "spec.ipFamilies"))
            local_set(service, "spec", "ipFamilies", json_pack("[s]", "IPv4"));
        return WEFT_OK;
    }
    families = families_of(a, service);
    json_t *ips = local_get(service, "spec.clusterIPs");
    if (!json_is_array(ips)) {
        ips = json_array();
        local_set(service, "spec", "clusterIPs", ips);
    }
    enum weft_status st = fill_ips(a, service, families, ips, err);
    if (st != WEFT_OK) return st;
    local_set(service, "spec", "ipFamilies", json_incref(families));
    if (!local_get(service, "spec.ipFamilyPolicy"))
        local_set(service, "spec", "ipFamilyPolicy", json_string("SingleStack"));
    local_set(service, "spec", "clusterIP", json_incref(json_array_get(ips, 0)));
    return WEFT_OK;
}

static bool has_family(const json_t *ips, bool v6) {
    size_t i;
    json_t *ip;
    json_array_foreach(ips, i,
                       ip) if ((strchr(local_str(ip, "ip", ""), ':') != NULL) == v6) return true;
    return false;
}

enum weft_status local_addresses_pod(struct local_addresses *a, json_t *pod,
                                     struct weft_error *err) {
    json_t *ips = local_get(pod, "status.podIPs");
    const char *one = local_str(pod, "status.podIP", NULL);
    if (!json_is_array(ips)) {
        ips = one ? json_pack("[{s:s}]", "ip", one) : json_array();
        local_set(pod, "status", "podIPs", ips);
    }
    for (int v6 = 0; v6 <= (a->v6 ? 1 : 0); v6++) {
        if (has_family(ips, v6 == 1)) continue;
        WEFT_FREE char *key =
            weft_asprintf("pod/%s/%s/%d", local_str(pod, "metadata.namespace", ""),
                          local_str(pod, "metadata.name", ""), v6 ? 6 : 4);
        const char *ip = sticky(a, v6 ? &a->pods6 : &a->pods4, key);
        if (!ip) return weft_error_set(err, WEFT_LIMIT, key, "the pod subnet has no free address");
        json_array_append_new(ips, json_pack("{s:s}", "ip", ip));
    }
    local_set(pod, "status", "podIP", json_string(local_str(json_array_get(ips, 0), "ip", "")));
    char gateway[WEFT_ADDR_STR];
    struct weft_addr gw = local_pool_at(&a->pods4, 1);
    weft_addr_format_ip(&gw, gateway);
    local_set(pod, "status", "hostIP", json_string(gateway));
    return WEFT_OK;
}

void local_addresses_release_pod(struct local_addresses *a, const json_t *pod) {
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(pod, "status.podIPs"), i, ip) {
        struct weft_addr addr;
        struct local_pool *p = pool_for(a, local_str(ip, "ip", NULL), false, &addr);
        if (p) local_pool_release(p, &addr);
    }
    for (int family = 4; family <= 6; family += 2) {
        WEFT_FREE char *key =
            weft_asprintf("pod/%s/%s/%d", local_str(pod, "metadata.namespace", ""),
                          local_str(pod, "metadata.name", ""), family);
        json_object_del(a->given, key);
    }
}
