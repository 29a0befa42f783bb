/* SPDX-License-Identifier: Apache-2.0
 * One pod's sidecar: what its Pod object and its own metrics tell, and what is wrong with it. Pure.
 */
#pragma once
#include <cli/report.h>
#include <weft/base/slice.h>

/* {"pod", "placement": native|classic, "image", "ready", "running", "restarts", "redirection",
 * "why"} of a pod with a sidecar that has not ended and is not to end; NULL: it is no such pod. New
 * reference. "redirection" is what weft-init came to: done, failed (with "redirection_exit"),
 * pending, or absent (there is no weft-init). "why" is there while the sidecar is not ready. */
json_t *sidecar_facts(const json_t *pod);
/* {"version", "config_version", "config_age_seconds", "config_generation", "config_errors",
 * "connected", "certificate_not_after"} of its /metrics, each only if it is told; NULL: that is no
 * text of a weft-proxy. New reference. */
json_t *sidecar_metrics(struct weft_slice text);

struct sidecar_norm {
    int64_t now_s;
    int64_t cert_ttl_s; /* of a new certificate; 0: not known */
};
/* `metrics`: of sidecar_metrics, {"error"}, or NULL: it was not asked. Adds them to `facts`, with
 * "level" and "problems", an array of texts (empty: all is well). */
enum report_level sidecar_judge(json_t *facts, const json_t *metrics,
                                const struct sidecar_norm *norm);
