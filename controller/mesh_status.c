/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/mesh_status.h>

#include <controller/kube_time.h>
#include <controller/status_merge.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/object/json.h>
#include <weft/obs/log.h>

#define COLLECTION "/apis/gateway.networking.x-k8s.io/v1alpha1/xmeshes"
#define SETTLE_US  UINT64_C(100000)
#define RESYNC_US  UINT64_C(60000000) /* the kind may appear later, or a write may have failed */

struct controller_mesh_status {
    struct weft_loop *loop;
    struct controller_mesh_status_options opt;
    bool leads, warned;
    struct weft_kube_call *call;
    struct weft_timer look;
    char *based; /* resourceVersion in the store when we last wrote: ours is on its way here */
};

/* Every feature of the suite that a mesh test asks for; names without "Mesh" in them are left out
 * by the suite itself, with a warning. In order of name. */
static const char *const features[] = {
    "GRPCRoute",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteParentRefPort",
    "HTTPRouteResponseHeaderModification",
    "Mesh",
    "MeshClusterIPMatching",
    "MeshConsumerRoute",
    "MeshHTTPRouteBackendRequestHeaderModification",
    "MeshHTTPRouteNamedRouteRule",
    "MeshHTTPRouteQueryParamMatching",
    "MeshHTTPRouteRedirectPath",
    "MeshHTTPRouteRedirectPort",
    "MeshHTTPRouteRewritePath",
    "MeshHTTPRouteSchemeRedirect",
};

json_t *controller_mesh_features(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < WEFT_LEN(features); i++)
        json_array_append_new(list, json_pack("{s:s}", "name", features[i]));
    return list;
}

/* === what it should say === */

/* No parameters exist, so none are right (REQ-153). */
static json_t *condition(const struct controller_mesh_status *m, const json_t *mesh) {
    bool parameters = json_is_object(weft_js_in(mesh, "spec", "parametersRef"));
    int64_t generation =
        weft_js_int(json_object_get(mesh, "metadata"), "generation", 0, INT64_MAX, 0);
    WEFT_FREE char *message =
        parameters ? weft_strdup("spec.parametersRef: this mesh takes no parameters")
                   : weft_asprintf("weft %s, controller in namespace %s", WEFT_VERSION, m->opt.ns);
    return json_pack("{s:s, s:s, s:s, s:s, s:I}", "type", "Accepted", "status",
                     parameters ? "False" : "True", "reason",
                     parameters ? "InvalidParameters" : "Accepted", "message", message,
                     "observedGeneration", (json_int_t)generation);
}

/* The whole of status as it should be; conditions that others set stay. */
static json_t *wanted_status(const struct controller_mesh_status *m, const json_t *mesh) {
    static const char *const own[] = {"Accepted", NULL};
    char now[CONTROLLER_TIME];
    controller_time(weft_clock_unix_us(), now);
    json_t *ours = json_pack("[o]", condition(m, mesh));
    json_t *conditions =
        controller_conditions_merge(weft_js_in(mesh, "status", "conditions"), ours, own, now);
    json_decref(ours);
    return json_pack("{s:o, s:o}", "conditions", conditions, "supportedFeatures",
                     controller_mesh_features());
}

static bool says(const json_t *mesh, const json_t *status) {
    const char *key;
    json_t *value;
    json_object_foreach(
        (json_t *)(uintptr_t)status, key,
        value) if (!json_equal(weft_js_in(mesh, "status", key), value)) return false;
    return true;
}

/* === writing === */

static struct weft_slice version_of(const json_t *o) {
    return weft_js_slice(weft_js_in(o, "metadata", "resourceVersion"));
}

static void send(struct controller_mesh_status *m, const char *method, const char *path,
                 json_t *body, void (*on_reply)(void *ud, const struct weft_kube_reply *r)) {
    m->call = weft_kube_send(
        m->opt.kube,
        &(struct weft_kube_request){
            .method = method, .path = path, .body = body, .on_reply = on_reply, .ud = m});
    json_decref(body);
}

static void on_made(void *ud, const struct weft_kube_reply *r) {
    struct controller_mesh_status *m = ud;
    m->call = NULL;
    if (r->status == 201)
        weft_info("mesh", "made XMesh %s", m->opt.name);
    else if (r->status != 404 && r->status != 409) /* 404: the kind does not exist here */
        weft_warn("mesh", "XMesh %s not made: %s", m->opt.name, r->error);
}

static void on_written(void *ud, const struct weft_kube_reply *r) {
    struct controller_mesh_status *m = ud;
    m->call = NULL;
    if (r->status == 200) return;
    free(weft_take(&m->based));
    if (r->status != 404 && r->status != 409)
        weft_warn("mesh", "status of XMesh %s not written: %s", m->opt.name, r->error);
}

static void make(struct controller_mesh_status *m) {
    send(m, "POST", COLLECTION,
         json_pack("{s:s, s:s, s:{s:s}, s:{s:s}}", "apiVersion",
                   "gateway.networking.x-k8s.io/v1alpha1", "kind", "XMesh", "metadata", "name",
                   m->opt.name, "spec", "controllerName", CONTROLLER_NAME),
         on_made);
}

static void write_status(struct controller_mesh_status *m, const struct weft_object *o) {
    struct weft_slice version = version_of(o->json);
    json_t *status = wanted_status(m, o->json);
    bool sent = m->based && weft_slice_is(version, m->based);
    if (says(o->json, status) || sent) {
        json_decref(status);
        return;
    }
    free(m->based);
    m->based = weft_slice_dup(version);
    WEFT_FREE char *path =
        weft_asprintf("/apis/%s/%s/xmeshes/%s/status", o->group, o->version, m->opt.name);
    send(m, "PATCH", path,
         json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", m->based, "status", status),
         on_written);
}

static bool is_ours(struct controller_mesh_status *m, const struct weft_object *o) {
    struct weft_slice name = weft_js_slice(weft_js_in(o->json, "spec", "controllerName"));
    bool ours = weft_slice_is(name, CONTROLLER_NAME);
    if (!ours && !m->warned)
        weft_warn("mesh", "XMesh %s belongs to " WEFT_SLICE_FMT ": it is not touched", m->opt.name,
                  WEFT_SLICE_ARG(name));
    m->warned = !ours;
    return ours;
}

static void look(struct controller_mesh_status *m) {
    if (!m->leads) return;
    weft_timer_start(&m->look, RESYNC_US);
    if (m->call) return;
    const struct weft_object *o = weft_store_get(m->opt.store, "XMesh", "", m->opt.name);
    if (!o)
        make(m);
    else if (is_ours(m, o))
        write_status(m, o);
}

static void on_look(void *arg) {
    look(arg);
}

void controller_mesh_status_look(struct controller_mesh_status *m) {
    if (m->leads && weft_store_get(m->opt.store, "XMesh", "", m->opt.name))
        weft_timer_start(&m->look, SETTLE_US);
}

/* A while after the beginning: the store holds what there is by then. */
void controller_mesh_status_lead(struct controller_mesh_status *m, bool leads) {
    m->leads = leads;
    if (leads) {
        weft_timer_start(&m->look, 20 * SETTLE_US);
        return;
    }
    weft_timer_stop(&m->look);
    weft_kube_cancel(weft_take(&m->call));
    free(weft_take(&m->based)); /* it may never have arrived */
}

struct controller_mesh_status *
controller_mesh_status_new(struct weft_loop *l, const struct controller_mesh_status_options *opt) {
    struct controller_mesh_status *m = weft_new0(struct controller_mesh_status);
    m->loop = l;
    m->opt = *opt;
    weft_timer_init(&m->look, l, on_look, m);
    return m;
}

struct controller_mesh_status *controller_mesh_status_free(struct controller_mesh_status *m) {
    if (!m) return NULL;
    controller_mesh_status_lead(m, false);
    free(m->based);
    free(m);
    return NULL;
}
