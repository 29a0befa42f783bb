/* SPDX-License-Identifier: Apache-2.0
 * Which pods get a sidecar: pod annotation over namespace label, else none. */
#include <cli/local/inject.h>
#include <cli/local/jsonx.h>
#include <string.h>

/* 1 enabled, 0 disabled, -1 says nothing. */
static int wish(const char *value) {
    if (!value) return -1;
    if (strcmp(value, "enabled") == 0) return 1;
    if (strcmp(value, "disabled") == 0) return 0;
    return -1;
}

struct inject_decision inject_decide(const json_t *pod, const json_t *ns) {
    if (json_is_true(local_get(pod, "spec.hostNetwork")))
        return (struct inject_decision){false, "the pod is on the host's network"};
    if (local_label(pod, "metadata.annotations", LOCAL_SIDECAR_KEY))
        return (struct inject_decision){false, "the pod has a sidecar already"};
    int of_pod = wish(local_label(pod, "metadata.annotations", LOCAL_INJECT_KEY));
    if (of_pod >= 0) return (struct inject_decision){of_pod == 1, "the pod's annotation says so"};
    int of_ns = wish(local_label(ns, "metadata.labels", LOCAL_INJECT_KEY));
    if (of_ns >= 0) return (struct inject_decision){of_ns == 1, "the namespace's label says so"};
    return (struct inject_decision){false, "neither pod nor namespace asks for it"};
}
