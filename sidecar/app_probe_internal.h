/* SPDX-License-Identifier: Apache-2.0
 * The table of probes: parsed in app_probe_parse.c, served in app_probe.c. */
#pragma once
#include <sidecar/app_probe.h>
#include <weft/base/list.h>

struct app_probe {
    char *key;    /* "web/readiness" */
    char *secret; /* hooks: the query must be this; NULL: none */
    bool hook;
    struct app_check_spec spec;
    /* in force */
    struct app_check *check; /* NULL: none runs */
    struct weft_list waiting;
    size_t n_waiting;
    bool was_ok, was_answered;
};
struct app_probes {
    struct weft_loop *loop;
    struct app_probe *items;
    size_t n;
};

/* Appends the probes of `text`; what is wrong with it stops at the first fault. */
enum weft_status app_probe_parse(struct app_probes *all, struct weft_slice text,
                                 const struct weft_addr *app, struct weft_error *err);
void app_probe_done(struct app_probe *p);
