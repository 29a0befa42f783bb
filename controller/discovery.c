/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/discovery.h>
#include <weft/base/alloc.h>
#include <weft/base/list.h>
#include <weft/conn/grpc_call.h>
#include <weft/mesh/identity.h>
#include <weft/obs/log.h>

#include <stdio.h>

/* A proxy asks for a few names a second; a resume asks for all of them at once. */
enum { NAMES_BURST = WEFT_ADS_MAX_NAMES + 1000, NAMES_PER_SECOND = 500 };
enum { COMPLAINTS = 10 }; /* lines in the log about one request; the metrics count all */

struct controller_discovery {
    struct weft_loop *loop;
    char *trust_domain;
    struct controller_metrics *metrics;
    struct controller_publish *publish;
    struct weft_list streams;
    bool draining;
    struct weft_task pushed; /* runs when all streams have sent what a change made due */
    uint64_t push_began_us;
};

struct stream {
    struct weft_list node;
    struct controller_discovery *d;
    struct weft_grpc_call *call;
    struct weft_ads_server *ads;
    struct weft_task flush;
    char *id, *ns, *service_account; /* of the client certificate */
    struct weft_addr peer;           /* port 0 */
    char *awaiting; /* inbound name that was not granted when last looked at, or NULL */
    bool blocked;   /* until on_writable */
    bool closing;   /* to be ended by the flush task */
    uint32_t close_status;
    char close_text[256];
    double allowance; /* names it may subscribe to now */
    uint64_t allowance_at_us;
    bool paused;
    uint64_t rejected;                /* resources, so far */
    int64_t since_s;                  /* Unix time */
    unsigned complaints;              /* about the request at hand */
    struct weft_timer resume, expiry; /* expiry: the end of the client's certificate */
};

static void stream_free(struct stream *s) {
    weft_list_remove(&s->node);
    weft_gauge_add(s->d->metrics->connected, -1);
    weft_grpc_call_free(s->call);
    weft_ads_server_free(s->ads);
    weft_task_cancel(&s->flush);
    weft_timer_stop(&s->resume);
    weft_timer_stop(&s->expiry);
    weft_info("discovery", "%s left", s->id);
    free(s->id);
    free(s->ns);
    free(s->service_account);
    free(s->awaiting);
    free(s);
}

/* Ends the call at the end of the turn: this may be inside one of its callbacks. */
static void stream_close(struct stream *s, uint32_t status, const char *text) {
    if (s->closing) return;
    s->closing = true;
    s->close_status = status;
    snprintf(s->close_text, sizeof s->close_text, "%s", text);
    weft_task_queue(s->d->loop, &s->flush);
}

/* === who may see what === */

/* A pod's own inbound resource: its ServiceAccount is the certificate's and its IP the peer's. */
static bool is_own_inbound(const struct stream *s, struct weft_slice name) {
    const struct weft_gamma *g = controller_publish_gamma(s->d->publish);
    struct weft_slice rest = weft_slice_from(name, strlen("inbound/"));
    struct weft_slice name_ns = weft_slice_cut(&rest, '/'), ns, pod, sa;
    return g && weft_gamma_pod_by_ip(g, &s->peer, &ns, &pod, &sa) && weft_slice_eq(ns, name_ns) &&
           weft_slice_eq(pod, rest) && weft_slice_is(ns, s->ns) &&
           weft_slice_is(sa, s->service_account);
}

static void await(struct stream *s, struct weft_slice name) {
    if (!s->awaiting) {
        weft_warn("discovery", "%s may not have %.*s: its certificate or address is another pod's",
                  s->id, WEFT_SLICE_ARG(name));
        weft_counter_add(s->d->metrics->refused, 1);
    }
    free(s->awaiting);
    s->awaiting = weft_slice_dup(name);
}

/* Destinations come from the view of the certificate's namespace, whatever the name says. */
static const struct weft_ads_item *lookup(void *ud, struct weft_slice name) {
    struct stream *s = ud;
    if (weft_slice_starts(name, WEFT_SLICE_LIT("inbound/")) && !is_own_inbound(s, name)) {
        await(s, name);
        return NULL;
    }
    return controller_publish_get(s->d->publish, weft_slice_str(s->ns), name);
}

static void acquire(void *ud, struct weft_slice name) {
    struct stream *s = ud;
    controller_publish_acquire(s->d->publish, weft_slice_str(s->ns), name, s);
}
static void release(void *ud, struct weft_slice name) {
    struct stream *s = ud;
    controller_publish_release(s->d->publish, weft_slice_str(s->ns), name, s);
}

/* One request of a few megabytes can be wrong a million times. */
static bool may_complain(struct stream *s) {
    if (s->complaints == COMPLAINTS)
        weft_warn("discovery", "%s: more of the same request is not logged", s->id);
    return s->complaints++ < COMPLAINTS;
}

static struct weft_slice kind_of(struct weft_slice name) {
    return weft_slice_head(name, weft_slice_find(name, '/'));
}

static void on_nack(void *ud, const struct weft_ads_rejection *r) {
    struct stream *s = ud;
    weft_counter_add(s->d->metrics->nacks[r->kind], 1);
    s->rejected++;
    enum weft_xds_type type;
    if (weft_xds_type_from_name(r->name, &type))
        weft_counter_add(controller_metrics_rejected(s->d->metrics, kind_of(r->name)), 1);
    if (!may_complain(s)) return;
    weft_warn("discovery", "%s rejected %.*s version %.*s: %.*s", s->id, WEFT_SLICE_ARG(r->name),
              WEFT_SLICE_ARG(r->version), WEFT_SLICE_ARG(weft_slice_head(r->reason, 1000)));
}

static void on_refused(void *ud, struct weft_slice name, const char *why) {
    struct stream *s = ud;
    weft_counter_add(s->d->metrics->refused, 1);
    if (!may_complain(s)) return;
    weft_warn("discovery", "%s may not subscribe to %.*s: %s", s->id, WEFT_SLICE_ARG(name), why);
}

/* === sending === */

static void send_due(struct stream *s) {
    struct weft_ads_server_stats before = weft_ads_server_stats(s->ads);
    struct weft_buf out;
    weft_buf_init(&out, 0);
    while (!s->blocked && weft_ads_server_next(s->ads, &out)) {
        s->blocked = weft_grpc_call_send(s->call, weft_buf_slice(&out)) == WEFT_AGAIN;
        weft_buf_clear(&out);
    }
    weft_buf_done(&out);
    struct weft_ads_server_stats after = weft_ads_server_stats(s->ads);
    weft_counter_add(s->d->metrics->pushes, after.responses - before.responses);
    weft_counter_add(s->d->metrics->resources, after.resources - before.resources);
}

static void flush(void *arg) {
    struct stream *s = arg;
    if (s->closing) {
        weft_grpc_call_finish(s->call, s->close_status, weft_slice_str(s->close_text));
        stream_free(s);
        return;
    }
    if (controller_publish_gamma(s->d->publish)) send_due(s);
}

/* === receiving === */

static void on_resume(void *arg) {
    struct stream *s = arg;
    s->paused = false;
    weft_grpc_call_resume(s->call);
}

static void take_allowance(struct stream *s, size_t names) {
    uint64_t now = weft_loop_now_us(s->d->loop);
    s->allowance += (double)(now - s->allowance_at_us) * NAMES_PER_SECOND / 1e6;
    s->allowance_at_us = now;
    if (s->allowance > NAMES_BURST) s->allowance = NAMES_BURST;
    s->allowance -= (double)names;
    if (s->allowance >= 0 || s->paused) return;
    s->paused = true;
    weft_grpc_call_pause(s->call);
    weft_timer_start(&s->resume, (uint64_t)(-s->allowance / NAMES_PER_SECOND * 1e6) + 1000);
}

static void on_message(void *ud, struct weft_slice message) {
    struct stream *s = ud;
    struct weft_error err = {0};
    size_t names = 0;
    if (s->closing) return;
    s->complaints = 0;
    if (weft_ads_server_receive(s->ads, message, &names, &err) != WEFT_OK) {
        char text[sizeof s->close_text];
        snprintf(text, sizeof text, "%.50s%s%.180s", err.path, err.path[0] ? " " : "", err.message);
        weft_warn("discovery", "%s sent a bad request: %s", s->id, text);
        stream_close(s, WEFT_GRPC_INVALID_ARGUMENT, text);
        return;
    }
    take_allowance(s, names + 1);
    weft_task_queue(s->d->loop, &s->flush);
}

static void on_expiry(void *arg) {
    stream_close(arg, WEFT_GRPC_UNAUTHENTICATED, "the client certificate has expired");
}

static void on_half_close(void *ud) {
    stream_close(ud, WEFT_GRPC_OK, "");
}
static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    (void)status;
    (void)text;
    stream_free(ud);
}
static void on_writable(void *ud) {
    struct stream *s = ud;
    s->blocked = false;
    weft_task_queue(s->d->loop, &s->flush);
}

static const struct weft_grpc_cb grpc_cb = {.on_message = on_message,
                                            .on_half_close = on_half_close,
                                            .on_end = on_end,
                                            .on_writable = on_writable};

static struct stream *stream_new(struct controller_discovery *d, const struct weft_spiffe *id,
                                 const struct weft_xport_info *peer) {
    struct stream *s = weft_new0(struct stream);
    s->d = d;
    s->id = weft_slice_dup(peer->peer_id);
    s->ns = weft_slice_dup(id->ns);
    s->service_account = weft_slice_dup(id->service_account);
    s->peer = peer->peer;
    s->peer.port = 0;
    s->since_s = (int64_t)(weft_clock_unix_us() / 1000000u);
    s->allowance = NAMES_BURST;
    s->allowance_at_us = weft_loop_now_us(d->loop);
    weft_task_init(&s->flush, flush, s);
    weft_timer_init(&s->resume, d->loop, on_resume, s);
    weft_timer_init(&s->expiry, d->loop, on_expiry, s);
    int64_t left = peer->peer_not_after - (int64_t)(weft_clock_unix_us() / 1000000u);
    weft_timer_start(&s->expiry, left > 0 ? (uint64_t)left * 1000000u : 1);
    s->ads = weft_ads_server_new(&(struct weft_ads_server_cb){.ud = s,
                                                              .lookup = lookup,
                                                              .acquire = acquire,
                                                              .release = release,
                                                              .on_nack = on_nack,
                                                              .on_refused = on_refused});
    weft_list_push(&d->streams, &s->node);
    return s;
}

#define GOING "the controller is shutting down"

void controller_discovery_drain(struct controller_discovery *d) {
    d->draining = true;
    weft_list_each(it, &d->streams)
        stream_close(WEFT_CONTAINER(it, struct stream, node), WEFT_GRPC_UNAVAILABLE, GOING);
}

void controller_discovery_serve(struct controller_discovery *d, struct weft_stream *stream,
                                bool end, const struct weft_xport_info *peer) {
    struct weft_spiffe id;
    if (!weft_spiffe_parse(peer->peer_id, &id) ||
        !weft_slice_is(id.trust_domain, d->trust_domain)) {
        weft_counter_add(d->metrics->refused, 1);
        weft_grpc_refuse(stream, end, WEFT_GRPC_UNAUTHENTICATED,
                         WEFT_SLICE_LIT("a client certificate of this mesh is required"));
        return;
    }
    if (d->draining) {
        weft_grpc_refuse(stream, end, WEFT_GRPC_UNAVAILABLE, WEFT_SLICE_LIT(GOING));
        return;
    }
    struct stream *s = stream_new(d, &id, peer);
    s->call = weft_grpc_call_accept(stream, end, WEFT_ADS_MAX_REQUEST, &grpc_cb, s);
    weft_grpc_call_open(s->call); /* a resume may have nothing to answer */
    weft_gauge_add(d->metrics->connected, 1);
    char text[WEFT_ADDR_STR];
    weft_addr_format_ip(&s->peer, text);
    weft_info("discovery", "%s came from %s", s->id, text);
    if (end) stream_close(s, WEFT_GRPC_OK, "");
}

/* === who is there === */

static json_t *stream_json(const struct stream *s) {
    const struct weft_gamma *g = controller_publish_gamma(s->d->publish);
    struct weft_ads_server_stats stats = weft_ads_server_stats(s->ads);
    struct weft_slice ns, pod, sa;
    char address[WEFT_ADDR_STR], version[17];
    weft_addr_format_ip(&s->peer, address);
    weft_ads_sum_text(stats.held, version);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "id", s->id, "address", address,
                  "config_version", stats.held ? version : "", "resources", (json_int_t)stats.names,
                  "unanswered", (json_int_t)stats.unanswered, "sent", (json_int_t)stats.resources,
                  "rejected", (json_int_t)s->rejected, "connected_unix_s", (json_int_t)s->since_s);
    if (g && weft_gamma_pod_by_ip(g, &s->peer, &ns, &pod, &sa) && weft_slice_is(ns, s->ns)) {
        json_object_set_new(o, "namespace", json_stringn(ns.base, ns.len));
        json_object_set_new(o, "pod", json_stringn(pod.base, pod.len));
    }
    return o;
}

json_t *controller_discovery_proxies(struct controller_discovery *d) {
    json_t *list = json_array();
    weft_list_each(it, &d->streams)
        json_array_append_new(list, stream_json(WEFT_CONTAINER(it, struct stream, node)));
    return list;
}

/* === changes === */

static void on_changed(void *ud, void *who, struct weft_slice name) {
    struct controller_discovery *d = ud;
    struct stream *s = who;
    weft_ads_server_changed(s->ads, name);
    weft_task_queue(d->loop, &s->flush);
}

/* What was not granted depends on the pod's address too, which is no part of the resource. */
static void look_again(struct stream *s) {
    if (!s->awaiting || !is_own_inbound(s, weft_slice_str(s->awaiting))) return;
    WEFT_FREE char *name = weft_take(&s->awaiting);
    weft_ads_server_changed(s->ads, weft_slice_str(name));
}

void controller_discovery_set_gamma(struct controller_discovery *d, struct weft_gamma *g) {
    uint64_t began = weft_clock_mono_us();
    size_t n = controller_publish_set_gamma(d->publish, g);
    weft_list_each(it, &d->streams) {
        struct stream *s = WEFT_CONTAINER(it, struct stream, node);
        look_again(s);
        weft_task_queue(d->loop, &s->flush);
    }
    if (n == 0) return;
    if (!d->push_began_us) d->push_began_us = began;
    weft_task_queue(d->loop, &d->pushed); /* after the streams' */
    weft_debug("discovery", "%zu resources changed", n);
}

static void on_pushed(void *arg) {
    struct controller_discovery *d = arg;
    weft_histogram_add(d->metrics->push, weft_clock_mono_us() - d->push_began_us);
    d->push_began_us = 0;
}

struct controller_publish *controller_discovery_publish(struct controller_discovery *d) {
    return d->publish;
}

struct controller_discovery *controller_discovery_new(struct weft_loop *l, const char *trust_domain,
                                                      struct controller_metrics *m) {
    struct controller_discovery *d = weft_new0(struct controller_discovery);
    d->loop = l;
    d->trust_domain = weft_strdup(trust_domain);
    d->metrics = m;
    weft_list_init(&d->streams);
    weft_task_init(&d->pushed, on_pushed, d);
    d->publish =
        controller_publish_new(&(struct controller_publish_cb){.ud = d, .on_changed = on_changed});
    return d;
}

struct controller_discovery *controller_discovery_free(struct controller_discovery *d) {
    if (!d) return NULL;
    weft_list_each(it, &d->streams) {
        struct stream *s = WEFT_CONTAINER(it, struct stream, node);
        weft_grpc_call_finish(s->call, WEFT_GRPC_UNAVAILABLE, WEFT_SLICE_LIT(GOING));
        stream_free(s);
    }
    weft_task_cancel(&d->pushed);
    controller_publish_free(d->publish);
    free(d->trust_domain);
    free(d);
    return NULL;
}
