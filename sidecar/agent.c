/* SPDX-License-Identifier: Apache-2.0
 * The agent as a whole: an identity first, then the stream, both for ever. */
#include "agent_internal.h"

#include <weft/base/alloc.h>
#include <weft/mesh/identity.h>
#include <weft/obs/log.h>

uint64_t agent_backoff_us(struct agent_backoff *b, struct weft_rng *rng) {
    enum { FIRST_US = 100 * 1000, MOST_US = 10 * 1000 * 1000 };
    if (b->next_us == 0) b->next_us = FIRST_US;
    uint64_t us = b->next_us;
    b->next_us = us * 2 > MOST_US ? MOST_US : us * 2;
    return us / 2 + weft_rng_below(rng, (uint32_t)(us / 2) + 1);
}

/* === the stream === */

static void set_connected(struct proxy_agent *a, bool connected) {
    if (a->connected == connected) return;
    a->connected = connected;
    if (a->cb.on_connected) a->cb.on_connected(a->cb.ud, connected);
}

static void on_up(void *ud) {
    struct proxy_agent *a = ud;
    a->ads_backoff = (struct agent_backoff){0};
    weft_info("agent", "connected to the controller");
    set_connected(a, true);
}

static void on_down(void *ud, enum weft_status st, struct weft_slice why) {
    struct proxy_agent *a = ud;
    a->ads = NULL;
    if (a->connected || st == WEFT_DENIED || st == WEFT_IDENTITY || st == WEFT_TLS)
        weft_warn("agent", "stream to the controller ended: %.*s", WEFT_SLICE_ARG(why));
    set_connected(a, false);
    if (st == WEFT_DENIED || st == WEFT_IDENTITY || st == WEFT_TLS) agent_identity_distrusted(a);
    weft_timer_start(&a->ads_timer, agent_backoff_us(&a->ads_backoff, &a->rng));
}

static size_t allowance(void *ud) {
    return agent_config_allowance(ud);
}
static void spent(void *ud, size_t names) {
    agent_config_spent(ud, names);
}

void agent_connect(struct proxy_agent *a) {
    if (!a->identity) return; /* comes again with the certificate */
    agent_ads_close(a->ads);
    weft_timer_stop(&a->ads_timer);
    const struct agent_link_options link = {.host = weft_slice_str(a->opt.controller_host),
                                            .port = a->opt.controller_port,
                                            .identity = a->identity,
                                            .server_name = a->opt.controller_name,
                                            .server_id = a->controller_id};
    a->ads = agent_ads_open(
        a->loop, &link, a->client,
        &(struct agent_ads_cb){
            .ud = a, .on_up = on_up, .on_down = on_down, .allowance = allowance, .spent = spent});
    if (!a->ads) weft_timer_start(&a->ads_timer, agent_backoff_us(&a->ads_backoff, &a->rng));
}

static void on_ads_timer(void *arg) {
    agent_connect(arg);
}

/* === beginning and end === */

static const char *dup_str(struct proxy_agent *a, const char *s) {
    return s ? weft_arena_dup_str(&a->arena, s).base : NULL;
}

static void copy_options(struct proxy_agent *a, const struct proxy_agent_options *o) {
    a->opt = *o;
    a->opt.controller_host = dup_str(a, o->controller_host);
    a->opt.bundle_pem = dup_str(a, o->bundle_pem);
    a->opt.controller_name = dup_str(a, o->controller_name);
    a->opt.ns = dup_str(a, o->ns);
    a->opt.pod = dup_str(a, o->pod);
    a->opt.service_account = dup_str(a, o->service_account);
    a->opt.trust_domain = dup_str(a, o->trust_domain);
    a->opt.token_file = dup_str(a, o->token_file);
    a->opt.bundle_file = dup_str(a, o->bundle_file);
    a->opt.state_dir = dup_str(a, o->state_dir);
}

/* "weft-controller.NAMESPACE.svc..."; a bare name: the usual one. */
static struct weft_slice controller_namespace(struct weft_slice name) {
    (void)weft_slice_cut(&name, '.');
    struct weft_slice ns = weft_slice_cut(&name, '.');
    return ns.len ? ns : WEFT_SLICE_LIT("weft-system");
}

static void derive_names(struct proxy_agent *a) {
    struct weft_spiffe id = {.trust_domain = weft_slice_str(a->opt.trust_domain),
                             .ns = weft_slice_str(a->opt.ns),
                             .service_account = weft_slice_str(a->opt.service_account)};
    a->own_id = weft_spiffe_format(&a->arena, &id);
    id.ns = controller_namespace(weft_slice_str(a->opt.controller_name));
    id.service_account = WEFT_SLICE_LIT("weft-controller");
    a->controller_id = weft_spiffe_format(&a->arena, &id);
    a->inbound_name = weft_arena_printf(&a->arena, "inbound/%s/%s", a->opt.ns, a->opt.pod);
}

static void check_state_dir(struct proxy_agent *a) {
    if (!a->opt.state_dir) return;
    enum weft_status st = agent_state_open(a->opt.state_dir);
    if (st == WEFT_OK) return;
    weft_error("agent", "state folder %s is not used: %s", a->opt.state_dir, weft_status_text(st));
    a->opt.state_dir = NULL;
}

struct proxy_agent *proxy_agent_new(struct weft_loop *l, const struct proxy_agent_options *opt,
                                    struct proxy_config *config, const struct proxy_agent_cb *cb) {
    struct proxy_agent *a = weft_new0(struct proxy_agent);
    a->loop = l;
    a->config = config;
    a->cb = *cb;
    weft_arena_init(&a->arena, 0);
    weft_rng_seed_system(&a->rng);
    weft_buf_init(&a->key, AGENT_MAX_PEM);
    weft_buf_init(&a->chain, AGENT_MAX_PEM);
    weft_buf_init(&a->bundle, AGENT_MAX_PEM);
    weft_buf_init(&a->next_key, AGENT_MAX_PEM);
    weft_timer_init(&a->ads_timer, l, on_ads_timer, a);
    copy_options(a, opt);
    derive_names(a);
    check_state_dir(a);
    agent_identity_load(a);
    agent_config_start(a);
    agent_identity_start(a);
    if (a->identity) weft_timer_start(&a->ads_timer, 1);
    return a;
}

struct proxy_agent *proxy_agent_free(struct proxy_agent *a) {
    if (!a) return NULL;
    weft_timer_stop(&a->ads_timer);
    agent_ads_close(a->ads);
    agent_identity_stop(a);
    agent_config_stop(a);
    weft_arena_done(&a->arena);
    free(a);
    return NULL;
}
