/* SPDX-License-Identifier: Apache-2.0
 * What we rely on in core objects and XMesh. These schemas are open: the rest of a Pod is none of
 * our business. */
#include "schema.h"

#define OPEN(name, ...)                                                                            \
    static const struct field name##_fields[] = {__VA_ARGS__, {0}};                                \
    static const struct schema name = {name##_fields, true}

#define LABEL "must be lower-case letters, digits and '-', starting and ending with one of them"

static const char *const protocols[] = {"TCP", "UDP", "SCTP", NULL};
static const char *const service_types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
                                            NULL};
static const char *const address_types[] = {"IPv4", "IPv6", "FQDN", NULL};

static bool port_name(struct weft_slice s) {
    return s.len == 0 || (s.len <= 63 && weft_fmt_label(s));
}

OPEN(service_port, {"name", F_STR, .ok = port_name, .what = LABEL},
     {"port", F_INT, .required = true, .min = 1, .max = 65535},
     {"protocol", F_STR, .values = protocols}, {"targetPort", F_INT_OR_STR},
     {"appProtocol", F_STR, .ok = weft_fmt_app_protocol,
      .what = "must be a protocol name such as \"http\" or \"kubernetes.io/h2c\""});
OPEN(service_spec, {"type", F_STR, .values = service_types},
     {"clusterIP", F_STR, .ok = weft_fmt_ip_or_none, .what = "must be an IP address or \"None\""},
     {"clusterIPs", F_STRS, .max = 2, .ok = weft_fmt_ip_or_none,
      .what = "must be an IP address or \"None\""},
     {"selector", F_MAP}, {"ports", F_OBJS, .of = &service_port},
     {"externalName", F_STR, .max = 253}, {"trafficDistribution", F_STR});
OPEN(service, {"spec", F_OBJ, .required = true, .of = &service_spec});

OPEN(conditions, {"ready", F_BOOL}, {"serving", F_BOOL}, {"terminating", F_BOOL});
OPEN(target_ref, {"kind", F_STR}, {"namespace", F_STR}, {"name", F_STR});
OPEN(endpoint, {"addresses", F_STRS, .required = true, .min = 1, .max = 100},
     {"conditions", F_OBJ, .of = &conditions}, {"targetRef", F_OBJ, .of = &target_ref},
     {"zone", F_STR}, {"nodeName", F_STR});
OPEN(endpoint_port, {"name", F_STR, .ok = port_name, .what = LABEL},
     {"port", F_INT, .min = 1, .max = 65535}, {"protocol", F_STR, .values = protocols},
     {"appProtocol", F_STR});
OPEN(endpoint_slice, {"addressType", F_STR, .required = true, .values = address_types},
     {"endpoints", F_OBJS, .max = 1000, .of = &endpoint},
     {"ports", F_OBJS, .max = 20000, .of = &endpoint_port});

OPEN(container_port, {"name", F_STR}, {"protocol", F_STR, .values = protocols},
     {"containerPort", F_INT, .required = true, .min = 1, .max = 65535});
OPEN(env, {"name", F_STR, .required = true, .min = 1}, {"value", F_STR});
OPEN(container,
     {"name", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_label, .what = LABEL},
     {"command", F_STRS}, {"args", F_STRS}, {"workingDir", F_STR}, {"env", F_OBJS, .of = &env},
     {"ports", F_OBJS, .of = &container_port});
OPEN(pod_spec, {"containers", F_OBJS, .required = true, .min = 1, .of = &container},
     {"initContainers", F_OBJS, .of = &container}, {"hostNetwork", F_BOOL},
     {"serviceAccountName", F_STR}, {"nodeName", F_STR});
OPEN(pod_ip, {"ip", F_STR, .ok = weft_fmt_ip, .what = "must be an IP address"});
OPEN(pod_status, {"podIP", F_STR, .ok = weft_fmt_ip_or_none, .what = "must be an IP address"},
     {"podIPs", F_OBJS, .of = &pod_ip}, {"phase", F_STR});
OPEN(pod, {"spec", F_OBJ, .required = true, .of = &pod_spec}, {"status", F_OBJ, .of = &pod_status});

OPEN(template_meta, {"labels", F_MAP}, {"annotations", F_MAP});
OPEN(pod_template, {"metadata", F_OBJ, .of = &template_meta},
     {"spec", F_OBJ, .required = true, .of = &pod_spec});
OPEN(label_selector, {"matchLabels", F_MAP});
OPEN(deployment_spec, {"replicas", F_INT, .min = 0, .max = INT32_MAX},
     {"selector", F_OBJ, .required = true, .of = &label_selector},
     {"template", F_OBJ, .required = true, .of = &pod_template});
OPEN(deployment, {"spec", F_OBJ, .required = true, .of = &deployment_spec});
OPEN(plain, {"metadata", F_ANY});
OPEN(mesh_spec, {"controllerName", F_STR, .required = true, .min = 1, .max = 253});
OPEN(mesh, {"spec", F_OBJ, .required = true, .of = &mesh_spec});

static const struct {
    const char *group, *kind;
    const struct schema *schema;
} rows[] = {
    {"gateway.networking.k8s.io", "HTTPRoute", &weft_schema_http_route},
    {"gateway.networking.k8s.io", "GRPCRoute", &weft_schema_grpc_route},
    {"gateway.networking.k8s.io", "TCPRoute", &weft_schema_tcp_route},
    {"gateway.networking.k8s.io", "TLSRoute", &weft_schema_tls_route},
    {"gateway.networking.k8s.io", "UDPRoute", &weft_schema_udp_route},
    {"gateway.networking.k8s.io", "ReferenceGrant", &weft_schema_reference_grant},
    {"gateway.networking.k8s.io", "BackendTLSPolicy", &weft_schema_backend_tls_policy},
    {"gateway.networking.x-k8s.io", "XMesh", &mesh},
    {"", "Service", &service},
    {"discovery.k8s.io", "EndpointSlice", &endpoint_slice},
    {"", "Pod", &pod},
    {"apps", "Deployment", &deployment},
    {"", "Namespace", &plain},
    {"", "ServiceAccount", &plain},
};

const struct schema *weft_schema_of(const struct weft_object *o) {
    for (size_t i = 0; i < WEFT_LEN(rows); i++)
        if (!strcmp(o->group, rows[i].group) && !strcmp(o->kind, rows[i].kind))
            return rows[i].schema;
    return NULL;
}
