/* SPDX-License-Identifier: Apache-2.0
 * Which kinds of the Gateway API the server has, in which versions, and of which channel
 * (REQ-003, 004). CRDs come and go, so this is asked again and again: every few seconds while
 * something is missing. */
#include "source_internal.h"

#include <weft/base/alloc.h>
#include <weft/object/json.h>

enum {
    MISSING_US = 5 * 1000 * 1000,
    PRESENT_US = 30 * 1000 * 1000,
    SOON_US = 200 * 1000,
    FAILED_US = 500 * 1000,
    FAILED_MAX_US = 30 * 1000 * 1000,
};

#define GATEWAY   "gateway.networking.k8s.io"
#define CRD       "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes." GATEWAY
#define META_ONLY "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

static const struct {
    const char *group, *version;
} docs[DISCOVERY_DOCS] = {
    {GATEWAY, "v1"},
    {GATEWAY, "v1beta1"},
    {GATEWAY, "v1alpha3"},
    {GATEWAY, "v1alpha2"},
    {"gateway.networking.x-k8s.io", "v1alpha1"},
};

static const char *best(const struct source_discovery *d, size_t kind) {
    const char *const *versions = source_rows[kind].versions;
    for (size_t v = 0; v < SOURCE_VERSIONS && versions[v]; v++)
        if (d->served[kind][v]) return versions[v];
    return NULL;
}

static bool still_served(const struct source_discovery *d, size_t kind, const char *version) {
    const char *const *versions = source_rows[kind].versions;
    for (size_t v = 0; version && v < SOURCE_VERSIONS && versions[v]; v++)
        if (d->served[kind][v] && !strcmp(versions[v], version)) return true;
    return false;
}

static void apply(struct weft_kube_source *s) {
    struct source_discovery *d = &s->discovery;
    bool missing = false;
    for (size_t i = 0; i < SOURCE_KINDS && !s->freed; i++) {
        struct source_kind *k = &s->kinds[i];
        if (k->row->builtin) continue;
        const char *want = best(d, i);
        missing = missing || !want;
        if (still_served(d, i, k->version)) continue; /* a better one may wait */
        if (want || k->version || !k->synced) source_kind_served(k, want);
    }
    d->failures = 0;
    d->done = true;
    weft_timer_start(&d->again, missing ? MISSING_US : PRESENT_US);
}

static void finish(struct weft_kube_source *s) {
    struct source_discovery *d = &s->discovery;
    if (--d->waiting > 0) return;
    if (!d->failed) {
        apply(s);
        source_discovered(s);
        return;
    }
    unsigned shift = d->failures < 8 ? d->failures : 8;
    uint64_t us = (uint64_t)FAILED_US << shift;
    d->failures++;
    weft_timer_start(&d->again, us < FAILED_MAX_US ? us : FAILED_MAX_US);
}

static void note(struct source_discovery *d, const char *group, const char *version,
                 struct weft_slice plural) {
    for (size_t i = 0; i < SOURCE_KINDS; i++) {
        const struct source_row *r = &source_rows[i];
        if (strcmp(r->group, group) != 0 || !weft_slice_is(plural, r->plural)) continue;
        for (size_t v = 0; v < SOURCE_VERSIONS && r->versions[v]; v++)
            if (!strcmp(r->versions[v], version)) d->served[i][v] = true;
    }
}

static void on_doc(void *ud, const struct weft_kube_reply *r) {
    struct source_ask *ask = ud;
    struct weft_kube_source *s = ask->source;
    struct source_discovery *d = &s->discovery;
    size_t doc = ask->doc, i;
    json_t *item;
    d->docs[doc] = NULL;
    if (r->status == 200) {
        json_array_foreach(json_object_get(r->body, "resources"), i, item)
            note(d, docs[doc].group, docs[doc].version, weft_js_str(item, "name"));
    } else if (r->status != 404) {
        if (!d->failed) source_failed(s, "discovery", r->error);
        d->failed = true;
    }
    if (!s->freed) finish(s);
}

static void on_crd(void *ud, const struct weft_kube_reply *r) {
    struct weft_kube_source *s = ud;
    struct source_discovery *d = &s->discovery;
    const json_t *annotations = weft_js_in(r->body, "metadata", "annotations");
    d->crd = NULL;
    if (r->status == 200)
        source_set_channel(s, weft_js_str(annotations, GATEWAY "/channel"));
    else if (r->status == 404)
        source_set_channel(s, WEFT_SLICE_EMPTY);
    else if (!d->done) /* told once: everything else goes on */
        source_failed(s, "CustomResourceDefinition", r->error);
    if (!s->freed) finish(s);
}

void source_discovery_start(struct weft_kube_source *s) {
    struct source_discovery *d = &s->discovery;
    memset(d->served, 0, sizeof d->served);
    d->failed = false;
    d->waiting = DISCOVERY_DOCS + 1;
    for (size_t i = 0; i < DISCOVERY_DOCS; i++) {
        WEFT_FREE char *path = weft_asprintf("/apis/%s/%s", docs[i].group, docs[i].version);
        d->asks[i] = (struct source_ask){s, i};
        d->docs[i] = weft_kube_send(
            s->kube, &(struct weft_kube_request){
                         .method = "GET", .path = path, .on_reply = on_doc, .ud = &d->asks[i]});
    }
    d->crd = weft_kube_send(
        s->kube,
        &(struct weft_kube_request){
            .method = "GET", .path = CRD, .accept = META_ONLY, .on_reply = on_crd, .ud = s});
}

void source_discovery_soon(struct weft_kube_source *s) {
    if (s->discovery.waiting == 0) weft_timer_start(&s->discovery.again, SOON_US);
}

void source_discovery_stop(struct weft_kube_source *s) {
    struct source_discovery *d = &s->discovery;
    weft_timer_stop(&d->again);
    for (size_t i = 0; i < DISCOVERY_DOCS; i++) weft_kube_cancel(weft_take(&d->docs[i]));
    weft_kube_cancel(weft_take(&d->crd));
}
