/* SPDX-License-Identifier: Apache-2.0
 * The Gateway API's types in a cluster: which kinds, of which bundle and channel (REQ-003,
 * REQ-004). Pure. */
#include <cli/cluster.h>

#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>

/* What the conformance suite that Weft is run against comes with (tests/cluster/suite), and the
 * oldest bundle whose types hold all that is read. */
enum { TESTED_MINOR = 7, NEEDED_MINOR = 4 };

#define GROUP   ".gateway.networking.k8s.io"
#define BUNDLE  "gateway.networking.k8s.io/bundle-version"
#define CHANNEL "gateway.networking.k8s.io/channel"

static const struct {
    const char *name;
    enum report_level absent;
    const char *means;
} kinds[] = {
    {"httproutes" GROUP, REPORT_ERROR, "install the Gateway API"},
    {"grpcroutes" GROUP, REPORT_ERROR, "install the Gateway API"},
    {"referencegrants" GROUP, REPORT_WARNING,
     "no backendRef of another namespace is permitted (RefNotPermitted)"},
    {"tlsroutes" GROUP, REPORT_OK, NULL}, /* of their own bundles and channels; Weft only tells */
    {"tcproutes" GROUP, REPORT_OK, NULL}, /* their owners that it does not carry them out */
    {"udproutes" GROUP, REPORT_OK, NULL},
    {"backendtlspolicies" GROUP, REPORT_NOTE, "no policy can ask for TLS to a backend"},
};

static const json_t *find(const json_t *types, const char *name) {
    size_t i;
    const json_t *o;
    json_array_foreach(types, i, o) {
        if (!strcmp(local_str(o, "metadata.name", ""), name)) return o;
    }
    return NULL;
}

static const char *told(const json_t *type, const char *key) {
    const char *s = local_label(type, "metadata.annotations", key);
    return s ? s : "unknown";
}

static void judge_absent(const json_t *types, struct cli_report *r) {
    for (size_t i = 0; i < WEFT_LEN(kinds); i++) {
        if (!kinds[i].means || find(types, kinds[i].name)) continue;
        cli_report_add(r, kinds[i].absent, "gateway-api", "the type %s is missing: %s",
                       kinds[i].name, kinds[i].means);
    }
}

/* Two bundles at once come of an upgrade that ended half way. */
static void judge_mixture(const json_t *types, const json_t *first, struct cli_report *r) {
    for (size_t i = 0; i < WEFT_LEN(kinds); i++) {
        const json_t *t = find(types, kinds[i].name);
        if (!t || (!strcmp(told(t, BUNDLE), told(first, BUNDLE)) &&
                   !strcmp(told(t, CHANNEL), told(first, CHANNEL))))
            continue;
        cli_report_add(r, REPORT_WARNING, "gateway-api",
                       "the type %s is of another bundle: %s, channel %s", kinds[i].name,
                       told(t, BUNDLE), told(t, CHANNEL));
    }
}

/* "v1.7.0", "v1.6.1-rc.1" */
static bool read_version(const char *text, uint64_t *major, uint64_t *minor) {
    struct weft_slice rest = weft_slice_str(text);
    if (!weft_slice_starts(rest, WEFT_SLICE_LIT("v"))) return false;
    rest = weft_slice_from(rest, 1);
    struct weft_slice first = weft_slice_cut(&rest, '.');
    return weft_slice_u64(first, 1000, major) &&
           weft_slice_u64(weft_slice_cut(&rest, '.'), 1000, minor);
}

static void judge_bundle(const json_t *type, struct cli_report *r) {
    uint64_t major, minor;
    const char *version = told(type, BUNDLE);
    if (!read_version(version, &major, &minor)) {
        cli_report_add(r, REPORT_WARNING, "gateway-api",
                       "the types of the Gateway API say nothing of their version");
    } else if (major > 1) {
        cli_report_add(r, REPORT_WARNING, "gateway-api",
                       "Gateway API %s is of a later major version than 1, which Weft was made for",
                       version);
    } else if (major < 1 || minor < NEEDED_MINOR) {
        cli_report_add(r, REPORT_WARNING, "gateway-api",
                       "Gateway API %s is too old: 1.%d or newer is needed for all that Weft reads",
                       version, NEEDED_MINOR);
    } else if (minor < TESTED_MINOR) {
        cli_report_add(r, REPORT_WARNING, "gateway-api",
                       "Gateway API %s is older than 1.%d, which Weft is tested with", version,
                       TESTED_MINOR);
    } else if (minor > TESTED_MINOR) {
        cli_report_add(r, REPORT_NOTE, "gateway-api",
                       "Gateway API %s is newer than 1.%d, which Weft is tested with; fields that "
                       "it does not know have no effect",
                       version, TESTED_MINOR);
    }
}

void cluster_judge_types(const json_t *types, struct cli_report *r) {
    const json_t *first = find(types, kinds[0].name);
    if (!types) return;
    judge_absent(types, r);
    if (!first) return;
    cli_report_add(r, REPORT_OK, "gateway-api", "Gateway API %s, channel %s", told(first, BUNDLE),
                   told(first, CHANNEL));
    judge_bundle(first, r);
    judge_mixture(types, first, r);
}
