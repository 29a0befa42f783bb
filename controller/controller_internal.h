/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the controller share. */
#pragma once
#include <controller/admin.h>
#include <controller/ca.h>
#include <controller/cluster.h>
#include <controller/controller.h>
#include <controller/errors.h>
#include <controller/server.h>
#include <controller/source.h>
#include <controller/webhook.h>

struct controller {
    struct weft_loop *loop;
    struct controller_options opt;
    struct controller_ca *ca;
    struct weft_timer ca_timer; /* the next look at its files */
    struct weft_store *store;
    struct weft_kube *kube; /* NULL: folders */
    struct controller_source *source;
    struct controller_metrics metrics;
    struct controller_errors errors;
    struct controller_discovery *discovery;
    struct controller_sign sign;
    struct controller_server *server;
    struct controller_admin *admin;
    struct controller_cluster *cluster; /* NULL: folders */
    struct weft_timer drain;            /* between the wish to stop and the end */
    bool stopping, released, drained;
    bool failed;                        /* a port could not be opened */
    struct controller_webhook *webhook; /* NULL: not asked for, or no certificate yet */
};

/* Another authority, or the first one: ports are opened, certificates renewed, proxies told. */
void controller_ca_changed(struct controller *c);
