/* SPDX-License-Identifier: Apache-2.0
 * The decision: pod label or annotation over namespace label, else none; then whether the pod can
 * take a sidecar, and whether it would work with one. */
#include "inject_internal.h"

#include <stdio.h>
#include <string.h>

/* 1 enabled, 0 disabled, -1 says nothing. */
static int wish(struct weft_slice s) {
    return weft_slice_is(s, "enabled") ? 1 : weft_slice_is(s, "disabled") ? 0 : -1;
}

/* The pod's own: the label is there because the API server can choose by labels alone. Where the
 * two differ, `disabled` wins, as the webhook is not even asked then. */
static int wish_of_pod(const json_t *pod) {
    int label = wish(weft_js_str(weft_js_in(pod, "metadata", "labels"), WEFT_INJECT_KEY));
    int note = wish(weft_slice_trim(weft_slice_str(inject_annotation(pod, WEFT_INJECT_KEY))));
    if (label == 0 || note == 0) return 0;
    return label > note ? label : note;
}

static enum weft_inject_verdict say(char *why, enum weft_inject_verdict v, const char *text) {
    snprintf(why, 512, "%s", text);
    return v;
}

static bool is_wrong_label(const json_t *pod, char why[512]) {
    const json_t *label = json_object_get(weft_js_in(pod, "metadata", "labels"), WEFT_INJECT_KEY);
    if (!label || wish(weft_js_slice(label)) >= 0) return false;
    snprintf(why, 512,
             "label " WEFT_INJECT_KEY ": \"" WEFT_SLICE_FMT "\": write \"enabled\" or \"disabled\"",
             WEFT_SLICE_ARG(inject_head(weft_js_slice(label), 63)));
    return true;
}

/* By annotation and label alone. */
static bool is_asked_for(const json_t *pod, const json_t *ns, const struct weft_inject_options *opt,
                         char *why, json_t *warnings) {
    int of_pod = wish_of_pod(pod);
    struct weft_slice label = weft_js_str(weft_js_in(ns, "metadata", "labels"), WEFT_INJECT_KEY);
    int of_ns = opt->namespace_asks ? 1 : wish(label);
    if (of_pod >= 0)
        return say(why, (enum weft_inject_verdict)of_pod, "the pod's annotation or label says so");
    if (of_ns >= 0)
        return say(why, (enum weft_inject_verdict)of_ns, "the namespace's label says so");
    if (label.len && warnings)
        json_array_append_new(warnings,
                              json_sprintf("namespace label " WEFT_INJECT_KEY ": \"" WEFT_SLICE_FMT
                                           "\" is neither enabled nor disabled; it has no effect",
                                           WEFT_SLICE_ARG(inject_head(label, 63))));
    return say(why, WEFT_INJECT_NO, "neither pod nor namespace asks for it");
}

static bool is_proxy(void *ud, const json_t *container, bool init) {
    return weft_slice_is(weft_js_str(container, "name"), INJECT_PROXY);
}

static enum weft_inject_verdict decide(const json_t *pod, const json_t *ns,
                                       const struct weft_inject_options *opt, char *why,
                                       json_t *warnings) {
    if (inject_annotation(pod, WEFT_SIDECAR_KEY)) {
        if (warnings && !inject_each_container(pod, is_proxy, NULL))
            json_array_append_new(warnings,
                                  json_string("annotation " WEFT_SIDECAR_KEY
                                              " without a container " INJECT_PROXY
                                              ": the mesh will call this pod with "
                                              "mutual TLS; Weft sets it when it injects"));
        char clash[512];
        if (inject_each_container(pod, is_proxy, NULL) && !inject_may_stay(pod, clash))
            return say(why, WEFT_INJECT_REFUSED, clash);
        return say(why, WEFT_INJECT_NO, "the pod has a sidecar already");
    }
    const json_t *own =
        json_object_get(weft_js_in(pod, "metadata", "annotations"), WEFT_INJECT_KEY);
    char fault[512];
    if (own && wish(weft_slice_trim(weft_js_slice(own))) < 0 &&
        !inject_check_annotations(pod, fault))
        return say(why, WEFT_INJECT_REFUSED, fault);
    if (is_wrong_label(pod, fault)) return say(why, WEFT_INJECT_REFUSED, fault);
    if (!is_asked_for(pod, ns, opt, why, warnings)) return WEFT_INJECT_NO;
    if (!inject_can(pod, opt, fault)) {
        if (warnings) json_array_append_new(warnings, json_string(fault));
        return say(why, WEFT_INJECT_NO, fault);
    }
    if (!inject_may(pod, ns, fault)) return say(why, WEFT_INJECT_REFUSED, fault);
    if (warnings) inject_warn(pod, opt, warnings);
    return WEFT_INJECT_YES;
}

enum weft_inject_verdict weft_inject_decide(const json_t *pod, const json_t *ns,
                                            const struct weft_inject_options *opt, char why[512],
                                            json_t *warnings) {
    char unused[512];
    return decide(pod, ns, opt, why ? why : unused, warnings);
}

/* Another webhook came after us and the API server asks again. */
static void complete(const json_t *pod, const struct weft_inject_options *opt,
                     struct weft_inject_result *ret) {
    json_t *p = json_deep_copy(pod);
    if (inject_probes(p, opt)) {
        ret->verdict = WEFT_INJECT_YES;
        ret->pod = json_incref(p);
        (void)say(ret->why, WEFT_INJECT_YES, "the pod has a sidecar; it gets to know more probes");
    }
    json_decref(p);
}

void weft_inject(const json_t *pod, const json_t *ns, const struct weft_inject_options *opt,
                 struct weft_inject_result *ret) {
    *ret = (struct weft_inject_result){.warnings = json_array()};
    ret->verdict = decide(pod, ns, opt, ret->why, ret->warnings);
    if (ret->verdict == WEFT_INJECT_YES)
        ret->pod = inject_build(pod, opt);
    else if (ret->verdict == WEFT_INJECT_NO && inject_annotation(pod, WEFT_SIDECAR_KEY))
        complete(pod, opt, ret);
}

void weft_inject_result_done(struct weft_inject_result *r) {
    json_decref(r->pod);
    json_decref(r->warnings);
    *r = (struct weft_inject_result){0};
}
