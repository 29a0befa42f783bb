/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/ca_adoption.h>

#include <cli/crowd.h>
#include <cli/local/jsonx.h>
#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>

/* The label of the series that is 1: `FAMILY{sha256="…"} 1`. */
static struct weft_slice label_of(struct weft_slice text, const char *family) {
    WEFT_FREE char *begin = weft_asprintf("%s{sha256=\"", family);
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (!weft_slice_starts(line, weft_slice_str(begin))) continue;
        struct weft_slice rest = weft_slice_from(line, strlen(begin));
        struct weft_slice sha = weft_slice_cut(&rest, '"');
        if (weft_slice_is(rest, "} 1")) return sha;
    }
    return WEFT_SLICE_EMPTY;
}

static void note(struct cli_ca_adoption *a, const char *pod, const char *why) {
    json_array_append_new(a->behind, json_pack("{s:s, s:s}", "pod", pod, "why", why));
}

void cli_ca_adoption_add(struct cli_ca_adoption *a, const char *pod, struct weft_slice text,
                         const char *why) {
    a->n++;
    struct weft_slice bundle = label_of(text, "weft_trust_bundle_info");
    struct weft_slice root = label_of(text, "weft_certificate_root_info");
    if (!why && (!bundle.len || !root.len))
        why = "does not tell whom it trusts: it has no certificate yet, or is of an older version";
    if (why) {
        a->silent++;
        note(a, pod, why);
        return;
    }
    bool has_bundle = weft_slice_is(bundle, a->ca->bundle_sha);
    bool has_root = weft_slice_is(root, a->ca->top_sha);
    a->bundle += has_bundle;
    a->root += has_root;
    if (!has_bundle) note(a, pod, "trusts other roots than it is to");
    if (!has_root) note(a, pod, "has a certificate of another root than the one that signs");
}

/* Before the new root signs, certificates of the old one are what there is. */
bool cli_ca_has_arrived(const struct cli_ca_adoption *a, enum cli_ca_step next) {
    if (next == CLI_CA_SIGN) return a->bundle == a->n;
    return next != CLI_CA_FORGET || (a->bundle == a->n && a->root == a->n);
}

static void on_answer(void *ud, const char *pod, struct weft_slice text, const char *why) {
    cli_ca_adoption_add(ud, pod, text, why);
}

static bool is_asked(const json_t *pod) {
    struct weft_slice phase = weft_js_slice(weft_js_in(pod, "status", "phase"));
    return weft_js_str(weft_js_in(pod, "metadata", "annotations"), WEFT_SIDECAR_KEY).len &&
           !weft_slice_is(phase, "Succeeded") && !weft_slice_is(phase, "Failed");
}

bool cli_ca_adoption_fetch(struct cli_ca_adoption *a, struct cli_ask *ask) {
    struct cli_crowd crowd = {.port = CLI_METRICS_PORT, .on_answer = on_answer, .ud = a};
    json_t *items = cli_ask_list(ask, "/api/v1/pods", NULL, NULL), *o;
    bool read = !ask->error;
    size_t i;
    if (!read) fprintf(stderr, "weft ca: the pods cannot be read: %s\n", ask->error);
    json_array_foreach(items, i, o) {
        if (read && is_asked(o))
            cli_crowd_add(&crowd, local_str(o, "metadata.namespace", ""),
                          local_str(o, "metadata.name", ""));
    }
    cli_crowd_ask(ask, &crowd);
    json_decref(items);
    return read;
}

/* === the webhook === */

static bool has_bundle(const json_t *entry, const struct cli_ca *ca) {
    struct weft_buf bundle;
    weft_buf_init(&bundle, 1024 * 1024);
    (void)weft_base64_decode(weft_js_str(json_object_get(entry, "clientConfig"), "caBundle"),
                             &bundle);
    bool same = weft_slice_eq(weft_buf_slice(&bundle), weft_buf_slice(&ca->bundle));
    weft_buf_done(&bundle);
    return same;
}

/* The API server believes each entry by its own. */
char *cli_ca_hook_behind(struct cli_ask *ask, const char *name, const struct cli_ca *ca) {
    static const char api[] = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    WEFT_FREE char *path = weft_asprintf("%s/%s", api, name);
    json_t *o = cli_ask_get(ask, path), *entry;
    bool behind = false;
    size_t i;
    json_array_foreach(json_object_get(o, "webhooks"), i, entry) behind |= !has_bundle(entry, ca);
    json_decref(o);
    if (ask->error)
        return weft_asprintf("the webhook's configuration %s cannot be read: %s", name, ask->error);
    return behind ? weft_asprintf("the webhook's configuration %s has another bundle yet", name)
                  : NULL;
}
