/* SPDX-License-Identifier: Apache-2.0
 * One check of the app, as the kubelet would have made it: HTTP or HTTPS GET, TCP connect, gRPC
 * health. What counts as good is the kubelet's (pkg/probe of Kubernetes). */
#pragma once
#include <weft/base/addr.h>
#include <weft/net/loop.h>
#include <weft/net/tls.h>

enum app_check_kind { APP_CHECK_HTTP, APP_CHECK_TCP, APP_CHECK_GRPC };
struct app_check_header {
    char *name, *value;
};
struct app_check_spec {
    enum app_check_kind kind;
    struct weft_addr to;
    uint64_t timeout_us;
    /* HTTP */
    char *path; /* with query; starts with '/' */
    struct app_check_header *headers;
    size_t n_headers;
    bool tls;
    /* gRPC */
    char *service;
};
enum { APP_CHECK_TEXT = 256, APP_CHECK_REDIRECTS = 10 };
struct app_check_result {
    bool ok;
    bool answered;             /* HTTP: with whatever status */
    char text[APP_CHECK_TEXT]; /* one line: what came, or why not */
};
struct app_check;
/* `spec` must outlive the check. on_done is the last event, once, never from inside this call. */
struct app_check *app_check_start(struct weft_loop *l, const struct app_check_spec *spec,
                                  void (*on_done)(void *ud, const struct app_check_result *r),
                                  void *ud);
void app_check_cancel(struct app_check *c); /* on_done is not called; takes NULL */
