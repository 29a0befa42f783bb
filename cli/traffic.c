/* SPDX-License-Identifier: Apache-2.0
 * Prometheus text of many sidecars to sums by route and Service. */
#include <cli/traffic.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weft/base/alloc.h>

enum { MAX_BUCKETS = 64, MAX_LABEL = 600 };

struct bucket {
    double le;
    uint64_t cumulative;
};
struct row {
    char *kind, *route, *service; /* "HTTPRoute", "ns/name", "ns/name:port" */
    uint64_t requests, failed;
    struct bucket buckets[MAX_BUCKETS]; /* by le; the last is +Inf */
    size_t n;
};
struct cli_traffic {
    struct row *rows;
    size_t n;
};

struct cli_traffic *cli_traffic_new(void) {
    return weft_new0(struct cli_traffic);
}

struct cli_traffic *cli_traffic_free(struct cli_traffic *t) {
    if (!t) return NULL;
    for (size_t i = 0; i < t->n; i++) {
        free(t->rows[i].kind);
        free(t->rows[i].route);
        free(t->rows[i].service);
    }
    free(t->rows);
    free(t);
    return NULL;
}

/* === one line === */

struct labels {
    char direction[16], kind[16], route[MAX_LABEL], service[MAX_LABEL], status[8], grpc[8], le[32];
};

static void keep(struct labels *l, struct weft_slice name, const char *value) {
    const struct {
        const char *name;
        char *to;
        size_t size;
    } wanted[] = {{"direction", l->direction, sizeof l->direction},
                  {"route_kind", l->kind, sizeof l->kind},
                  {"route", l->route, sizeof l->route},
                  {"service", l->service, sizeof l->service},
                  {"status", l->status, sizeof l->status},
                  {"grpc_status", l->grpc, sizeof l->grpc},
                  {"le", l->le, sizeof l->le}};
    for (size_t i = 0; i < WEFT_LEN(wanted); i++)
        if (weft_slice_is(name, wanted[i].name))
            snprintf(wanted[i].to, wanted[i].size, "%s", value);
}

/* A quoted value with its escapes; what is longer than `size` is cut. Moves past it. */
static bool read_value(struct weft_slice *rest, char *to, size_t size) {
    size_t n = 0, at = 1;
    if (!rest->len || rest->base[0] != '"') return false;
    for (; at < rest->len && rest->base[at] != '"'; at++) {
        char c = rest->base[at];
        if (c == '\\' && at + 1 < rest->len) c = rest->base[++at] == 'n' ? '\n' : rest->base[at];
        if (n + 1 < size) to[n++] = c;
    }
    to[n] = 0;
    if (at >= rest->len) return false;
    *rest = weft_slice_from(*rest, at + 1);
    return true;
}

/* `rest` stands behind the "{"; afterwards behind the "}". */
static bool read_labels(struct weft_slice *rest, struct labels *ret) {
    char value[MAX_LABEL];
    memset(ret, 0, sizeof *ret);
    while (rest->len && rest->base[0] != '}') {
        struct weft_slice name = weft_slice_cut(rest, '=');
        if (!read_value(rest, value, sizeof value)) return false;
        keep(ret, name, value);
        if (rest->len && rest->base[0] == ',') *rest = weft_slice_from(*rest, 1);
    }
    if (!rest->len) return false;
    *rest = weft_slice_from(*rest, 1);
    return true;
}

static bool read_count(struct weft_slice rest, uint64_t *ret) {
    return weft_slice_u64(weft_slice_trim(rest), UINT64_MAX, ret);
}

/* As the access log's mode `errors`: what the caller cannot help. */
static bool is_failure(const struct labels *l) {
    static const char *const grpc[] = {"2", "4", "12", "13", "14", "15", "other"};
    uint64_t status = 200; /* "other": of which many there are */
    (void)weft_slice_u64(weft_slice_str(l->status), 999, &status);
    for (size_t i = 0; i < WEFT_LEN(grpc); i++)
        if (!strcmp(l->grpc, grpc[i])) return true;
    return status == 0 || status >= 500;
}

/* === rows === */

static struct row *row_of(struct cli_traffic *t, const struct labels *l) {
    for (size_t i = t->n; i-- > 0;) /* series of one route stand together */
        if (!strcmp(t->rows[i].route, l->route) && !strcmp(t->rows[i].service, l->service) &&
            !strcmp(t->rows[i].kind, l->kind))
            return &t->rows[i];
    t->rows = weft_realloc(t->rows, (t->n + 1) * sizeof *t->rows);
    t->rows[t->n] =
        (struct row){weft_strdup(l->kind), weft_strdup(l->route), weft_strdup(l->service)};
    return &t->rows[t->n++];
}

static void add_bucket(struct row *r, double le, uint64_t n) {
    size_t i = 0;
    while (i < r->n && r->buckets[i].le < le) i++;
    if (i == r->n || r->buckets[i].le > le) {
        if (r->n == MAX_BUCKETS) return;
        memmove(&r->buckets[i + 1], &r->buckets[i], (r->n - i) * sizeof r->buckets[0]);
        r->buckets[i] = (struct bucket){.le = le};
        r->n++;
    }
    r->buckets[i].cumulative += n;
}

static void add_line(struct cli_traffic *t, bool bucket, struct weft_slice rest) {
    struct labels l;
    uint64_t n;
    if (!read_labels(&rest, &l) || strcmp(l.direction, "outbound") != 0 || !*l.route) return;
    if (!read_count(rest, &n)) return;
    struct row *r = row_of(t, &l);
    if (bucket) {
        add_bucket(r, strtod(l.le, NULL), n); /* "+Inf" too */
        return;
    }
    r->requests += n;
    if (is_failure(&l)) r->failed += n;
}

enum weft_status cli_traffic_add(struct cli_traffic *t, struct weft_slice text) {
    static const char requests[] = "weft_requests_total{",
                      duration[] = "weft_request_duration_seconds_bucket{";
    if (weft_slice_search(text, WEFT_SLICE_LIT("weft_build_info{")) == text.len)
        return WEFT_INVALID;
    while (text.len) {
        struct weft_slice line = weft_slice_cut(&text, '\n');
        if (weft_slice_starts(line, weft_slice_str(requests)))
            add_line(t, false, weft_slice_from(line, sizeof requests - 1));
        else if (weft_slice_starts(line, weft_slice_str(duration)))
            add_line(t, true, weft_slice_from(line, sizeof duration - 1));
    }
    return WEFT_OK;
}

/* === sums === */

static bool is_at(const struct row *r, const char *kind, const char *route, const char *service,
                  uint16_t port) {
    size_t n = strlen(service);
    if (strcmp(r->kind, kind) != 0 || strcmp(r->route, route) != 0) return false;
    if (strncmp(r->service, service, n) != 0 || r->service[n] != ':') return false;
    uint64_t at = 0;
    return !port ||
           (weft_slice_u64(weft_slice_str(r->service + n + 1), UINT16_MAX, &at) && at == port);
}

static double quantile(const struct row *r, double q) {
    uint64_t all = r->n ? r->buckets[r->n - 1].cumulative : 0;
    double rank = q * (double)all, from = 0;
    uint64_t below = 0;
    if (!all) return -1;
    for (size_t i = 0; i < r->n; i++) {
        const struct bucket *b = &r->buckets[i];
        if ((double)b->cumulative >= rank && b->cumulative > below) {
            double part = (rank - (double)below) / (double)(b->cumulative - below);
            return isinf(b->le) ? from : from + (b->le - from) * part;
        }
        from = isinf(b->le) ? from : b->le;
        below = b->cumulative;
    }
    return from;
}

struct cli_traffic_sum cli_traffic_of(const struct cli_traffic *t, const char *kind,
                                      const char *route, const char *service, uint16_t port) {
    struct row all = {0};
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        if (!is_at(r, kind, route, service, port)) continue;
        all.requests += r->requests;
        all.failed += r->failed;
        for (size_t k = 0; k < r->n; k++)
            add_bucket(&all, r->buckets[k].le, r->buckets[k].cumulative);
    }
    return (struct cli_traffic_sum){all.requests, all.failed, quantile(&all, 0.5),
                                    quantile(&all, 0.99)};
}
