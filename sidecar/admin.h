/* SPDX-License-Identifier: Apache-2.0
 * The proxy's own small HTTP servers, on the main loop. Pages only show, but to POST. */
#pragma once
#include <sidecar/app_probe.h>
#include <sidecar/options.h>
#include <sidecar/stats_view.h>
#include <weft/base/buf.h>
#include <weft/http/limit.h>
#include <weft/net/loop.h>

struct proxy_admin_source { /* called on the main loop */
    void *ud;
    bool (*ready)(void *ud);
    void (*metrics)(void *ud, struct weft_buf *out);
    char *(*config_dump)(void *ud); /* free() it */
    /* Calls done once, now or later, with text that done is to free(). */
    void (*endpoints)(void *ud, void (*done)(void *arg, char *text), void *arg);
    void (*drain)(void *ud); /* what SIGTERM does */
    void (*stats)(void *ud, const struct proxy_stats_query *q, struct weft_buf *out);
    enum proxy_log_mode (*access_log)(void *ud);
    void (*set_access_log)(void *ud, enum proxy_log_mode mode);
    void (*limit)(void *ud, enum weft_cap cap); /* a caller ran into it */
    struct app_probes *probes;                  /* on the metrics port; NULL: none */
};
struct proxy_admin;
/* Opens what the options name. */
enum weft_status proxy_admin_new(struct weft_loop *l, const struct proxy_options *o,
                                 const struct proxy_admin_source *src, struct proxy_admin **ret,
                                 struct weft_error *err);
/* Where the first of its ports listens. */
const struct weft_addr *proxy_admin_addr(const struct proxy_admin *a);
struct proxy_admin *proxy_admin_free(struct proxy_admin *a); /* the loop must turn afterwards */
