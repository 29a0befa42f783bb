/* SPDX-License-Identifier: Apache-2.0
 * ClusterIP → endpoint rules for one pod. */
#include <cli/local/dnat.h>
#include <cli/local/jsonx.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/addr.h>

/* What a manifest calls an address, in our spelling: it becomes part of a rule, and one bad rule
 * would keep all others out. */
static bool address_of(const char *written, bool v6, char ret[WEFT_ADDR_STR]) {
    struct weft_addr a;
    if (!written || !weft_addr_parse_ip(weft_slice_str(written), &a)) return false;
    if (a.family != (v6 ? 6 : 4)) return false;
    weft_addr_format_ip(&a, ret);
    return true;
}

/* 0: none, or no port number. */
static unsigned port_of(const json_t *port) {
    json_int_t n = local_int(port, "port", 0);
    return n > 0 && n <= 65535 ? (unsigned)n : 0;
}

/* Slices that belong to this Service and this family. */
static bool belongs(const json_t *slice, const json_t *service, bool v6) {
    const char *of = local_label(slice, "metadata.labels", "kubernetes.io/service-name");
    return of && strcmp(of, local_str(service, "metadata.name", "")) == 0 &&
           strcmp(local_str(slice, "metadata.namespace", "default"),
                  local_str(service, "metadata.namespace", "default")) == 0 &&
           strcmp(local_str(slice, "addressType", "IPv4"), v6 ? "IPv6" : "IPv4") == 0;
}

static unsigned slice_port(const json_t *slice, const json_t *service_port) {
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(slice, "ports"), i, p) {
        if (strcmp(local_str(p, "name", ""), local_str(service_port, "name", "")) == 0 &&
            strcmp(local_str(p, "protocol", "TCP"), local_str(service_port, "protocol", "TCP")) ==
                0)
            return port_of(p);
    }
    return 0;
}

static void add_ready(json_t *out, const json_t *slice, unsigned port, bool v6) {
    size_t i, k;
    json_t *e, *ip;
    json_array_foreach(json_object_get(slice, "endpoints"), i, e) {
        if (json_is_false(local_get(e, "conditions.ready"))) continue;
        json_array_foreach(json_object_get(e, "addresses"), k, ip) {
            char s[WEFT_ADDR_STR];
            if (!address_of(json_string_value(ip), v6, s)) continue;
            json_array_append_new(out, json_sprintf(v6 ? "[%s]:%u" : "%s:%u", s, port));
        }
    }
}

json_t *dnat_targets(const json_t *service, const json_t *service_port, const json_t *slices,
                     bool v6) {
    json_t *out = json_array(), *slice;
    size_t i;
    json_array_foreach(slices, i, slice) {
        unsigned port = belongs(slice, service, v6) ? slice_port(slice, service_port) : 0;
        if (port) add_ready(out, slice, port, v6);
    }
    return out;
}

static const char *protocol_of(const json_t *service_port) {
    const char *p = local_str(service_port, "protocol", "TCP");
    return strcmp(p, "UDP") == 0 ? "udp" : strcmp(p, "SCTP") == 0 ? "sctp" : "tcp";
}

struct render {
    struct weft_buf *out;
    const json_t *slices;
    bool v6, filter; /* filter: the table that refuses ports without endpoints */
};

static void render_port(const struct render *r, const json_t *service, const json_t *port,
                        const char *vip) {
    LOCAL_JSON json_t *targets = dnat_targets(service, port, r->slices, r->v6);
    size_t n = json_array_size(targets);
    unsigned number = port_of(port);
    if (!number) return;
    if (r->filter) {
        if (n == 0)
            (void)weft_buf_printf(r->out,
                                  "-A " LOCAL_DNAT_CHAIN " -d %s/%d -p %s --dport %u -j REJECT\n",
                                  vip, r->v6 ? 128 : 32, protocol_of(port), number);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        (void)weft_buf_printf(r->out, "-A " LOCAL_DNAT_CHAIN " -d %s/%d -p %s --dport %u", vip,
                              r->v6 ? 128 : 32, protocol_of(port), number);
        if (i + 1 < n) /* each of those left is as likely */
            (void)weft_buf_printf(r->out, " -m statistic --mode random --probability %.10f",
                                  1.0 / (double)(n - i));
        (void)weft_buf_printf(r->out, " -j DNAT --to-destination %s\n",
                              json_string_value(json_array_get(targets, i)));
    }
}

static void render_table(const struct render *r, const json_t *services, bool jump) {
    (void)weft_buf_printf(r->out, "*%s\n:" LOCAL_DNAT_CHAIN " - [0:0]\n",
                          r->filter ? "filter" : "nat");
    if (jump) (void)weft_buf_str(r->out, "-A OUTPUT -j " LOCAL_DNAT_CHAIN "\n");
    size_t i, k, m;
    json_t *service, *vip, *port;
    json_array_foreach(services, i, service)
        json_array_foreach(local_get(service, "spec.clusterIPs"), k, vip) {
        char s[WEFT_ADDR_STR];
        if (!address_of(json_string_value(vip), r->v6, s)) continue;
        json_array_foreach(local_get(service, "spec.ports"), m, port)
            render_port(r, service, port, s);
    }
    (void)weft_buf_str(r->out, "COMMIT\n");
}

void dnat_render(struct weft_buf *out, const json_t *services, const json_t *slices, bool v6,
                 bool jump) {
    struct render r = {out, slices, v6, false};
    render_table(&r, services, jump);
    r.filter = true;
    render_table(&r, services, jump);
}
