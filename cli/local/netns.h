/* SPDX-License-Identifier: Apache-2.0
 * Network namespaces of a mesh: the switch (a bridge without an uplink) and one per pod. */
#pragma once
#include <cli/local/spawn.h>
#include <jansson.h>
#include <weft/base/addr.h>

struct local_net {
    const char *mesh;          /* name of the mesh */
    char *switch_name;         /* "weft-NAME" */
    int switch_fd;             /* its namespace */
    struct weft_addr gateway4; /* the switch's addresses, every pod's default route */
    struct weft_addr gateway6; /* family 0 without IPv6 */
    unsigned prefix4, prefix6;
};

bool local_has_ipv6(void);
/* Makes the switch namespace with its bridge. */
enum weft_status local_net_init(struct local_net *n, struct local_journal *j,
                                struct weft_error *err);
void local_net_done(struct local_net *n); /* closes; deletes nothing */

/* A pod's namespaces, held by a process that only waits ("pause"). */
struct local_pod_ns {
    char *netns; /* "weft-NAME-NS.POD" */
    struct local_ns ns;
    pid_t pause;
};
/* Makes the pod's network namespace with eth0, its addresses (status.podIPs of `pod`) and default
 * routes; `serial` names its port on the switch. Then its mount namespace, in which `folder`/hosts
 * and `folder`/resolv.conf lie over /etc and `folder`/run on /run/weft, and its host name. */
enum weft_status local_pod_ns_init(struct local_pod_ns *p, const struct local_net *n,
                                   struct local_journal *j, const json_t *pod, unsigned serial,
                                   const char *folder, struct weft_error *err);
/* Ends the pause process and deletes the network namespace. */
void local_pod_ns_done(struct local_pod_ns *p);
