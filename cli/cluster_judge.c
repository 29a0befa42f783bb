/* SPDX-License-Identifier: Apache-2.0
 * What is right and wrong with Weft in a cluster, told from its objects. Pure. */
#include <cli/cluster.h>

#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/kube/version.h>
#include <weft/object/json.h>

enum { SUPPORTED_MINOR = 28 };

/* === the cluster === */

static void judge_version(const json_t *version, struct cli_report *r) {
    uint64_t n = 0;
    const char *git = local_str(version, "gitVersion", "of unknown version");
    if (!weft_kube_minor(version, &n) || n < SUPPORTED_MINOR) {
        cli_report_add(r, REPORT_ERROR, "kubernetes", "Kubernetes %s: 1.%d or newer is needed", git,
                       SUPPORTED_MINOR);
        return;
    }
    cli_report_add(r, REPORT_OK, "kubernetes", "Kubernetes %s", git);
    if (n < WEFT_KUBE_NATIVE_SIDECARS)
        cli_report_add(r, REPORT_WARNING, "kubernetes",
                       "before 1.%d sidecars are ordinary containers: Jobs with a sidecar do not "
                       "complete",
                       WEFT_KUBE_NATIVE_SIDECARS);
}

static const char *controller_image(const json_t *deployment) {
    size_t i;
    const json_t *c;
    json_array_foreach(local_get(deployment, "spec.template.spec.containers"), i, c) {
        if (!strcmp(local_str(c, "name", ""), "controller")) return local_str(c, "image", "?");
    }
    return "unknown image";
}

void cluster_judge_before(const struct cluster_view *v, struct cli_report *r) {
    size_t i;
    const json_t *denied;
    judge_version(v->version, r);
    cluster_judge_types(v->types, r);
    json_array_foreach(v->denied, i, denied)
        cli_report_add(r, REPORT_ERROR, "rights", "you may not %s", json_string_value(denied));
    if (v->denied && !json_array_size(v->denied))
        cli_report_add(r, REPORT_OK, "rights", "you may make all that weft install prints");
    if (json_is_object(v->deployment))
        cli_report_add(r, REPORT_NOTE, "controllers", "installed already: %s; applying updates it",
                       controller_image(v->deployment));
}

/* === Weft in it === */

/* Images are named by their tag; what has none, or a digest, is not compared. */
static void judge_tag(const char *image, struct cli_report *r) {
    const char *slash = strrchr(image, '/'), *tag = strchr(slash ? slash : image, ':');
    if (!tag || strchr(image, '@') || !strcmp(tag + 1, WEFT_VERSION)) return;
    cli_report_add(r, REPORT_NOTE, "controllers",
                   "the controllers' tag is %s, this command is " WEFT_VERSION, tag + 1);
}

/* What each runs, whatever its image is called. False: none was asked. */
static bool judge_running(const json_t *signers, struct cli_report *r) {
    size_t i, told = 0;
    const json_t *s;
    json_array_foreach(signers, i, s) {
        const char *version = local_str(s, "version", NULL), *pod = local_str(s, "pod", "");
        if (local_str(s, "error", NULL) && !version) continue;
        told++;
        if (!version)
            cli_report_add(r, REPORT_WARNING, "controllers",
                           "controller %s does not tell its version: it is older than this command "
                           "(" WEFT_VERSION "), which may ask it for what it does not know",
                           pod);
        else if (strcmp(version, WEFT_VERSION) != 0)
            cli_report_add(r, REPORT_WARNING, "controllers",
                           "controller %s is of version %s, this command is " WEFT_VERSION
                           ": use the command of its version, or upgrade it (weft upgrade)",
                           pod, version);
    }
    return told > 0;
}

static void judge_controllers(const struct cluster_view *v, struct cli_report *r) {
    const char *image = controller_image(v->deployment);
    int64_t want = weft_js_int(json_object_get(v->deployment, "spec"), "replicas", 0, INT32_MAX, 1);
    int64_t ready =
        weft_js_int(json_object_get(v->deployment, "status"), "readyReplicas", 0, INT32_MAX, 0);
    cli_report_add(r,
                   ready == 0     ? REPORT_ERROR
                   : ready < want ? REPORT_WARNING
                                  : REPORT_OK,
                   "controllers", "%d of %d controllers are ready (%s)", (int)ready, (int)want,
                   image);
    if (!judge_running(v->signers, r)) judge_tag(image, r);
    if (!v->lease) return;
    const char *leader = local_str(v->lease, "spec.holderIdentity", "");
    if (*leader) cli_report_add(r, REPORT_OK, "controllers", "%s leads", leader);
    if (ready > 0 && !*leader)
        cli_report_add(r, REPORT_WARNING, "controllers",
                       "no controller leads: route status is not written");
}

void cluster_judge_after(const struct cluster_view *v, int64_t now_s, struct cli_report *r) {
    judge_version(v->version, r);
    cluster_judge_types(v->types, r);
    if (json_is_false(v->deployment)) {
        cli_report_add(r, REPORT_ERROR, "controllers",
                       "Weft is not installed: weft install | kubectl apply -f -");
        return;
    }
    if (v->deployment) judge_controllers(v, r);
    cluster_judge_certs(v, now_s, r);
    if (v->pods) cluster_judge_pods(v, now_s, r);
}
