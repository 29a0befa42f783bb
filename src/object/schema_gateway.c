/* SPDX-License-Identifier: Apache-2.0
 * The kinds of Gateway API as in the CRD bundle of WEFT_GATEWAY_API, both channels. Sizes: GAMMA
 * digest, 2.1 and section 3. */
#include "schema.h"

#define SUBDOMAIN "must be a lower-case DNS name"
#define LABEL     "must be lower-case letters, digits and '-', starting and ending with one of them"
#define TOKEN     "must be a header-like name: letters, digits and !#$%&'*+-.^_`|~"
#define DURATION  "must be a duration such as \"500ms\", \"10s\" or \"1h30m\""
#define HOST      "must be a lower-case DNS name, not an IP address"

static const char *const text_types[] = {"Exact", "RegularExpression", NULL};
static const char *const path_types[] = {"Exact", "PathPrefix", "RegularExpression", NULL};
static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                      "CONNECT", "OPTIONS", "TRACE", "PATCH", NULL};
static const char *const schemes[] = {"http", "https", NULL};
static const char *const path_mods[] = {"ReplaceFullPath", "ReplacePrefixMatch", NULL};
static const char *const filter_types[] = {"RequestHeaderModifier",
                                           "ResponseHeaderModifier",
                                           "RequestMirror",
                                           "RequestRedirect",
                                           "URLRewrite",
                                           "ExtensionRef",
                                           "CORS",
                                           "ExternalAuth",
                                           NULL};

static const char *const grpc_filter_types[] = {"RequestHeaderModifier", "ResponseHeaderModifier",
                                                "RequestMirror", "ExtensionRef", NULL};

#define SCHEMA(name, ...)                                                                          \
    static const struct field name##_fields[] = {__VA_ARGS__, {0}};                                \
    static const struct schema name = {name##_fields, false}

SCHEMA(parent_ref, {"group", F_STR, .max = 253, .ok = weft_fmt_group, .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .min = 1, .max = 63, .ok = weft_fmt_kind, .what = "must be a kind"},
       {"namespace", F_STR, .min = 1, .max = 63, .ok = weft_fmt_label, .what = LABEL},
       {"name", F_STR, .required = true, .min = 1, .max = 253},
       {"sectionName", F_STR, .min = 1, .max = 253, .ok = weft_fmt_subdomain, .what = SUBDOMAIN},
       {"port", F_INT, .min = 1, .max = 65535});

SCHEMA(header_match, {"type", F_STR, .values = text_types},
       {"name", F_STR, .required = true, .min = 1, .max = 256, .ok = weft_fmt_token, .what = TOKEN},
       {"value", F_STR, .required = true, .min = 1, .max = 4096});
SCHEMA(query_match, {"type", F_STR, .values = text_types},
       {"name", F_STR, .required = true, .min = 1, .max = 256, .ok = weft_fmt_token, .what = TOKEN},
       {"value", F_STR, .required = true, .min = 1, .max = 1024});
SCHEMA(path_match, {"type", F_STR, .values = path_types}, {"value", F_STR, .max = 1024});
SCHEMA(match, {"path", F_OBJ, .of = &path_match},
       {"headers", F_OBJS, .max = 16, .of = &header_match},
       {"queryParams", F_OBJS, .max = 16, .of = &query_match},
       {"method", F_STR, .values = methods});

SCHEMA(header,
       {"name", F_STR, .required = true, .min = 1, .max = 256, .ok = weft_fmt_token, .what = TOKEN},
       {"value", F_STR, .required = true, .min = 1, .max = 4096});
SCHEMA(header_filter, {"set", F_OBJS, .max = 16, .of = &header},
       {"add", F_OBJS, .max = 16, .of = &header}, {"remove", F_STRS, .max = 16});
SCHEMA(path_mod, {"type", F_STR, .required = true, .values = path_mods},
       {"replaceFullPath", F_STR, .max = 1024}, {"replacePrefixMatch", F_STR, .max = 1024});
SCHEMA(redirect, {"scheme", F_STR, .values = schemes},
       {"hostname", F_STR, .min = 1, .max = 253, .ok = weft_fmt_precise_host, .what = HOST},
       {"path", F_OBJ, .of = &path_mod}, {"port", F_INT, .min = 1, .max = 65535},
       {"statusCode", F_INT, .min = 301, .max = 308});
SCHEMA(rewrite,
       {"hostname", F_STR, .min = 1, .max = 253, .ok = weft_fmt_precise_host, .what = HOST},
       {"path", F_OBJ, .of = &path_mod});
SCHEMA(object_ref, {"group", F_STR, .max = 253, .ok = weft_fmt_group, .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .min = 1, .max = 63, .ok = weft_fmt_kind, .what = "must be a kind"},
       {"name", F_STR, .required = true, .min = 1, .max = 253},
       {"namespace", F_STR, .min = 1, .max = 63, .ok = weft_fmt_label, .what = LABEL},
       {"port", F_INT, .min = 1, .max = 65535});
SCHEMA(fraction, {"numerator", F_INT, .required = true, .min = 0},
       {"denominator", F_INT, .min = 1});
SCHEMA(mirror, {"backendRef", F_OBJ, .required = true, .of = &object_ref},
       {"percent", F_INT, .min = 0, .max = 100}, {"fraction", F_OBJ, .of = &fraction});
SCHEMA(cors, {"allowOrigins", F_STRS, .max = 64}, {"allowCredentials", F_BOOL},
       {"allowMethods", F_STRS, .max = 9}, {"allowHeaders", F_STRS, .max = 64},
       {"exposeHeaders", F_STRS, .max = 64}, {"maxAge", F_INT, .min = 1});
SCHEMA(extension,
       {"group", F_STR, .required = true, .max = 253, .ok = weft_fmt_group,
        .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_kind,
        .what = "must be a kind"},
       {"name", F_STR, .required = true, .min = 1, .max = 253});
SCHEMA(filter, {"type", F_STR, .required = true, .values = filter_types},
       {"requestHeaderModifier", F_OBJ, .of = &header_filter},
       {"responseHeaderModifier", F_OBJ, .of = &header_filter},
       {"requestMirror", F_OBJ, .of = &mirror}, {"requestRedirect", F_OBJ, .of = &redirect},
       {"urlRewrite", F_OBJ, .of = &rewrite}, {"cors", F_OBJ, .of = &cors},
       {"externalAuth", F_ANY, .experimental = true}, {"extensionRef", F_OBJ, .of = &extension});

#define BACKEND_REF                                                                                \
    {"group", F_STR, .max = 253, .ok = weft_fmt_group, .what = SUBDOMAIN " or \"\""},              \
        {"kind", F_STR, .min = 1, .max = 63, .ok = weft_fmt_kind, .what = "must be a kind"},       \
        {"name", F_STR, .required = true, .min = 1, .max = 253},                                   \
        {"namespace", F_STR, .min = 1, .max = 63, .ok = weft_fmt_label, .what = LABEL},            \
        {"port", F_INT, .min = 1, .max = 65535}, {                                                 \
        "weight", F_INT, .min = 0, .max = 1000000                                                  \
    }
SCHEMA(backend_ref, BACKEND_REF, {"filters", F_OBJS, .max = 16, .of = &filter});
SCHEMA(timeouts, {"request", F_STR, .ok = weft_fmt_duration, .what = DURATION},
       {"backendRequest", F_STR, .ok = weft_fmt_duration, .what = DURATION});
SCHEMA(retry, {"codes", F_INTS}, {"attempts", F_INT, .min = 1, .max = INT32_MAX},
       {"backoff", F_STR, .ok = weft_fmt_duration, .what = DURATION});
SCHEMA(rule, {"name", F_STR, .min = 1, .max = 253, .ok = weft_fmt_subdomain, .what = SUBDOMAIN},
       {"matches", F_OBJS, .max = 64, .of = &match}, {"filters", F_OBJS, .max = 16, .of = &filter},
       {"backendRefs", F_OBJS, .max = 16, .of = &backend_ref}, {"timeouts", F_OBJ, .of = &timeouts},
       {"retry", F_OBJ, .of = &retry}, {"sessionPersistence", F_ANY, .experimental = true});
SCHEMA(spec, {"parentRefs", F_OBJS, .max = 32, .of = &parent_ref},
       {"hostnames", F_STRS, .max = 16, .ok = weft_fmt_hostname, .what = HOST},
       {"useDefaultGateways", F_STR, .experimental = true},
       {"rules", F_OBJS, .min = 1, .max = 16, .of = &rule});

SCHEMA(grpc_method, {"type", F_STR, .values = text_types}, {"service", F_STR, .max = 1024},
       {"method", F_STR, .max = 1024});
SCHEMA(grpc_match, {"method", F_OBJ, .of = &grpc_method},
       {"headers", F_OBJS, .max = 16, .of = &header_match});
SCHEMA(grpc_filter, {"type", F_STR, .required = true, .values = grpc_filter_types},
       {"requestHeaderModifier", F_OBJ, .of = &header_filter},
       {"responseHeaderModifier", F_OBJ, .of = &header_filter},
       {"requestMirror", F_OBJ, .of = &mirror}, {"extensionRef", F_OBJ, .of = &extension});
SCHEMA(grpc_backend_ref, BACKEND_REF, {"filters", F_OBJS, .max = 16, .of = &grpc_filter});
SCHEMA(grpc_rule,
       {"name", F_STR, .min = 1, .max = 253, .ok = weft_fmt_subdomain, .what = SUBDOMAIN},
       {"matches", F_OBJS, .max = 64, .of = &grpc_match},
       {"filters", F_OBJS, .max = 16, .of = &grpc_filter},
       {"backendRefs", F_OBJS, .max = 16, .of = &grpc_backend_ref},
       {"sessionPersistence", F_ANY, .experimental = true});
SCHEMA(grpc_spec, {"parentRefs", F_OBJS, .max = 32, .of = &parent_ref},
       {"hostnames", F_STRS, .max = 16, .ok = weft_fmt_hostname, .what = HOST},
       {"useDefaultGateways", F_STR, .experimental = true},
       {"rules", F_OBJS, .max = 16, .of = &grpc_rule});

/* Of these two only parents and shape are of interest. v1 has one rule, earlier versions up to 16.
 */
SCHEMA(plain_backend_ref, BACKEND_REF);
SCHEMA(plain_rule, {"name", F_STR, .min = 1, .max = 253},
       {"backendRefs", F_OBJS, .required = true, .min = 1, .max = 16, .of = &plain_backend_ref});
SCHEMA(tcp_spec, {"parentRefs", F_OBJS, .max = 32, .of = &parent_ref},
       {"useDefaultGateways", F_STR, .experimental = true},
       {"rules", F_OBJS, .required = true, .min = 1, .max = 16, .of = &plain_rule});
SCHEMA(tls_spec, {"parentRefs", F_OBJS, .max = 32, .of = &parent_ref},
       {"hostnames", F_STRS, .max = 1024, .ok = weft_fmt_hostname, .what = HOST},
       {"useDefaultGateways", F_STR, .experimental = true},
       {"rules", F_OBJS, .required = true, .min = 1, .max = 16, .of = &plain_rule});

SCHEMA(grant_from,
       {"group", F_STR, .required = true, .max = 253, .ok = weft_fmt_group,
        .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_kind,
        .what = "must be a kind"},
       {"namespace", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_label,
        .what = LABEL});
SCHEMA(grant_to,
       {"group", F_STR, .required = true, .max = 253, .ok = weft_fmt_group,
        .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_kind,
        .what = "must be a kind"},
       {"name", F_STR, .min = 1, .max = 253});
SCHEMA(grant_spec, {"from", F_OBJS, .required = true, .min = 1, .max = 16, .of = &grant_from},
       {"to", F_OBJS, .required = true, .min = 1, .max = 16, .of = &grant_to});

SCHEMA(policy_target,
       {"group", F_STR, .required = true, .max = 253, .ok = weft_fmt_group,
        .what = SUBDOMAIN " or \"\""},
       {"kind", F_STR, .required = true, .min = 1, .max = 63, .ok = weft_fmt_kind,
        .what = "must be a kind"},
       {"name", F_STR, .required = true, .min = 1, .max = 253},
       {"sectionName", F_STR, .min = 1, .max = 253, .ok = weft_fmt_subdomain, .what = SUBDOMAIN});
SCHEMA(policy_spec,
       {"targetRefs", F_OBJS, .required = true, .min = 1, .max = 16, .of = &policy_target},
       {"validation", F_ANY, .required = true}, {"options", F_MAP});

#define KIND(name, of_spec)                                                                        \
    static const struct field name##_fields[] = {                                                  \
        {"apiVersion", F_STR}, {"kind", F_STR},                                                    \
        {"metadata", F_ANY},   {"spec", F_OBJ, .required = true, .of = &(of_spec)},                \
        {"status", F_ANY},     {0}};                                                               \
    const struct schema weft_schema_##name = {name##_fields, false}

KIND(http_route, spec);
KIND(grpc_route, grpc_spec);
KIND(tcp_route, tcp_spec);
KIND(tls_route, tls_spec);
KIND(udp_route, tcp_spec);
KIND(reference_grant, grant_spec);
KIND(backend_tls_policy, policy_spec);
