/* SPDX-License-Identifier: Apache-2.0
 * What the kubelet asks of the app, asked through the proxy: GET /app-probe/CONTAINER/KIND on the
 * health server. The injector hands over the app's own probes (WEFT_APP_PROBES). */
#pragma once
#include <sidecar/app_check.h>
#include <weft/http/codec.h>

enum { APP_PROBES_MAX = 256, APP_PROBES_TEXT = 128 * 1024 };

struct app_probe;
struct app_probes;
/* `text`: {"web/readiness": {"httpGet": {"path", "port", "scheme", "httpHeaders"},
 * "timeoutSeconds"},
 * ...} with the actions httpGet, tcpSocket and grpc of Kubernetes, ports as numbers; hooks
 * ("web/pre-stop") have no timeout. `app` is where the app is called, port 0. */
enum weft_status app_probes_new(struct weft_loop *l, struct weft_slice text,
                                const struct weft_addr *app, struct app_probes **ret,
                                struct weft_error *err);
/* Waiting requests are reset. Takes NULL, returns NULL. */
struct app_probes *app_probes_free(struct app_probes *p);
size_t app_probes_count(const struct app_probes *p);
/* True: the path is one of ours, and the stream is taken over. `p` may be NULL. */
bool app_probes_serve(struct app_probes *p, struct weft_stream *s, const struct weft_head *head);
