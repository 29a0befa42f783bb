/* SPDX-License-Identifier: Apache-2.0
 * Service names for one pod. */
#include <cli/local/hosts.h>
#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>

struct names {
    struct weft_buf *out;
    const char *pod_ns, *ns, *name, *domain;
};

/* All spellings of one name, the full one with its dot too, as /etc/hosts is taken literally. */
static void line(const struct names *n, const char *ip, const char *name) {
    (void)weft_buf_printf(n->out, "%s\t%s.%s.svc.%s %s.%s.svc %s.%s", ip, name, n->ns, n->domain,
                          name, n->ns, name, n->ns);
    if (strcmp(n->pod_ns, n->ns) == 0) (void)weft_buf_printf(n->out, " %s", name);
    (void)weft_buf_printf(n->out, " %s.%s.svc.%s.\n", name, n->ns, n->domain);
}

static void endpoint_lines(const struct names *n, const json_t *e) {
    const char *ip = json_string_value(json_array_get(json_object_get(e, "addresses"), 0));
    const char *host = local_str(e, "hostname", NULL);
    if (!ip || json_is_false(local_get(e, "conditions.ready"))) return;
    line(n, ip, n->name);
    if (!host) return;
    WEFT_FREE char *own = weft_asprintf("%s.%s", host, n->name);
    line(n, ip, own);
}

static void headless(const struct names *n, const json_t *slices) {
    size_t i, k;
    json_t *slice, *e;
    json_array_foreach(slices, i, slice) {
        const char *of = local_label(slice, "metadata.labels", "kubernetes.io/service-name");
        if (!of || strcmp(of, n->name) != 0 ||
            strcmp(local_str(slice, "metadata.namespace", "default"), n->ns) != 0)
            continue;
        json_array_foreach(json_object_get(slice, "endpoints"), k, e) endpoint_lines(n, e);
    }
}

static void service_lines(struct names *n, const json_t *service, const json_t *slices) {
    n->ns = local_str(service, "metadata.namespace", "default");
    n->name = local_str(service, "metadata.name", "");
    if (strcmp(local_str(service, "spec.clusterIP", ""), "None") == 0) {
        headless(n, slices);
        return;
    }
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(service, "spec.clusterIPs"), i, ip) if (json_is_string(ip))
        line(n, json_string_value(ip), n->name);
}

void hosts_render(struct weft_buf *out, const json_t *pod, const json_t *services,
                  const json_t *slices, const char *domain) {
    (void)weft_buf_str(out, "# made by weft local\n127.0.0.1\tlocalhost\n"
                            "::1\tlocalhost ip6-localhost ip6-loopback\n");
    size_t i;
    json_t *ip, *service;
    json_array_foreach(local_get(pod, "status.podIPs"), i, ip)(void) weft_buf_printf(
        out, "%s\t%s\n", local_str(ip, "ip", ""), local_str(pod, "metadata.name", ""));
    struct names n = {
        .out = out, .pod_ns = local_str(pod, "metadata.namespace", "default"), .domain = domain};
    json_array_foreach(services, i, service) service_lines(&n, service, slices);
}

void hosts_resolv(struct weft_buf *out, const char *ns, const char *domain) {
    (void)weft_buf_printf(out,
                          "# made by weft local: names come from /etc/hosts\n"
                          "search %s.svc.%s svc.%s %s\nnameserver 127.0.0.1\n"
                          "options ndots:5 timeout:1 attempts:1\n",
                          ns, domain, domain, domain);
}
