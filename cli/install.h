/* SPDX-License-Identifier: Apache-2.0
 * What `weft install` prints: the templates of deploy/install with values put in for %{name}. Pure.
 * deploy/generate makes deploy/kustomize and deploy/helm of the same templates and of this table.
 */
#pragma once
#include <weft/base/buf.h>

/* member, %{name} and flag, kind of value, default, what it is (the default follows). An image
 * without a name of its own is REGISTRY/weft-PROGRAM:TAG. */
#define CLI_INSTALL_MAP(X)                                                                         \
    X(namespace, "namespace", "NAME", "weft-system", "Namespace of the controller. Default: ")     \
    X(replicas, "replicas", "N", "2", "Controllers; one leads, all serve. Default: ")              \
    X(trust_domain, "trust-domain", "DOMAIN", "cluster.local",                                     \
      "Trust domain of SPIFFE IDs. Default: ")                                                     \
    X(image_registry, "image-registry", "HOST/PATH", "weftmesh",                                   \
      "Where the images are. Default: ")                                                           \
    X(image_tag, "image-tag", "TAG", WEFT_VERSION, "Tag of the images. Default: ")                 \
    X(image_pull_policy, "image-pull-policy", "POLICY", "IfNotPresent",                            \
      "Of all images. Default: ")                                                                  \
    X(image_controller, "image-controller", "IMAGE", "",                                           \
      "Whole name of the controller's image. Default: of registry and tag")                        \
    X(image_proxy, "image-proxy", "IMAGE", "",                                                     \
      "Whole name of the sidecar's image. Default: of registry and tag")                           \
    X(image_init, "image-init", "IMAGE", "",                                                       \
      "Whole name of the image of weft-init. Default: of registry and tag")                        \
    X(log_level, "log-level", "LEVEL", "info",                                                     \
      "Of the controller: error, warn, info or debug. Default: ")

struct cli_install_values {
#define X(member, flag, metavar, value, help) const char *member;
    CLI_INSTALL_MAP(X)
#undef X
};
void cli_install_defaults(struct cli_install_values *v);

struct cli_embedded {
    const char *name, *text;
};
/* The templates in the order of installation, ended by a NULL name. */
extern const struct cli_embedded cli_install_templates[];

/* INVALID names the value that cannot stand in a manifest. */
enum weft_status cli_install_judge(const struct cli_install_values *v, struct weft_error *err);
/* Appends every template, judged values in place, as one YAML stream. */
void cli_install_render(const struct cli_install_values *v, struct weft_buf *out);
/* Appends kind, name and namespace of all of it, last first, for `kubectl delete -f -`. */
void cli_install_render_removal(const struct cli_install_values *v, struct weft_buf *out);
