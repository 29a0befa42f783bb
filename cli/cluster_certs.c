/* SPDX-License-Identifier: Apache-2.0
 * The mesh's authority as a cluster shows it: the roots that the webhook's callers are told, the
 * certificate that signs, and whether a webhook call is believed at all. Pure. */
#include <cli/cluster.h>

#include <cli/local/jsonx.h>
#include <string.h>
#include <time.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/net/tls.h>
#include <weft/object/json.h>

#define DAY   INT64_C(86400)
#define CHECK "certificates"

enum { MAX_ROOTS = 64 };

/* Thirty days, or a third of its life where that is shorter. */
static int64_t soon(int64_t life_s) {
    return life_s / 3 < 30 * DAY ? life_s / 3 : 30 * DAY;
}

static const char *date(int64_t at, char ret[32]) {
    struct tm tm;
    time_t t = (time_t)at;
    bool ok = gmtime_r(&t, &tm) && strftime(ret, 32, "%Y-%m-%d %H:%M", &tm);
    return ok ? ret : "?";
}

/* === roots === */

struct roots {
    const char *of; /* the webhook */
    size_t n, valid;
    int64_t last; /* end of the one that lives longest */
    int64_t ends[MAX_ROOTS];
    bool broken;
};

static void judge_root(struct roots *s, int64_t from, int64_t to, int64_t now_s,
                       struct cli_report *r) {
    char end[32];
    s->ends[s->n++] = to;
    if (to > s->last) s->last = to;
    if (to <= now_s) return;
    s->valid++;
    if (from > now_s)
        cli_report_add(r, REPORT_WARNING, CHECK, "a root of webhook %s is not valid yet: from %s",
                       s->of, date(from, end));
    if (to - now_s < soon(to - from))
        cli_report_add(r, REPORT_WARNING, CHECK,
                       "a root of webhook %s ends at %s: replace it (docs/certificates.md)", s->of,
                       date(to, end));
}

static void judge_pem(struct roots *s, struct weft_slice pem, int64_t now_s, struct cli_report *r) {
    static const struct weft_slice end = {"-----END CERTIFICATE-----", 25};
    struct weft_buf id;
    weft_buf_init(&id, 0);
    for (size_t at; s->n < MAX_ROOTS && (at = weft_slice_search(pem, end)) < pem.len;) {
        int64_t from = 0, to = 0;
        weft_buf_clear(&id);
        if (weft_pki_cert_info(weft_slice_head(pem, at + end.len), &id, &from, &to, NULL) !=
            WEFT_OK)
            s->broken = true;
        else
            judge_root(s, from, to, now_s, r);
        pem = weft_slice_from(pem, at + end.len);
    }
    weft_buf_done(&id);
}

static void judge_bundle(const json_t *entry, int64_t now_s, struct roots *s,
                         struct cli_report *r) {
    struct weft_slice encoded = weft_js_str(json_object_get(entry, "clientConfig"), "caBundle");
    struct weft_buf pem;
    weft_buf_init(&pem, 0);
    s->of = local_str(entry, "name", "");
    bool text = weft_base64_decode(encoded, &pem) == WEFT_OK;
    if (text) judge_pem(s, weft_buf_slice(&pem), now_s, r);
    if (encoded.len == 0)
        cli_report_add(r, REPORT_ERROR, CHECK,
                       "webhook %s has no caBundle: no controller has filled it in", s->of);
    else if (!text || s->broken || s->n == 0)
        cli_report_add(r, REPORT_ERROR, CHECK, "the caBundle of webhook %s is no certificate",
                       s->of);
    else if (s->valid == 0)
        cli_report_add(r, REPORT_ERROR, CHECK, "the caBundle of webhook %s has expired", s->of);
    else if (s->valid < s->n)
        cli_report_add(r, REPORT_NOTE, CHECK, "%zu of %zu roots of webhook %s have expired",
                       s->n - s->valid, s->n, s->of);
    weft_buf_done(&pem);
}

/* The controller writes the same bytes into each. */
static bool differ(const json_t *entries) {
    const json_t *first = local_get(json_array_get(entries, 0), "clientConfig.caBundle");
    size_t i;
    const json_t *e;
    json_array_foreach(entries, i, e) {
        const json_t *b = local_get(e, "clientConfig.caBundle");
        if (first && b && !json_equal(first, b)) return true;
    }
    return false;
}

static void judge_webhook(const struct cluster_view *v, int64_t now_s, struct roots *ret,
                          struct cli_report *r) {
    const json_t *entry, *entries = json_object_get(v->webhook, "webhooks");
    size_t i, errors = r->errors;
    char end[32];
    if (!v->webhook) return;
    json_array_foreach(entries, i, entry) {
        struct roots s = {0};
        judge_bundle(entry, now_s, &s, r);
        *ret = s;
    }
    if (!json_array_size(entries)) {
        cli_report_add(r, REPORT_ERROR, "webhook",
                       "the webhook weft-injector is missing: pods get no sidecar");
        return;
    }
    if (differ(entries))
        cli_report_add(r, REPORT_ERROR, CHECK,
                       "the entries of webhook weft-injector have different caBundles: one of them "
                       "is old");
    if (r->errors == errors)
        cli_report_add(r, REPORT_OK, CHECK,
                       "the injection webhook has its certificate: %zu root%s, until %s UTC",
                       ret->n, ret->n == 1 ? "" : "s", date(ret->last, end));
}

/* === what signs === */

static bool is_root(const struct roots *s, int64_t end) {
    for (size_t i = 0; i < s->n; i++)
        if (s->ends[i] == end) return true;
    return false;
}

/* How long an issuing certificate has lived is not told: thirty days are what a person needs. */
static void judge_end(const json_t *signer, const struct roots *roots, int64_t now_s,
                      struct cli_report *r) {
    int64_t end = (int64_t)local_int(signer, "not_after", 0);
    const char *pod = local_str(signer, "pod", "");
    char text[32];
    if (end <= now_s)
        cli_report_add(r, REPORT_ERROR, CHECK,
                       "what controller %s signs with ended at %s UTC: no sidecar gets a "
                       "certificate",
                       pod, date(end, text));
    else if (end - now_s < 30 * DAY && !is_root(roots, end))
        cli_report_add(r, REPORT_WARNING, CHECK,
                       "what controller %s signs with ends at %s UTC (docs/certificates.md)", pod,
                       date(end, text));
}

static void judge_signers(const struct cluster_view *v, const struct roots *roots, int64_t now_s,
                          struct cli_report *r) {
    size_t i, told = 0;
    const json_t *s;
    int64_t first = -1;
    bool same = true;
    char text[32];
    json_array_foreach(v->signers, i, s) {
        const char *error = local_str(s, "error", NULL);
        int64_t end = (int64_t)local_int(s, "not_after", 0);
        if (error) {
            cli_report_add(r, REPORT_WARNING, CHECK,
                           "what controller %s signs with is not told: %s", local_str(s, "pod", ""),
                           error);
            continue;
        }
        judge_end(s, roots, now_s, r);
        same = same && (first < 0 || end == first);
        first = end;
        told++;
    }
    if (!same)
        cli_report_add(r, REPORT_WARNING, CHECK,
                       "controllers sign with different certificates: one has not taken up the "
                       "Secret weft-ca yet, or refuses it (its log says why)");
    else if (told)
        cli_report_add(r, REPORT_OK, CHECK, "%zu controller%s sign until %s UTC%s", told,
                       told == 1 ? "" : "s", date(first, text),
                       is_root(roots, first) ? "" : ", below the root");
}

/* === a webhook call === */

static void judge_probe(const json_t *probe, struct cli_report *r) {
    const char *error = local_str(probe, "error", NULL), *ns = local_str(probe, "namespace", "");
    if (!probe) return;
    if (error && strstr(error, "inject.weftmesh.io"))
        cli_report_add(r, REPORT_ERROR, "webhook", "no pod can be made in %s: %s", ns, error);
    else if (error)
        cli_report_add(r, REPORT_WARNING, "webhook", "a pod in %s (dry run): %s", ns, error);
    else if (!json_is_true(json_object_get(probe, "injected")))
        cli_report_add(r, REPORT_ERROR, "webhook",
                       "a pod in %s that asks for a sidecar gets none (dry run): the API server "
                       "cannot reach the webhook, or does not believe its certificate",
                       ns);
    else
        cli_report_add(r, REPORT_OK, "webhook", "a pod made in %s gets its sidecar (dry run)", ns);
}

void cluster_judge_certs(const struct cluster_view *v, int64_t now_s, struct cli_report *r) {
    struct roots roots = {0};
    judge_webhook(v, now_s, &roots, r);
    if (v->secret && json_is_false(v->secret))
        cli_report_add(
            r, REPORT_ERROR, CHECK,
            "the Secret weft-ca is missing: it is the mesh's authority, and a controller "
            "that starts cannot go on with it");
    judge_signers(v, &roots, now_s, r);
    judge_probe(v->probe, r);
}
