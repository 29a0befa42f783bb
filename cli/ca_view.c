/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/ca_view.h>

#include <string.h>
#include <time.h>
#include <weft/base/alloc.h>

enum { NAMED = 10 };

static json_t *cert_json(const struct weft_pki_cert *cert) {
    char from[32], to[32], sha[65];
    struct tm tm;
    time_t t = (time_t)cert->not_before;
    strftime(from, sizeof from, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    t = (time_t)cert->not_after;
    strftime(to, sizeof to, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    weft_pki_hex(cert->sha256, sha);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", cert->name, "from", from, "to", to, "sha256",
                     sha);
}

static json_t *certs_json(struct weft_slice pem) {
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    json_t *list = json_array();
    if (!pem.len || weft_pki_read(pem, &certs, &n, NULL) != WEFT_OK) return list;
    for (size_t i = 0; i < n; i++) json_array_append_new(list, cert_json(&certs[i]));
    return list;
}

static json_t *make(const struct cli_ca *ca, const struct cli_ca_adoption *a) {
    struct cli_ca_plan p = cli_ca_next(ca);
    return json_pack(
        "{s:o, s:o, s:s, s:b, s:b, s:s, s:{s:I, s:I, s:I, s:I, s:O}}", "chain",
        certs_json(weft_buf_slice(&ca->chain)), "trusted", certs_json(weft_buf_slice(&ca->bundle)),
        "bundle_sha256", ca->bundle_sha, "renewable", cli_ca_is_renewable(ca), "rotating",
        p.step != CLI_CA_BEGIN && p.step != CLI_CA_NONE, "next_step", p.what, "sidecars", "all",
        (json_int_t)a->n, "trust_bundle", (json_int_t)a->bundle, "certificate_of_root",
        (json_int_t)a->root, "silent", (json_int_t)a->silent, "behind", a->behind);
}

void cli_ca_view_json(FILE *out, const struct cli_ca *ca, const struct cli_ca_adoption *a) {
    json_t *o = make(ca, a);
    (void)json_dumpf(o, out, JSON_INDENT(2) | JSON_SORT_KEYS);
    fprintf(out, "\n");
    json_decref(o);
}

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void print_cert(FILE *out, const char *what, const json_t *cert) {
    fprintf(out, "%-9s %s until %.10s, sha256 %.16s\n", what, text_of(cert, "name"),
            text_of(cert, "to"), text_of(cert, "sha256"));
}

static void print_renewal(FILE *out, const struct cli_ca *ca) {
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    char day[16];
    struct tm tm;
    if (weft_pki_read(weft_buf_slice(&ca->chain), &certs, &n, NULL) != WEFT_OK) return;
    time_t at = (time_t)(certs->not_before + (certs->not_after - certs->not_before) / 3 * 2);
    strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&at, &tm));
    if (cli_ca_is_renewable(ca))
        fprintf(out, "%-9s by the controllers, on %s\n", "renewal", day);
    else
        fprintf(out, "%-9s yours: the controllers have not the root above it\n", "renewal");
}

static void print_sidecars(FILE *out, const struct cli_ca *ca, const struct cli_ca_adoption *a) {
    size_t i, n = json_array_size(a->behind);
    json_t *b;
    fprintf(out, "%-9s sha256 %s\n", "bundle", ca->bundle_sha);
    fprintf(out, "%-9s %zu; %zu trust that bundle, %zu have a certificate of the root that signs\n",
            "sidecars", a->n, a->bundle, a->root);
    json_array_foreach(a->behind, i, b) {
        if (i == NAMED) break;
        fprintf(out, "%-9s %s %s\n", "", text_of(b, "pod"), text_of(b, "why"));
    }
    if (n > NAMED) fprintf(out, "%-9s and %zu more (-o json)\n", "", n - NAMED);
}

static void print_rotation(FILE *out, const struct cli_ca_plan *p) {
    fprintf(out, "%-9s ", "rotation");
    if (p->step == CLI_CA_BEGIN)
        fprintf(out, "none under way\n");
    else if (p->until)
        fprintf(out, "next: %s, as soon as %s\n", p->what, p->until);
    else
        fprintf(out, "%s%s\n", p->step == CLI_CA_NONE ? "" : "next: ", p->what);
}

void cli_ca_view(FILE *out, const struct cli_ca *ca, const struct cli_ca_adoption *a) {
    json_t *o = make(ca, a), *cert;
    struct cli_ca_plan p = cli_ca_next(ca);
    size_t i;
    json_array_foreach(json_object_get(o, "chain"), i, cert)
        print_cert(out, i ? "below" : "signs", cert);
    print_renewal(out, ca);
    json_array_foreach(json_object_get(o, "trusted"), i, cert)
        print_cert(out, i ? "" : "trusted", cert);
    print_sidecars(out, ca, a);
    print_rotation(out, &p);
    json_decref(o);
}
