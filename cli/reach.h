/* SPDX-License-Identifier: Apache-2.0
 * The way to the admin port of one sidecar, which only its own pod can dial: from inside the pod in
 * a local mesh, through kubectl port-forward in a cluster. */
#pragma once
#include <cli/local/verbs.h>

struct cli_reach_at {
    struct local_target local; /* a local mesh, if either member is set; else the cluster */
    const char *kubeconfig, *context;
    const char *kubectl;
};
/* A local mesh is one that is named; without a name it is the cluster, as for all commands. */
static inline bool cli_reach_is_local(const struct cli_reach_at *at) {
    return at->local.name || at->local.state_dir;
}

struct cli_reach;
/* `pod` is POD or NS/POD; `ns` (may be NULL) is for the former, else the kubeconfig's namespace, or
 * any in a local mesh. NULL after saying on stderr why there is no way: no cluster, no such pod, no
 * sidecar in it, kubectl missing or refused. */
struct cli_reach *cli_reach_open(const struct cli_reach_at *at, const char *ns, const char *pod);
/* {"status", "body"} of one answer (new reference); NULL after saying why there is none. */
json_t *cli_reach_ask(struct cli_reach *r, const char *method, const char *path);
struct cli_reach *cli_reach_close(struct cli_reach *r); /* takes NULL, returns NULL */
