/* SPDX-License-Identifier: Apache-2.0
 * Plain HTTP on the admin port: /live /ready /metrics /routes /errors /config_dump?from=NS. */
#pragma once
#include <weft/base/addr.h>
#include <weft/base/buf.h>
#include <weft/net/loop.h>

struct controller;
struct controller_admin;
struct controller_metrics;
struct controller_admin_options {
    struct weft_addr listen;
    uint64_t write_timeout_us; /* an answer of which nothing is taken so long is cut; 0: none */
    struct controller *controller;
    struct controller_metrics *metrics; /* until controller_admin_close */
};
enum weft_status controller_admin_new(struct weft_loop *l,
                                      const struct controller_admin_options *opt,
                                      struct controller_admin **ret, struct weft_error *err);
void controller_admin_close(struct controller_admin *a); /* takes NULL; frees itself when done */
struct weft_addr controller_admin_bound(const struct controller_admin *a);

/* One answer, without a connection: HTTP status, and the body. `target` is path and query. `near`:
 * the caller is on the controller's own host; others get health and metrics only, since routes of
 * one namespace are not for the pods of another. */
uint16_t controller_admin_answer(struct controller *c, struct weft_slice target, bool near,
                                 const char **ret_content_type, struct weft_buf *ret_body);
