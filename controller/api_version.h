/* SPDX-License-Identifier: Apache-2.0
 * Whether the cluster knows native sidecars, by what its API server says of itself: asked at once,
 * until it answers, and again every ten minutes, as clusters are upgraded under us. */
#pragma once
#include <weft/kube/client.h>

struct controller_api_version;
/* `on_known` follows, never from inside a call, with the first answer and with each one that
 * differs. An answer that tells no version of Kubernetes 1 is logged and asked for again. */
struct controller_api_version *controller_api_version_new(struct weft_loop *l, struct weft_kube *k,
                                                          void (*on_known)(void *ud, bool native),
                                                          void *ud);
bool controller_api_version_known(const struct controller_api_version *v);
/* Takes NULL, returns NULL. */
struct controller_api_version *controller_api_version_free(struct controller_api_version *v);
