/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/cluster.h>

#include <controller/api_version.h>
#include <controller/ca_secret.h>
#include <controller/controller_internal.h>
#include <controller/lease.h>
#include <controller/mesh_status.h>
#include <controller/status.h>
#include <controller/webhook_config.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/clock.h>
#include <weft/obs/log.h>

struct controller_cluster {
    struct controller *c;
    struct controller_lease *lease;      /* NULL: this replica never leads */
    struct controller_ca_secret *secret; /* NULL: the authority comes from files */
    struct controller_review *review;
    struct controller_events *events;
    struct controller_status *status;
    struct controller_mesh_status *mesh;
    struct controller_webhook_config *webhook; /* NULL: no webhook */
    struct controller_api_version *version;    /* NULL: no webhook, or no need to know */
    char *unrenewed;                           /* said last, or NULL */
    bool webhook_found;                        /* its configuration had the right bundle once */
};

static void on_leader(void *ud, bool leads) {
    struct controller_cluster *k = ud;
    weft_gauge_set(k->c->metrics.leader, leads);
    if (k->secret) controller_ca_secret_lead(k->secret, leads);
    if (k->webhook) controller_webhook_config_lead(k->webhook, leads);
    controller_status_lead(k->status, leads);
    controller_mesh_status_lead(k->mesh, leads);
}

static json_t *wanted(void *ud) {
    struct controller_cluster *k = ud;
    const struct weft_gamma *g =
        controller_publish_gamma(controller_discovery_publish(k->c->discovery));
    return g ? weft_gamma_status(g) : NULL;
}

static void on_secret(void *ud) {
    struct controller_cluster *k = ud;
    controller_ca_changed(k->c);
}

/* On the Secret, as whoever looks for the reason looks there. */
static void on_unrenewed(void *ud, const char *why) {
    struct controller_cluster *k = ud;
    const struct controller_options *o = &k->c->opt;
    weft_gauge_set(k->c->metrics.ca_unrenewed, why != NULL);
    if (!why) {
        free(weft_take(&k->unrenewed));
        return;
    }
    WEFT_FREE char *ns = weft_strdup(o->ns);
    WEFT_FREE char *name = weft_strdup(o->ca_secret);
    struct weft_object about = {.group = (char[]){""},
                                .version = (char[]){"v1"},
                                .kind = (char[]){"Secret"},
                                .ns = ns,
                                .name = name};
    WEFT_FREE char *text = weft_asprintf("the authority has to be looked after: %s", why);
    if (!k->unrenewed || strcmp(k->unrenewed, text) != 0) weft_warn("ca", "%s", text);
    free(k->unrenewed);
    k->unrenewed = weft_strdup(text);
    controller_events_add(k->events, &about, "AuthorityNotRenewed", text);
}

static void on_version(void *ud, bool native) {
    struct controller_cluster *k = ud;
    k->c->opt.classic_sidecars = !native; /* of a webhook that opens later */
    if (k->c->webhook) controller_webhook_classic(k->c->webhook, !native);
}

/* Unique among the replicas, and over restarts of one. */
static char *identity(void) {
    struct weft_rng rng;
    const char *pod = getenv("POD_NAME");
    weft_rng_seed_system(&rng);
    return weft_asprintf("%s_%08x", pod ? pod : "weft-controller",
                         weft_rng_below(&rng, UINT32_MAX));
}

static void open_writers(struct controller_cluster *k, const char *id) {
    struct controller *c = k->c;
    k->events = controller_events_new(c->loop, c->kube, id);
    k->status =
        controller_status_new(c->loop, &(struct controller_status_options){.kube = c->kube,
                                                                           .store = c->store,
                                                                           .events = k->events,
                                                                           .metrics = &c->metrics,
                                                                           .wanted = wanted,
                                                                           .ud = k});
    k->mesh = controller_mesh_status_new(
        c->loop,
        &(struct controller_mesh_status_options){
            .kube = c->kube, .store = c->store, .name = c->opt.mesh_name, .ns = c->opt.ns});
}

struct controller_cluster *controller_cluster_new(struct controller *c) {
    struct controller_cluster *k = weft_new0(struct controller_cluster);
    WEFT_FREE char *id = identity();
    const struct controller_options *o = &c->opt;
    k->c = c;
    k->review = controller_review_new(c->loop, c->kube, o->token_audience, &c->metrics);
    open_writers(k, id);
    if (!o->ca_dir && !o->ca_cert)
        k->secret = controller_ca_secret_new(
            c->loop, c->kube, c->ca,
            &(struct controller_ca_secret_options){
                .ns = o->ns, .name = o->ca_secret, .root_name = o->ca_root_secret},
            &(struct controller_ca_secret_cb){k, on_secret, on_unrenewed});
    if (o->webhook.family)
        k->webhook = controller_webhook_config_new(c->loop, c->kube, c->ca, o->webhook_config);
    if (o->webhook.family && !o->classic_sidecars)
        k->version = controller_api_version_new(c->loop, c->kube, on_version, k);
    if (o->lease[0])
        k->lease = controller_lease_new(
            c->loop, c->kube,
            &(struct controller_lease_options){.ns = o->ns, .name = o->lease, .identity = id},
            &(struct controller_lease_cb){k, on_leader});
    return k;
}

struct controller_review *controller_cluster_review(struct controller_cluster *k) {
    return k->review;
}

void controller_cluster_look(struct controller_cluster *k) {
    controller_status_look(k->status);
    controller_mesh_status_look(k->mesh);
}

void controller_cluster_ca_changed(struct controller_cluster *k) {
    if (k->webhook) controller_webhook_config_renew(k->webhook);
}

/* Asked until it was true once: while a root is replaced nobody shall stop serving. */
const char *controller_cluster_unready(struct controller_cluster *k) {
    if (k->version && !controller_api_version_known(k->version))
        return "the API server has not told its version yet";
    if (!k->webhook || k->webhook_found) return NULL;
    k->webhook_found = controller_webhook_config_current(k->webhook);
    return k->webhook_found ? NULL : "the webhook's configuration has not our bundle yet";
}

void controller_cluster_release(struct controller_cluster *k, void (*done)(void *ud), void *ud) {
    if (k->lease)
        controller_lease_release(k->lease, done, ud);
    else
        weft_loop_defer(k->c->loop, done, ud);
}

struct controller_cluster *controller_cluster_free(struct controller_cluster *k) {
    if (!k) return NULL;
    controller_lease_free(k->lease);
    controller_webhook_config_free(k->webhook);
    controller_api_version_free(k->version);
    controller_ca_secret_free(k->secret);
    controller_mesh_status_free(k->mesh);
    controller_status_free(k->status);
    controller_events_free(k->events);
    controller_review_free(k->review);
    free(k->unrenewed);
    free(k);
    return NULL;
}
