/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/options.h>
#include <string.h>
#include <weft/gamma/inject.h>
#include <weft/object/format.h>
#include <weft/obs/log.h>

#define AT(member) offsetof(struct controller_options, member)

static enum weft_status set_dir(void *target, const struct weft_option *row, const char *value,
                                struct weft_error *err) {
    struct controller_options *o = target;
    (void)row;
    if (o->n_dirs == CONTROLLER_MAX_DIRS)
        return weft_error_set(err, WEFT_LIMIT, "", "at most %d folders", CONTROLLER_MAX_DIRS);
    o->dirs[o->n_dirs++] = value;
    return WEFT_OK;
}

static enum weft_status set_addr(void *target, const struct weft_option *row, const char *value,
                                 struct weft_error *err) {
    struct weft_addr *at = (struct weft_addr *)(void *)((char *)target + row->offset);
    if (weft_addr_parse(weft_slice_str(value), at)) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "'%s' is not ADDR:PORT", value);
}

/* "90s", "30m", "24h", "7d". */
static enum weft_status set_duration(void *target, const struct weft_option *row, const char *value,
                                     struct weft_error *err) {
    struct weft_slice s = weft_slice_str(value);
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t n;
    for (size_t i = 0; i < WEFT_LEN(units); i++) {
        if (s.len == 0 || s.base[s.len - 1] != units[i].unit) continue;
        if (!weft_slice_u64(weft_slice_head(s, s.len - 1), 1000000, &n)) break;
        n *= units[i].seconds;
        if (n < row->min || n > row->max) break;
        *(uint64_t *)(void *)((char *)target + row->offset) = n;
        return WEFT_OK;
    }
    return weft_error_set(err, WEFT_INVALID, "",
                          "'%s' is not a duration such as 24h, 30m or 90s between %llus and %llus",
                          value, (unsigned long long)row->min, (unsigned long long)row->max);
}

static enum weft_status set_channel(void *target, const struct weft_option *row, const char *value,
                                    struct weft_error *err) {
    struct controller_options *o = target;
    (void)row;
    bool standard = weft_slice_is(weft_slice_str(value), "standard");
    if (!standard && !weft_slice_is(weft_slice_str(value), "experimental"))
        return weft_error_set(err, WEFT_INVALID, "", "'%s' is neither standard nor experimental",
                              value);
    o->experimental = !standard;
    return WEFT_OK;
}

const struct weft_option controller_option_rows[] = {
    {"filename", "WEFT_CONTROLLER_FILENAME", "DIR",
     "Folder (or file) of manifests to read and watch. Repeatable. Either this, --kube or "
     "--kubeconfig is needed.",
     set_dir, .short_flag = 'f'},
    {"kube", "WEFT_CONTROLLER_KUBE", NULL,
     "Read the cluster that this pod runs in, with its ServiceAccount.", weft_option_bool,
     AT(kube)},
    {"kubeconfig", "WEFT_CONTROLLER_KUBECONFIG", "FILE",
     "Read the cluster that this kubeconfig file names.", weft_option_str, AT(kubeconfig)},
    {"context", "WEFT_CONTROLLER_CONTEXT", "NAME",
     "Context of the kubeconfig file. Default: its current one.", weft_option_str, AT(context)},
    {"listen", "WEFT_CONTROLLER_LISTEN", "ADDR:PORT",
     "Where proxies come for certificates and configuration, over TLS. Default [::]:15012.",
     set_addr, AT(listen)},
    {"write-timeout", "WEFT_CONTROLLER_WRITE_TIMEOUT", "DURATION",
     "A proxy that takes nothing of what it is sent so long is cut off with RST; it comes again "
     "and "
     "goes on where it was. Default 30s.",
     set_duration, AT(write_timeout_s), .min = 1, .max = 3600},
    {"admin", "WEFT_CONTROLLER_ADMIN", "ADDR:PORT",
     "Health, metrics, route status and dumps, plain HTTP. Default [::]:15014.", set_addr,
     AT(admin)},
    {"admin-write-timeout", "WEFT_CONTROLLER_ADMIN_WRITE_TIMEOUT", "DURATION",
     "A caller of --admin that takes nothing of its answer so long is cut off with RST. Default "
     "30s.",
     set_duration, AT(admin_write_timeout_s), .min = 1, .max = 3600},
    {"ca-dir", "WEFT_CONTROLLER_CA_DIR", "DIR",
     "Folder with root.pem and root.key, made at the first start.", weft_option_str, AT(ca_dir)},
    {"ca-cert", "WEFT_CONTROLLER_CA_CERT", "FILE",
     "Given CA: its certificate, with the chain up to the root. Instead of --ca-dir.",
     weft_option_str, AT(ca_cert)},
    {"ca-key", "WEFT_CONTROLLER_CA_KEY", "FILE", "Given CA: its private key.", weft_option_str,
     AT(ca_key)},
    {"ca-bundle", "WEFT_CONTROLLER_CA_BUNDLE", "FILE",
     "More roots that the mesh shall trust, with --ca-cert. (With --ca-dir: bundle.pem in it.) All "
     "these files are read again when they change.",
     weft_option_str, AT(ca_bundle)},
    {"namespace", "POD_NAMESPACE", "NAME",
     "Namespace of the controller, which is part of its own identity. Default weft-system.",
     weft_option_str, AT(ns)},
    {"ca-secret", "WEFT_CONTROLLER_CA_SECRET", "NAME",
     "In a cluster, without --ca-dir and --ca-cert: the Secret of type kubernetes.io/tls in the "
     "controller's namespace that holds what it signs with; made where it is missing, and renewed "
     "from --ca-root-secret. Default weft-ca.",
     weft_option_str, AT(ca_secret)},
    {"ca-root-secret", "WEFT_CONTROLLER_CA_ROOT_SECRET", "NAME",
     "In a cluster: the Secret of type kubernetes.io/tls with the root, made when --ca-secret is "
     "missing, and read when an issuer is made of it. Default weft-ca-root.",
     weft_option_str, AT(ca_root_secret)},
    {"lease", "WEFT_CONTROLLER_LEASE", "NAME",
     "In a cluster: the Lease in the controller's namespace whose holder writes status and makes "
     "what is missing. Empty: this one never does. Default weft-controller.",
     weft_option_str, AT(lease)},
    {"token-audience", "WEFT_CONTROLLER_TOKEN_AUDIENCE", "NAME",
     "In a cluster: the audience that a ServiceAccount token must be for. Default weft.",
     weft_option_str, AT(token_audience)},
    {"mesh-name", "WEFT_CONTROLLER_MESH_NAME", "NAME",
     "In a cluster: the XMesh object that stands for this mesh. Default weft.", weft_option_str,
     AT(mesh_name)},
    {"webhook-config", "WEFT_CONTROLLER_WEBHOOK_CONFIG", "NAME",
     "In a cluster: the MutatingWebhookConfiguration whose caBundle is kept. Default "
     "weft-injector.",
     weft_option_str, AT(webhook_config)},
    {"token-dir", "WEFT_CONTROLLER_TOKEN_DIR", "DIR",
     "Bootstrap tokens, one file per ServiceAccount named NAMESPACE.NAME. Without it only "
     "certificates already issued can be renewed.",
     weft_option_str, AT(token_dir)},
    {"trust-domain", "WEFT_CONTROLLER_TRUST_DOMAIN", "NAME",
     "Trust domain of the SPIFFE IDs. Default cluster.local.", weft_option_str, AT(trust_domain)},
    {"channel", "WEFT_CONTROLLER_CHANNEL", "CHANNEL",
     "Which Gateway API fields exist: standard or experimental. Default experimental; of a cluster "
     "its CRDs say it, whatever stands here.",
     set_channel},
    {"require-reference-grant", "WEFT_CONTROLLER_REQUIRE_REFERENCE_GRANT", NULL,
     "A backend in another namespace than its route's needs a ReferenceGrant there. Default: it "
     "does not, as in a mesh a route gives no access that a client would not have anyway.",
     weft_option_bool, AT(require_reference_grant)},
    {"workload-cert-ttl", "WEFT_CONTROLLER_WORKLOAD_CERT_TTL", "DURATION",
     "Lifetime of workload certificates, and the longest that a proxy may ask for: 10s to 90d. "
     "Default 24h.",
     set_duration, AT(cert_ttl_s), .min = 10, .max = 90 * 86400},
    {"name", "WEFT_CONTROLLER_NAME", "NAME",
     "DNS name in the controller's own certificate. Default weft-controller.", weft_option_str,
     AT(name)},
    {"webhook", "WEFT_CONTROLLER_WEBHOOK", "ADDR:PORT",
     "Serve the admission webhook that injects sidecars, HTTPS, such as [::]:15017; its "
     "certificate carries --name. Default: none.",
     set_addr, AT(webhook)},
    {"init-image", "WEFT_CONTROLLER_INIT_IMAGE", "IMAGE",
     "Image of weft-init in injected pods. Default " WEFT_INJECT_INIT_IMAGE ".", weft_option_str,
     AT(init_image)},
    {"proxy-image", "WEFT_CONTROLLER_PROXY_IMAGE", "IMAGE",
     "Image of weft-proxy in injected pods. Default " WEFT_INJECT_PROXY_IMAGE ".", weft_option_str,
     AT(proxy_image)},
    {"image-pull-policy", "WEFT_CONTROLLER_IMAGE_PULL_POLICY", "POLICY",
     "Of both images. Default: the cluster's.", weft_option_str, AT(pull_policy)},
    {"proxy-controller", "WEFT_CONTROLLER_PROXY_CONTROLLER", "NAME:PORT",
     "Where injected sidecars come to. Default weft-controller.weft-system.svc:15012.",
     weft_option_str, AT(proxy_controller)},
    {"classic-sidecars", "WEFT_CONTROLLER_CLASSIC_SIDECARS", NULL,
     "Inject ordinary containers. Default: where the API server is older than Kubernetes 1.29, "
     "which knows no native sidecars; wanted also while nodes are older than that.",
     weft_option_bool, AT(classic_sidecars)},
    {"log-level", "WEFT_CONTROLLER_LOG_LEVEL", "LEVEL", "error, warn, info or debug. Default info.",
     weft_option_str, AT(log_level)},
};
const size_t controller_option_count = WEFT_LEN(controller_option_rows);

static enum weft_status check(const struct controller_options *o, struct weft_error *err) {
    int sources = (o->n_dirs > 0) + o->kube + (o->kubeconfig != NULL);
    if (sources != 1)
        return weft_error_set(err, WEFT_INVALID, "--filename",
                              "either -f DIR (at least one), --kube or --kubeconfig is needed");
    if (o->context && !o->kubeconfig)
        return weft_error_set(err, WEFT_INVALID, "--context", "goes together with --kubeconfig");
    if ((o->ca_cert == NULL) != (o->ca_key == NULL))
        return weft_error_set(err, WEFT_INVALID, "--ca-cert", "goes together with --ca-key");
    if (o->ca_dir && o->ca_cert)
        return weft_error_set(err, WEFT_INVALID, "--ca-dir", "excludes --ca-cert and --ca-key");
    if (o->n_dirs && !o->ca_dir && !o->ca_cert)
        return weft_error_set(err, WEFT_INVALID, "--ca-dir",
                              "either this, or --ca-cert and --ca-key, is needed with -f");
    if (o->ca_bundle && !o->ca_cert)
        return weft_error_set(err, WEFT_INVALID, "--ca-bundle",
                              "goes together with --ca-cert; --ca-dir has its bundle.pem");
    if (o->lease[0] && !weft_fmt_subdomain(weft_slice_str(o->lease)))
        return weft_error_set(err, WEFT_INVALID, "--lease", "'%s' is not a name", o->lease);
    if (!weft_fmt_subdomain(weft_slice_str(o->ca_secret)))
        return weft_error_set(err, WEFT_INVALID, "--ca-secret", "'%s' is not a name", o->ca_secret);
    if (!weft_fmt_subdomain(weft_slice_str(o->ca_root_secret)) ||
        !strcmp(o->ca_root_secret, o->ca_secret))
        return weft_error_set(err, WEFT_INVALID, "--ca-root-secret",
                              "'%s' is not a name, or that of --ca-secret", o->ca_root_secret);
    if (!weft_fmt_subdomain(weft_slice_str(o->mesh_name)))
        return weft_error_set(err, WEFT_INVALID, "--mesh-name", "'%s' is not a name", o->mesh_name);
    if (!weft_fmt_label(weft_slice_str(o->ns)))
        return weft_error_set(err, WEFT_INVALID, "--namespace", "'%s' is not a namespace", o->ns);
    if (weft_log_set_level(o->log_level) != WEFT_OK)
        return weft_error_set(err, WEFT_INVALID, "--log-level",
                              "'%s' is none of error, warn, info, debug", o->log_level);
    return WEFT_OK;
}

enum weft_status controller_options_parse(struct controller_options *o, int argc, char **argv,
                                          struct weft_option_result *ret, struct weft_error *err) {
    controller_options_default(o);
    enum weft_status st = weft_options_parse(controller_option_rows, controller_option_count, argc,
                                             argv, false, o, ret, err);
    if (st != WEFT_OK || ret->help || ret->version) return st;
    if (ret->rest < argc)
        return weft_error_set(err, WEFT_INVALID, argv[ret->rest], "is not an option");
    return check(o, err);
}
