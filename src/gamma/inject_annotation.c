/* SPDX-License-Identifier: Apache-2.0
 * The annotations of a pod that shape its sidecar: one row each, with what is a good value and what
 * it becomes. */
#include "inject_internal.h"

#include <stdio.h>
#include <string.h>
#include <weft/base/addr.h>
#include <weft/object/format.h>

enum { MAX_ITEMS = 256, MAX_UID = 2147483647 };

static bool is_one_of(struct weft_slice s, const char *words) {
    struct weft_slice rest = weft_slice_str(words);
    do {
        if (weft_slice_eq(weft_slice_cut(&rest, '|'), s)) return true;
    } while (rest.base);
    return false;
}

/* As strict as weft-init is: what passes here starts. */
static bool each_item(struct weft_slice s, bool (*ok)(struct weft_slice item)) {
    size_t n = 0;
    do {
        if (++n > MAX_ITEMS || !ok(weft_slice_trim(weft_slice_cut(&s, ',')))) return false;
    } while (s.base);
    return true;
}

static bool is_port(struct weft_slice s, uint64_t *ret) {
    return weft_slice_u64(s, 65535, ret) && *ret > 0;
}
static bool is_ports(struct weft_slice item) {
    struct weft_slice first = weft_slice_cut(&item, '-');
    uint64_t a, b;
    return is_port(first, &a) && (!item.base || (is_port(item, &b) && a <= b));
}
static bool is_cidr(struct weft_slice item) {
    struct weft_slice ip = weft_slice_cut(&item, '/');
    struct weft_addr a;
    uint64_t bits;
    if (!weft_addr_parse_ip(ip, &a)) return false;
    if (a.family == 4 && weft_slice_find(ip, ':') < ip.len) return false;
    return !item.base || weft_slice_u64(item, a.family == 4 ? 32 : 128, &bits);
}

static bool ok_include_ports(struct weft_slice s) {
    return is_one_of(s, "*|none") || each_item(s, is_ports);
}
static bool ok_exclude_ports(struct weft_slice s) {
    return s.len == 0 || each_item(s, is_ports);
}
static bool ok_include_cidrs(struct weft_slice s) {
    return is_one_of(s, "*|none") || each_item(s, is_cidr);
}
static bool ok_exclude_cidrs(struct weft_slice s) {
    return s.len == 0 || each_item(s, is_cidr);
}
static bool ok_bool(struct weft_slice s) {
    return is_one_of(s, "true|false");
}

static bool ok_switch(struct weft_slice s) {
    return is_one_of(s, "enabled|disabled");
}
static bool ok_mtls(struct weft_slice s) {
    return is_one_of(s, "strict|permissive|disabled");
}
static bool is_mtls_port(struct weft_slice item) {
    uint64_t n;
    struct weft_slice port = weft_slice_trim(weft_slice_cut(&item, '='));
    return is_port(port, &n) && ok_mtls(weft_slice_trim(item));
}
static bool ok_mtls_ports(struct weft_slice s) {
    return s.len == 0 || each_item(s, is_mtls_port);
}
static bool ok_log_level(struct weft_slice s) {
    return is_one_of(s, "error|warn|info|debug");
}
static bool ok_access_log(struct weft_slice s) {
    return is_one_of(s, "off|errors|all");
}
static bool ok_scheduling(struct weft_slice s) {
    return is_one_of(s, "batch|other");
}
static bool ok_uid(struct weft_slice s) {
    uint64_t n;
    return weft_slice_u64(s, MAX_UID, &n) && n > 0;
}

/* Digits with an optional fraction, then one of the units. */
static bool is_quantity(struct weft_slice s, const char *units) {
    size_t digits = 0, dots = 0, i = 0;
    for (; i < s.len; i++) {
        if (s.base[i] >= '0' && s.base[i] <= '9')
            digits++;
        else if (s.base[i] == '.' && !dots && digits)
            dots++;
        else
            break;
    }
    return digits > 0 && digits < 16 && s.base[i - 1] != '.' &&
           is_one_of(weft_slice(s.base + i, s.len - i), units);
}
static bool ok_cpu(struct weft_slice s) {
    return is_quantity(s, "|m");
}
static bool ok_memory(struct weft_slice s) {
    return is_quantity(s, "|k|M|G|Ki|Mi|Gi");
}
static bool ok_duration(struct weft_slice s) {
    size_t i = 0;
    while (i < s.len && s.base[i] >= '0' && s.base[i] <= '9') i++;
    return i > 0 && i < 7 && is_one_of(weft_slice_from(s, i), "ms|s|m|h");
}
static bool ok_image(struct weft_slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] <= ' ' || s.base[i] > '~') return false;
    return s.len > 0 && s.len < 512;
}
static bool ok_any(struct weft_slice s) {
    return true;
}

enum use { INIT, PROXY, OTHER };
#define PORTS "write ports such as \"80,8000-8100\""
#define CIDRS "write networks such as \"10.0.0.0/8,fd00::/8\""

static const struct row {
    const char *key;
    bool (*ok)(struct weft_slice s);
    const char *write;
    enum use use;
    const char *variable;
} rows[] = {
    {WEFT_INJECT_KEY, ok_switch, "write \"enabled\" or \"disabled\"", OTHER, NULL},
    {WEFT_SIDECAR_KEY, ok_any, "", OTHER, NULL},
    {"weftmesh.io/local-owner", ok_any, "", OTHER, NULL},
    {"weftmesh.io/mtls", ok_mtls, "write \"strict\", \"permissive\" or \"disabled\"", OTHER, NULL},
    {"weftmesh.io/mtls-ports", ok_mtls_ports, "write a list such as \"9090=disabled,80=strict\"",
     OTHER, NULL},
    {"weftmesh.io/include-inbound-ports", ok_include_ports, PORTS ", \"*\" or \"none\"", INIT,
     "WEFT_INIT_INCLUDE_INBOUND_PORTS"},
    {"weftmesh.io/exclude-inbound-ports", ok_exclude_ports, PORTS, INIT,
     "WEFT_INIT_EXCLUDE_INBOUND_PORTS"},
    {"weftmesh.io/include-outbound-ports", ok_include_ports, PORTS ", \"*\" or \"none\"", INIT,
     "WEFT_INIT_INCLUDE_OUTBOUND_PORTS"},
    {"weftmesh.io/exclude-outbound-ports", ok_exclude_ports, PORTS, INIT,
     "WEFT_INIT_EXCLUDE_OUTBOUND_PORTS"},
    {"weftmesh.io/include-outbound-cidrs", ok_include_cidrs, CIDRS ", \"*\" or \"none\"", INIT,
     "WEFT_INIT_INCLUDE_OUTBOUND_CIDRS"},
    {"weftmesh.io/exclude-outbound-cidrs", ok_exclude_cidrs, CIDRS, INIT,
     "WEFT_INIT_EXCLUDE_OUTBOUND_CIDRS"},
    {"weftmesh.io/log-level", ok_log_level, "write \"error\", \"warn\", \"info\" or \"debug\"",
     PROXY, "WEFT_LOG_LEVEL"},
    {"weftmesh.io/access-log", ok_access_log, "write \"off\", \"errors\" or \"all\"", PROXY,
     "WEFT_ACCESS_LOG"},
    {"weftmesh.io/drain-timeout", ok_duration, "write a duration such as \"20s\" or \"2m\"", PROXY,
     "WEFT_DRAIN_TIMEOUT"},
    {"weftmesh.io/allow-encoded-slashes", ok_bool, "write \"true\" or \"false\"", PROXY,
     "WEFT_ALLOW_ENCODED_SLASHES"},
    {"weftmesh.io/scheduling", ok_scheduling, "write \"batch\" or \"other\"", PROXY,
     "WEFT_SCHEDULING"},
    {"weftmesh.io/proxy-cpu", ok_cpu, "write a quantity such as \"100m\" or \"0.5\"", OTHER, NULL},
    {"weftmesh.io/proxy-cpu-limit", ok_cpu, "write a quantity such as \"100m\" or \"2\"", OTHER,
     NULL},
    {"weftmesh.io/proxy-memory", ok_memory, "write a quantity such as \"64Mi\"", OTHER, NULL},
    {"weftmesh.io/proxy-memory-limit", ok_memory, "write a quantity such as \"256Mi\"", OTHER,
     NULL},
    {"weftmesh.io/proxy-image", ok_image, "write the name of an image", OTHER, NULL},
    {"weftmesh.io/init-image", ok_image, "write the name of an image", OTHER, NULL},
    {"weftmesh.io/proxy-uid", ok_uid, "write a user id between 1 and 2147483647", OTHER, NULL},
    {"weftmesh.io/rewrite-probes", ok_switch, "write \"enabled\" or \"disabled\"", OTHER, NULL},
};

static json_t *annotations(const json_t *pod) {
    return weft_js_in(pod, "metadata", "annotations");
}

const char *inject_annotation(const json_t *pod, const char *key) {
    return json_string_value(json_object_get(annotations(pod), key));
}

bool inject_check_annotations(const json_t *pod, char why[512]) {
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        const json_t *v = json_object_get(annotations(pod), rows[i].key);
        struct weft_slice s = weft_js_slice(v);
        if (!v || (json_is_string(v) && rows[i].ok(weft_slice_trim(s)))) continue;
        snprintf(why, 512, "annotation %s: \"" WEFT_SLICE_FMT "\": %s", rows[i].key,
                 WEFT_SLICE_ARG(inject_head(s, 100)), rows[i].write);
        return false;
    }
    return true;
}

void inject_warn_unknown(const json_t *pod, json_t *warnings) {
    const char *key;
    json_t *value;
    json_object_foreach(annotations(pod), key, value) {
        if (strncmp(key, "weftmesh.io/", 12) != 0) continue;
        bool known = false;
        for (size_t i = 0; i < WEFT_LEN(rows) && !known; i++) known = !strcmp(key, rows[i].key);
        if (!known)
            json_array_append_new(
                warnings, json_sprintf("annotation " WEFT_SLICE_FMT
                                       ": Weft knows none of that name; it has no effect",
                                       WEFT_SLICE_ARG(inject_head(weft_slice_str(key), 100))));
    }
}

void weft_inject_variables(const json_t *pod, enum weft_inject_program program,
                           void (*fn)(void *ud, const char *name, const char *value), void *ud) {
    enum use wanted = program == WEFT_INJECT_INIT ? INIT : PROXY;
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        if (rows[i].use != wanted) continue;
        struct weft_slice v = weft_js_str(annotations(pod), rows[i].key);
        WEFT_FREE char *value = weft_slice_dup(weft_slice_trim(v));
        if (*value) fn(ud, rows[i].variable, value);
    }
    struct weft_slice mode = weft_slice_trim(weft_js_str(annotations(pod), "weftmesh.io/mtls"));
    if (wanted == PROXY && weft_slice_is(mode, "strict")) fn(ud, "WEFT_MTLS_MODE", "strict");
}

uint32_t weft_inject_uid(const json_t *pod) {
    const char *v = inject_annotation(pod, "weftmesh.io/proxy-uid");
    uint64_t n;
    return v && weft_slice_u64(weft_slice_trim(weft_slice_str(v)), MAX_UID, &n) && n > 0
               ? (uint32_t)n
               : INJECT_UID;
}
