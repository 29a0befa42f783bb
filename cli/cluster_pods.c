/* SPDX-License-Identifier: Apache-2.0
 * Every pod's sidecar, and the pods that should have one: a line for each that is wrong, sums for
 * the others. Pure. */
#include <cli/cluster.h>
#include <cli/sidecar.h>

#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>

enum { DEFAULT_TTL_S = 24 * 3600 }; /* of the controller's --workload-cert-ttl */
#define CHECK "sidecars"

struct sums {
    size_t meshed, ready, redirected, told, connected, certified, other_image, other_version;
    size_t declined, unable;
    int64_t youngest, oldest, first_end; /* configuration's age; the end of a certificate */
};
struct pods {
    const struct cluster_view *v;
    struct cli_report *r;
    struct sidecar_norm norm;
    const char *image; /* that controllers inject now; NULL: not known */
    json_t *labels;    /* namespace → Namespace */
    struct sums sums;
};

/* === what controllers are told === */

static const json_t *controller(const json_t *deployment) {
    const json_t *list = local_get(deployment, "spec.template.spec.containers"), *c;
    size_t i;
    json_array_foreach(list, i, c) {
        if (!strcmp(local_str(c, "name", ""), "controller")) return c;
    }
    return json_array_get(list, 0);
}

static const char *flag(const json_t *deployment, const char *name) {
    const json_t *arg;
    size_t i, n = strlen(name);
    json_array_foreach(json_object_get(controller(deployment), "args"), i, arg) {
        const char *s = json_string_value(arg);
        if (s && !strncmp(s, name, n) && s[n] == '=') return s + n + 1;
    }
    return NULL;
}

/* "90m", "24h", "3600" */
static int64_t seconds(const char *text) {
    static const struct {
        const char *unit;
        uint64_t s;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    struct weft_slice whole = weft_slice_str(text);
    size_t digits = strspn(text, "0123456789");
    uint64_t n;
    for (size_t i = 0; i < WEFT_LEN(units); i++)
        if (!strcmp(text + digits, units[i].unit) &&
            weft_slice_u64(weft_slice_head(whole, digits), 1000000000, &n))
            return (int64_t)(n * units[i].s);
    return DEFAULT_TTL_S;
}

/* === a pod with a sidecar === */

static void count_metrics(struct pods *p, const json_t *m) {
    struct sums *s = &p->sums;
    int64_t age = local_int(m, "config_age_seconds", -1),
            end = local_int(m, "certificate_not_after", -1);
    if (!m || json_object_get(m, "error")) return;
    if (age >= 0 && (s->told == 0 || age < s->youngest)) s->youngest = age;
    if (age > s->oldest) s->oldest = age;
    if (end >= 0 && (s->certified == 0 || end < s->first_end)) s->first_end = end;
    s->told++;
    s->connected += local_int(m, "connected", 0) != 0;
    s->certified += end > p->norm.now_s;
    s->other_version += strcmp(local_str(m, "version", WEFT_VERSION), WEFT_VERSION) != 0;
}

static void tell(struct pods *p, json_t *facts, enum report_level level) {
    struct weft_buf text;
    size_t i;
    const json_t *problem;
    weft_buf_init(&text, 0);
    json_array_foreach(json_object_get(facts, "problems"), i, problem)
        weft_buf_printf(&text, "%s%s", i ? "; " : "", json_string_value(problem));
    weft_buf_char(&text, 0);
    if (level != REPORT_OK)
        cli_report_add(p->r, level, CHECK, "%s: %s", local_str(facts, "pod", ""), text.base);
    weft_buf_done(&text);
    json_array_append_new(p->r->sidecars, facts);
}

static void judge_meshed(struct pods *p, json_t *facts) {
    const json_t *metrics = json_object_get(p->v->metrics, local_str(facts, "pod", ""));
    struct sums *s = &p->sums;
    s->meshed++;
    s->ready += json_is_true(json_object_get(facts, "ready"));
    s->redirected += !strcmp(local_str(facts, "redirection", ""), "done");
    s->other_image += p->image && strcmp(p->image, local_str(facts, "image", "")) != 0;
    count_metrics(p, metrics);
    tell(p, facts, sidecar_judge(facts, metrics, &p->norm));
}

/* === a pod without one === */

static bool is_left_out(const struct pods *p, const char *ns) {
    static const char *const never[] = {"kube-system", "kube-node-lease"};
    for (size_t i = 0; i < WEFT_LEN(never); i++)
        if (!strcmp(ns, never[i])) return true;
    return !strcmp(ns, local_str(p->v->deployment, "metadata.namespace", "weft-system"));
}

static void tell_bare(struct pods *p, const json_t *pod, const char *why, enum report_level level) {
    json_t *facts =
        json_pack("{s:o, s:s, s:s, s:[s]}", "pod",
                  json_sprintf("%s/%s", local_str(pod, "metadata.namespace", ""),
                               local_str(pod, "metadata.name", "")),
                  "placement", "none", "level", cli_report_level(level), "problems", why);
    if (facts) json_array_append_new(p->r->sidecars, facts);
}

/* The webhook's own decision, taken again on what it let pass or never saw. */
static void judge_bare(struct pods *p, const json_t *pod) {
    static const struct weft_inject_options opt = {.init_image = WEFT_INJECT_INIT_IMAGE,
                                                   .proxy_image = WEFT_INJECT_PROXY_IMAGE,
                                                   .controller = WEFT_INJECT_CONTROLLER};
    static const char missing[] = "should have a sidecar and has none: it was made before its "
                                  "namespace asked for one, or while Weft was away; make it again";
    const char *ns = local_str(pod, "metadata.namespace", ""),
               *phase = local_str(pod, "status.phase", "");
    const json_t *space = json_object_get(p->labels, ns);
    const char *label = local_label(space, "metadata.labels", WEFT_INJECT_KEY);
    bool asks = label && !strcmp(label, "enabled");
    char why[512];
    if (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed") || is_left_out(p, ns)) return;
    if (local_get(pod, "metadata.deletionTimestamp")) return;
    enum weft_inject_verdict verdict = weft_inject_decide(pod, space, &opt, why, NULL);
    if (verdict == WEFT_INJECT_NO) {
        if (!asks) return;
        *(strstr(why, "annotation or label says so") ? &p->sums.declined : &p->sums.unable) += 1;
        tell_bare(p, pod, why, REPORT_NOTE);
        return;
    }
    const char *what = verdict == WEFT_INJECT_YES ? missing : why;
    tell_bare(p, pod, what, REPORT_WARNING);
    cli_report_add(
        p->r, REPORT_WARNING, CHECK, "%s/%s %s%s", ns, local_str(pod, "metadata.name", ""),
        verdict == WEFT_INJECT_YES ? "" : "has no sidecar and could not get one: ", what);
}

/* === sums === */

static char *span(int64_t s) {
    if (s < 120) return weft_asprintf("%d s", (int)s);
    if (s < 7200) return weft_asprintf("%d min", (int)(s / 60));
    return weft_asprintf("%d h", (int)(s / 3600));
}

static void conclude_metrics(const struct pods *p) {
    const struct sums *s = &p->sums;
    WEFT_FREE char *youngest = span(s->youngest), *oldest = span(s->oldest),
                   *end = span(s->first_end - p->norm.now_s);
    if (!s->told) return;
    cli_report_add(
        p->r, s->connected < s->told || s->certified < s->told ? REPORT_WARNING : REPORT_OK, CHECK,
        "of %zu sidecars asked %zu reach a controller and %zu have a valid certificate", s->told,
        s->connected, s->certified);
    cli_report_add(p->r, REPORT_OK, CHECK, "their configuration changed last %s to %s ago",
                   youngest, oldest);
    if (s->certified && s->first_end > p->norm.now_s)
        cli_report_add(p->r, REPORT_OK, CHECK, "the first of their certificates ends in %s", end);
}

static void conclude(const struct pods *p) {
    const struct sums *s = &p->sums;
    bool well = s->ready == s->meshed && s->redirected == s->meshed;
    cli_report_add(p->r, well ? REPORT_OK : REPORT_WARNING, CHECK,
                   "%zu of %zu sidecars are ready, %zu of %zu pods are redirected to them",
                   s->ready, s->meshed, s->redirected, s->meshed);
    conclude_metrics(p);
    if (s->other_image)
        cli_report_add(p->r, REPORT_NOTE, CHECK,
                       "%zu run another image than %s; they change when their pods are made again",
                       s->other_image, p->image);
    if (s->other_version)
        cli_report_add(p->r, REPORT_NOTE, CHECK,
                       "%zu are of another version than this command (" WEFT_VERSION ")",
                       s->other_version);
    if (s->declined)
        cli_report_add(p->r, REPORT_NOTE, CHECK,
                       "%zu pods of labelled namespaces declined a sidecar", s->declined);
    if (s->unable)
        cli_report_add(p->r, REPORT_NOTE, CHECK,
                       "%zu pods of labelled namespaces cannot have a sidecar (on the host's "
                       "network, for one)",
                       s->unable);
}

void cluster_judge_pods(const struct cluster_view *v, int64_t now_s, struct cli_report *r) {
    const char *ttl = flag(v->deployment, "--workload-cert-ttl");
    struct pods p = {.v = v,
                     .r = r,
                     .norm = {now_s, ttl ? seconds(ttl) : DEFAULT_TTL_S},
                     .image = flag(v->deployment, "--proxy-image"),
                     .labels = json_object()};
    size_t i;
    json_t *o;
    json_array_foreach(v->namespaces, i, o)
        json_object_set(p.labels, local_str(o, "metadata.name", ""), o);
    json_array_foreach(v->pods, i, o) {
        json_t *facts = sidecar_facts(o);
        if (facts)
            judge_meshed(&p, facts);
        else if (!local_label(o, "metadata.annotations", WEFT_SIDECAR_KEY))
            judge_bare(&p, o);
    }
    conclude(&p);
    json_decref(p.labels);
}
