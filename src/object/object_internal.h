/* SPDX-License-Identifier: Apache-2.0
 * Between the files of this layer: texts to JSON, formats, schemas. */
#pragma once
#include <weft/object/format.h>
#include <weft/object/json.h>
#include <weft/object/object.h>
#include <weft/object/yaml.h>

/* yaml_scalar.c: a plain scalar as Kubernetes reads it (YAML 1.1 booleans, null, numbers). NULL:
 * it has no JSON form (not UTF-8, NUL byte, infinity). */
json_t *weft_yaml_plain(struct weft_slice text);

/* format.c: true when well-formed. */
bool weft_fmt_group(struct weft_slice s);        /* "" or a subdomain */
bool weft_fmt_kind(struct weft_slice s);         /* "Service" */
bool weft_fmt_token(struct weft_slice s);        /* RFC 9110 token */
bool weft_fmt_hostname(struct weft_slice s);     /* subdomain, optional "*." in front, no IP */
bool weft_fmt_precise_host(struct weft_slice s); /* without "*." */
bool weft_fmt_duration(struct weft_slice s);     /* GEP-2257 */
bool weft_fmt_header_value(struct weft_slice s); /* experimental channel's pattern */
bool weft_fmt_ip(struct weft_slice s);           /* either family */
bool weft_fmt_ip_or_none(struct weft_slice s);   /* also "None" and "" */
bool weft_fmt_app_protocol(struct weft_slice s); /* "http", "kubernetes.io/h2c" */
bool weft_fmt_mtls(struct weft_slice s);         /* strict, permissive, disabled */
bool weft_fmt_mtls_ports(struct weft_slice s);   /* "9090=disabled,80=strict" */
bool weft_fmt_port_include(struct weft_slice s); /* "*", "none" or a list */
bool weft_fmt_port_list(struct weft_slice s);    /* "80,8000-8100", may be empty */
bool weft_fmt_attempts(struct weft_slice s);     /* "1" to "100" */
bool weft_fmt_grpc_codes(struct weft_slice s);   /* "unavailable,10"; at least one, not OK */
bool weft_fmt_grpc_service(struct weft_slice s); /* "shop.v1.Cart", also with a dot in front */
bool weft_fmt_grpc_method(struct weft_slice s);  /* "GetCart" */
/* NULL when fine, else what is wrong with an Exact or PathPrefix value (REQ-061). */
const char *weft_fmt_path_fault(struct weft_slice s);
