/* SPDX-License-Identifier: Apache-2.0
 * A live cluster as the input of the commands over manifests. */
#pragma once
#include <cli/input.h>
#include <weft/kube/client.h>

/* As kubectl: --kubeconfig and --context, $KUBECONFIG, ~/.kube/config; inside a pod without any of
 * these the pod's own. */
enum weft_status cli_live_config(const char *kubeconfig, const char *context,
                                 struct weft_kube_config *ret, struct weft_error *err);
/* Lists every kind into in->store; sets the channel of `opt` to the cluster's unless one was given.
 * What is wrong was printed when this is false. */
bool cli_live_load(struct cli_input *in, struct cli_options *opt);
