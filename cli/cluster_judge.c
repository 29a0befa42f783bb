/* SPDX-License-Identifier: Apache-2.0
 * What is right and wrong with Weft in a cluster, told from its objects. Pure. */
#include <cli/cluster.h>

#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/kube/version.h>
#include <weft/net/tls.h>
#include <weft/object/json.h>

enum { SUPPORTED_MINOR = 28, CERT_SOON_S = 3600 };
#define INJECT_KEY  "weftmesh.io/inject"
#define SIDECAR_KEY "weftmesh.io/sidecar"

static const char *text_of(const json_t *obj, const char *key, const char *otherwise) {
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : otherwise;
}

static const char *name_of(const json_t *o) {
    return text_of(json_object_get(o, "metadata"), "name", "");
}

static const char *annotation(const json_t *o, const char *key) {
    return text_of(weft_js_in(o, "metadata", "annotations"), key, NULL);
}

/* === the cluster === */

static size_t judge_version(const json_t *version, struct weft_buf *out) {
    uint64_t n = 0;
    const char *git = text_of(version, "gitVersion", "of unknown version");
    if (!weft_kube_minor(version, &n) || n < SUPPORTED_MINOR) {
        weft_buf_printf(out, "error    Kubernetes %s: 1.%d or newer is needed\n", git,
                        SUPPORTED_MINOR);
        return 1;
    }
    weft_buf_printf(out, "ok       Kubernetes %s\n", git);
    if (n < WEFT_KUBE_NATIVE_SIDECARS)
        weft_buf_printf(
            out,
            "warning  before 1.%d sidecars are ordinary containers: Jobs with a sidecar "
            "do not complete\n",
            WEFT_KUBE_NATIVE_SIDECARS);
    return 0;
}

static const json_t *find(const json_t *items, const char *name) {
    size_t i;
    const json_t *o;
    json_array_foreach(items, i, o) {
        if (!strcmp(name_of(o), name)) return o;
    }
    return NULL;
}

static size_t judge_types(const json_t *types, struct weft_buf *out) {
    static const char *const needed[] = {"httproutes.gateway.networking.k8s.io",
                                         "grpcroutes.gateway.networking.k8s.io"};
    size_t missing = 0;
    for (size_t i = 0; i < WEFT_LEN(needed); i++) {
        const json_t *t = find(types, needed[i]);
        if (t) continue;
        weft_buf_printf(out, "error    the type %s is missing: install the Gateway API\n",
                        needed[i]);
        missing++;
    }
    const json_t *t = find(types, needed[0]);
    if (t)
        weft_buf_printf(out, "ok       Gateway API %s, channel %s\n",
                        annotation(t, "gateway.networking.k8s.io/bundle-version") ?: "unknown",
                        annotation(t, "gateway.networking.k8s.io/channel") ?: "unknown");
    return missing;
}

static const char *image_of(const json_t *containers, const char *name) {
    size_t i;
    const json_t *c;
    json_array_foreach(containers, i, c) {
        if (!strcmp(text_of(c, "name", ""), name)) return text_of(c, "image", NULL);
    }
    return NULL;
}

static const json_t *template_spec(const json_t *deployment) {
    return json_object_get(weft_js_in(deployment, "spec", "template"), "spec");
}

size_t cluster_judge_before(const struct cluster_view *v, struct weft_buf *out) {
    size_t errors = judge_version(v->version, out) + judge_types(v->types, out), i;
    const json_t *denied;
    json_array_foreach(v->denied, i, denied) {
        weft_buf_printf(out, "error    you may not create %s\n", json_string_value(denied));
        errors++;
    }
    if (v->denied && !json_array_size(v->denied))
        weft_buf_str(out, "ok       you may create all that weft install prints\n");
    const json_t *spec = template_spec(v->deployment);
    if (spec)
        weft_buf_printf(out, "note     installed already: %s; applying updates it\n",
                        image_of(json_object_get(spec, "containers"), "controller") ?: "unknown");
    return errors;
}

/* === Weft in it === */

static size_t judge_controllers(const struct cluster_view *v, struct weft_buf *out) {
    if (!v->deployment) {
        weft_buf_str(out, "error    Weft is not installed: weft install | kubectl apply -f -\n");
        return 1;
    }
    const json_t *status = json_object_get(v->deployment, "status");
    int64_t want = weft_js_int(json_object_get(v->deployment, "spec"), "replicas", 0, 1000, 1);
    int64_t ready = weft_js_int(status, "readyReplicas", 0, 1000, 0);
    const char *image =
        image_of(json_object_get(template_spec(v->deployment), "containers"), "controller");
    weft_buf_printf(out, "%s %d of %d controllers are ready (%s)\n",
                    ready == 0     ? "error   "
                    : ready < want ? "warning "
                                   : "ok      ",
                    (int)ready, (int)want, image ? image : "unknown image");
    const char *leader = text_of(json_object_get(v->lease, "spec"), "holderIdentity", "");
    if (*leader) weft_buf_printf(out, "ok       %s leads\n", leader);
    if (ready > 0 && !*leader)
        weft_buf_str(out, "warning  no controller leads: route status is not written\n");
    return ready == 0;
}

static size_t judge_bundle(const json_t *entry, int64_t now_s, struct weft_buf *out) {
    const char *name = text_of(entry, "name", "");
    struct weft_slice encoded = weft_js_str(json_object_get(entry, "clientConfig"), "caBundle");
    struct weft_buf pem, id;
    int64_t from = 0, to = 0;
    weft_buf_init(&pem, 0);
    weft_buf_init(&id, 0);
    size_t errors = 1;
    if (encoded.len == 0)
        weft_buf_printf(
            out, "error    webhook %s has no caBundle: no controller has filled it in\n", name);
    else if (weft_base64_decode(encoded, &pem) != WEFT_OK ||
             weft_pki_cert_info(weft_buf_slice(&pem), &id, &from, &to, NULL) != WEFT_OK)
        weft_buf_printf(out, "error    the caBundle of webhook %s is no certificate\n", name);
    else if (to < now_s)
        weft_buf_printf(out, "error    the caBundle of webhook %s has expired\n", name);
    else
        errors = 0;
    if (!errors && to - now_s < CERT_SOON_S)
        weft_buf_printf(out, "warning  the caBundle of webhook %s expires within the hour\n", name);
    weft_buf_done(&pem);
    weft_buf_done(&id);
    return errors;
}

static size_t judge_webhook(const struct cluster_view *v, int64_t now_s, struct weft_buf *out) {
    size_t errors = 0, i;
    const json_t *entry, *entries = json_object_get(v->webhook, "webhooks");
    json_array_foreach(entries, i, entry) errors += judge_bundle(entry, now_s, out);
    if (!json_array_size(entries)) {
        weft_buf_str(out, "error    the webhook weft-injector is missing: pods get no sidecar\n");
        return 1;
    }
    if (!errors) weft_buf_str(out, "ok       the injection webhook has its certificate\n");
    return errors;
}

/* === pods === */

struct tally {
    size_t meshed, ready, other_version;
    struct weft_buf *out;
};

static bool wants_sidecar(const json_t *pod, const json_t *namespaces) {
    const char *own = annotation(pod, INJECT_KEY),
               *label = text_of(weft_js_in(pod, "metadata", "labels"), INJECT_KEY, NULL);
    if (own || label)
        return (!own || !strcmp(own, "enabled")) && (!label || !strcmp(label, "enabled"));
    const json_t *ns = find(namespaces, text_of(json_object_get(pod, "metadata"), "namespace", ""));
    return !strcmp(text_of(weft_js_in(ns, "metadata", "labels"), INJECT_KEY, ""), "enabled");
}

static bool is_proxy_ready(const json_t *pod) {
    static const char *const lists[] = {"initContainerStatuses", "containerStatuses"};
    size_t i;
    const json_t *c;
    for (size_t k = 0; k < WEFT_LEN(lists); k++) {
        json_array_foreach(weft_js_in(pod, "status", lists[k]), i, c) {
            if (!strcmp(text_of(c, "name", ""), "weft-proxy"))
                return json_is_true(json_object_get(c, "ready"));
        }
    }
    return false;
}

static bool has_ended(const json_t *pod) {
    const char *phase = text_of(json_object_get(pod, "status"), "phase", "");
    return !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
}

static const char *proxy_image(const json_t *pod) {
    const json_t *spec = json_object_get(pod, "spec");
    const char *image = image_of(json_object_get(spec, "initContainers"), "weft-proxy");
    return image ? image : image_of(json_object_get(spec, "containers"), "weft-proxy");
}

static void judge_pod(const json_t *pod, const struct cluster_view *v, const char *current,
                      struct tally *t) {
    const char *ns = text_of(json_object_get(pod, "metadata"), "namespace", "");
    bool meshed = annotation(pod, SIDECAR_KEY) != NULL;
    if (has_ended(pod)) return;
    if (!meshed && wants_sidecar(pod, v->namespaces) &&
        !json_is_true(weft_js_in(pod, "spec", "hostNetwork")))
        weft_buf_printf(t->out,
                        "warning  %s/%s should have a sidecar and has none: make it again\n", ns,
                        name_of(pod));
    if (!meshed) return;
    const char *image = proxy_image(pod);
    t->meshed++;
    t->ready += is_proxy_ready(pod);
    t->other_version += current && image && strcmp(current, image) != 0;
    if (!is_proxy_ready(pod))
        weft_buf_printf(t->out, "warning  the sidecar of %s/%s is not ready\n", ns, name_of(pod));
}

/* The sidecar's image as the controllers are told to inject it. */
static char *current_proxy(const json_t *deployment) {
    static const char flag[] = "--proxy-image=";
    const json_t *containers = json_object_get(template_spec(deployment), "containers");
    const json_t *args = json_object_get(json_array_get(containers, 0), "args"), *arg;
    size_t i;
    json_array_foreach(args, i, arg) {
        const char *s = json_string_value(arg);
        if (s && !strncmp(s, flag, strlen(flag))) return weft_strdup(s + strlen(flag));
    }
    return NULL;
}

static void judge_pods(const struct cluster_view *v, struct weft_buf *out) {
    WEFT_FREE char *current = current_proxy(v->deployment);
    struct tally t = {.out = out};
    size_t i;
    const json_t *pod;
    json_array_foreach(v->pods, i, pod) judge_pod(pod, v, current, &t);
    weft_buf_printf(out, "%s %zu of %zu sidecars are ready\n",
                    t.ready < t.meshed ? "warning " : "ok      ", t.ready, t.meshed);
    if (t.other_version)
        weft_buf_printf(out,
                        "note     %zu run another image than %s; they change when their pods "
                        "are made again\n",
                        t.other_version, current);
}

size_t cluster_judge_after(const struct cluster_view *v, int64_t now_s, struct weft_buf *out) {
    size_t errors = judge_version(v->version, out) + judge_types(v->types, out);
    errors += judge_controllers(v, out);
    if (!v->deployment) return errors;
    errors += judge_webhook(v, now_s, out);
    judge_pods(v, out);
    return errors;
}
