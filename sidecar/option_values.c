/* SPDX-License-Identifier: Apache-2.0
 * Parsers of the option values that are weft-proxy's own: each takes the text of one flag or
 * variable and says what would be allowed. */
#include <sidecar/option_values.h>

#include <stdio.h>

static void *member(void *t, const struct weft_option *row) {
    return (char *)t + row->offset;
}

static bool copy_name(struct weft_slice s, char ret[64]) {
    if (!s.len || s.len > 63) return false;
    memcpy(ret, s.base, s.len);
    ret[s.len] = 0;
    return true;
}

/* Repeatable options take a comma-separated list from the environment. */
static enum weft_status each_item(const char *v, struct proxy_options *o,
                                  bool (*one)(struct proxy_options *, struct weft_slice),
                                  const char *form, struct weft_error *err) {
    struct weft_slice rest = weft_slice_str(v);
    do {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&rest, ','));
        if (!one(o, item))
            return weft_error_set(err, WEFT_INVALID, "", "\"" WEFT_SLICE_FMT "\": use %s",
                                  WEFT_SLICE_ARG(item), form);
    } while (rest.base);
    return WEFT_OK;
}

static bool one_listen(struct proxy_options *o, struct weft_slice item) {
    if (o->n_listens == PROXY_MAX_LISTENS) return false;
    struct proxy_listen *l = &o->listens[o->n_listens];
    uint64_t port;
    struct weft_slice at = weft_slice_cut(&item, '=');
    struct weft_slice ns = weft_slice_cut(&item, '/');
    struct weft_slice service = weft_slice_cut(&item, ':');
    if (!weft_addr_parse(at, &l->at) || !copy_name(ns, l->ns) || !copy_name(service, l->service) ||
        !weft_slice_u64(item, 65535, &port) || !port)
        return false;
    l->port = (uint16_t)port;
    o->n_listens++;
    return true;
}

enum weft_status proxy_option_listen(void *t, const struct weft_option *row, const char *v,
                                     struct weft_error *err) {
    return each_item(v, t, one_listen, "ADDR:PORT=NAMESPACE/SERVICE:PORT, at most 256 of them",
                     err);
}

static bool one_inbound(struct proxy_options *o, struct weft_slice item) {
    if (o->n_inbounds == PROXY_MAX_LISTENS) return false;
    struct proxy_listen_inbound *l = &o->inbounds[o->n_inbounds];
    uint64_t port;
    struct weft_slice at = weft_slice_cut(&item, '=');
    if (!weft_addr_parse(at, &l->at) || !weft_slice_u64(item, 65535, &port) || !port) return false;
    l->app_port = (uint16_t)port;
    o->n_inbounds++;
    return true;
}

enum weft_status proxy_option_listen_inbound(void *t, const struct weft_option *row, const char *v,
                                             struct weft_error *err) {
    return each_item(v, t, one_inbound, "ADDR:PORT=APP_PORT, at most 256 of them", err);
}

static bool one_pod_ip(struct proxy_options *o, struct weft_slice item) {
    return o->n_pod_ips < PROXY_MAX_POD_IPS &&
           weft_addr_parse_ip(item, &o->pod_ips[o->n_pod_ips]) && ++o->n_pod_ips;
}

enum weft_status proxy_option_pod_ips(void *t, const struct weft_option *row, const char *v,
                                      struct weft_error *err) {
    ((struct proxy_options *)t)->n_pod_ips = 0;
    return each_item(v, t, one_pod_ip, "IP addresses, at most 4", err);
}

enum weft_status proxy_option_addr(void *t, const struct weft_option *row, const char *v,
                                   struct weft_error *err) {
    struct weft_addr *a = member(t, row);
    *a = (struct weft_addr){0};
    if (!strcmp(v, "0") || !strcmp(v, "off") || weft_addr_parse(weft_slice_str(v), a))
        return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use ADDR:PORT, or 0 for none", v);
}

enum weft_status proxy_option_ip(void *t, const struct weft_option *row, const char *v,
                                 struct weft_error *err) {
    if (weft_addr_parse_ip(weft_slice_str(v), member(t, row))) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use an IP address", v);
}

static const char *const log_modes[] = {"off", "errors", "all"};

const char *proxy_log_mode_word(enum proxy_log_mode m) {
    return log_modes[m];
}

bool proxy_log_mode_from(const char *word, enum proxy_log_mode *ret) {
    for (size_t i = 0; i < WEFT_LEN(log_modes); i++) {
        if (strcmp(word, log_modes[i])) continue;
        *ret = (enum proxy_log_mode)i;
        return true;
    }
    return false;
}

enum weft_status proxy_option_access_log(void *t, const struct weft_option *row, const char *v,
                                         struct weft_error *err) {
    if (proxy_log_mode_from(v, member(t, row))) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use off, errors or all", v);
}

enum weft_status proxy_option_mtls(void *t, const struct weft_option *row, const char *v,
                                   struct weft_error *err) {
    bool strict = !strcmp(v, "strict");
    if (!strict && strcmp(v, "permissive"))
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use permissive or strict", v);
    *(bool *)member(t, row) = strict;
    return WEFT_OK;
}

enum weft_status proxy_option_scheduling(void *t, const struct weft_option *row, const char *v,
                                         struct weft_error *err) {
    bool other = !strcmp(v, "other");
    if (!other && strcmp(v, "batch"))
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use batch or other", v);
    *(enum proxy_scheduling *)member(t, row) = other ? PROXY_SCHEDULE_OTHER : PROXY_SCHEDULE_BATCH;
    return WEFT_OK;
}

static uint64_t unit_us(struct weft_slice unit) {
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000u}};
    for (size_t i = 0; i < WEFT_LEN(units); i++)
        if (weft_slice_is(unit, units[i].name)) return units[i].us;
    return 0;
}

enum weft_status proxy_option_duration(void *t, const struct weft_option *row, const char *v,
                                       struct weft_error *err) {
    size_t digits = strspn(v, "0123456789");
    uint64_t n, unit = unit_us(weft_slice_str(v + digits));
    if (!unit || !weft_slice_u64(weft_slice(v, digits), 1000000, &n))
        return weft_error_set(err, WEFT_INVALID, "", "\"%s\": use a duration such as 100ms or 5s",
                              v);
    *(uint64_t *)member(t, row) = n * unit;
    return WEFT_OK;
}
