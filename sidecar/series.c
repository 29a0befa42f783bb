/* SPDX-License-Identifier: Apache-2.0
 * Series of one (service, route, rule, backend). */
#include <sidecar/series.h>

#include <weft/base/alloc.h>

struct outcome {
    uint16_t status;
    int8_t grpc;
    struct weft_counter *requests;
};

struct proxy_series {
    struct proxy_stats *stats;
    struct proxy_series_labels labels; /* in `names` */
    char *names;
    struct weft_counter *counters[PROXY_SERIES_COUNT];
    struct weft_histogram *duration;
    struct outcome *outcomes;
    uint32_t n_outcomes;
};

static const struct {
    enum proxy_metric family;
    const char *word;
} kinds[PROXY_SERIES_COUNT] = {
#define X(id, family, word) {PROXY_METRIC_##family, word},
    PROXY_SERIES_MAP(X)
#undef X
};

static void keep(struct weft_slice *s, char **at) {
    if (s->len) memcpy(*at, s->base, s->len);
    s->base = *at;
    *at += s->len;
}

struct proxy_series *proxy_series_new(struct proxy_stats *stats,
                                      const struct proxy_series_labels *l) {
    struct proxy_series *s = weft_new0(struct proxy_series);
    s->stats = stats;
    s->labels = *l;
    char *at = s->names =
        weft_alloc(l->service.len + l->route.len + l->rule.len + l->backend.len + 1);
    keep(&s->labels.service, &at);
    keep(&s->labels.route, &at);
    keep(&s->labels.rule, &at);
    keep(&s->labels.backend, &at);
    return s;
}

struct proxy_series *proxy_series_free(struct proxy_series *s) {
    if (!s) return NULL;
    free(s->outcomes);
    free(s->names);
    free(s);
    return NULL;
}

const struct proxy_series_labels *proxy_series_labels(const struct proxy_series *s) {
    return &s->labels;
}

enum { N_LABELS = 8 };

/* direction, service, route_kind, route, rule, backend, then what is the family's own. */
static void values_of(const struct proxy_series *s, const char *own, const char *second,
                      struct weft_slice ret[N_LABELS]) {
    const struct proxy_series_labels *l = &s->labels;
    const struct weft_slice v[N_LABELS] = {weft_slice_str(proxy_dir_name(l->dir)),
                                           l->service,
                                           weft_slice_str(l->route_kind),
                                           l->route,
                                           l->rule,
                                           l->backend,
                                           weft_slice_str(own),
                                           weft_slice_str(second)};
    memcpy(ret, v, sizeof v);
}

static struct weft_counter *make_counter(struct proxy_series *s, enum proxy_series_counter which) {
    struct weft_slice v[N_LABELS];
    values_of(s, kinds[which].word, "", v);
    if (kinds[which].family == PROXY_METRIC_CONNS) v[2] = v[6]; /* knows of no route */
    return s->counters[which] = weft_metrics_counter(s->stats->set, kinds[which].family, v);
}

void proxy_series_add(struct proxy_series *s, enum proxy_series_counter which, uint64_t n) {
    struct weft_counter *c = s->counters[which];
    weft_counter_add(c ? c : make_counter(s, which), n);
}

/* ---- requests ---- */

static void word_of(int v, int unknown_from, char ret[8]) {
    static const char other[] = "other";
    if (v >= unknown_from) {
        memcpy(ret, other, sizeof other);
        return;
    }
    size_t n = v >= 100 ? 3 : v >= 10 ? 2 : 1;
    ret[n] = 0;
    for (; n; v /= 10) ret[--n] = (char)('0' + v % 10);
}

static struct weft_counter *new_outcome(struct proxy_series *s, uint16_t status, int8_t grpc) {
    struct weft_slice v[N_LABELS];
    char status_text[8], grpc_text[8] = "";
    word_of(status, 1000, status_text);
    if (grpc >= 0) word_of(grpc, PROXY_GRPC_OTHER, grpc_text);
    values_of(s, status_text, grpc == PROXY_GRPC_NONE ? "none" : grpc_text, v);
    struct outcome o = {status, grpc,
                        weft_metrics_counter(s->stats->set, PROXY_METRIC_REQUESTS, v)};
    s->outcomes = weft_realloc(s->outcomes, (s->n_outcomes + 1) * sizeof *s->outcomes);
    s->outcomes[s->n_outcomes++] = o;
    if (!s->duration) s->duration = weft_metrics_histogram(s->stats->set, PROXY_METRIC_DURATION, v);
    return o.requests;
}

static struct weft_counter *find_outcome(struct proxy_series *s, uint16_t status, int8_t grpc) {
    for (uint32_t i = 0; i < s->n_outcomes; i++)
        if (s->outcomes[i].status == status && s->outcomes[i].grpc == grpc)
            return s->outcomes[i].requests;
    if (s->n_outcomes < PROXY_MAX_OUTCOMES) return new_outcome(s, status, grpc);
    if (s->n_outcomes == PROXY_MAX_OUTCOMES) new_outcome(s, UINT16_MAX, PROXY_GRPC_NOT);
    return s->outcomes[PROXY_MAX_OUTCOMES].requests; /* all the others together */
}

void proxy_series_ended(struct proxy_series *s, uint16_t status, int8_t grpc, uint64_t us) {
    weft_counter_add(find_outcome(s, status, grpc), 1);
    weft_histogram_add(s->duration, us);
}
