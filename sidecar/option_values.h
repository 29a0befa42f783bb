/* SPDX-License-Identifier: Apache-2.0
 * Parsers of the option values that are weft-proxy's own. */
#pragma once
#include <sidecar/options.h>

enum { PROXY_PORT_UNSET = 65536 };

enum weft_status proxy_option_listen(void *, const struct weft_option *, const char *,
                                     struct weft_error *);
enum weft_status proxy_option_listen_inbound(void *, const struct weft_option *, const char *,
                                             struct weft_error *);
enum weft_status proxy_option_pod_ips(void *, const struct weft_option *, const char *,
                                      struct weft_error *);
enum weft_status proxy_option_addr(void *, const struct weft_option *, const char *,
                                   struct weft_error *);
enum weft_status proxy_option_ip(void *, const struct weft_option *, const char *,
                                 struct weft_error *);
enum weft_status proxy_option_access_log(void *, const struct weft_option *, const char *,
                                         struct weft_error *);
enum weft_status proxy_option_mtls(void *, const struct weft_option *, const char *,
                                   struct weft_error *);
enum weft_status proxy_option_scheduling(void *, const struct weft_option *, const char *,
                                         struct weft_error *);
enum weft_status proxy_option_duration(void *, const struct weft_option *, const char *,
                                       struct weft_error *);
