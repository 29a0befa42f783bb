/* SPDX-License-Identifier: Apache-2.0
 * The process that holds a pod's mount and host-name namespaces and does nothing else. */
#pragma once
#include <cli/local/spawn.h>

/* Starts it in ns->net and opens its new namespaces into ns->mnt and ns->uts. Programs of the pod
 * see `folder`/hosts as /etc/hosts, `folder`/resolv.conf as /etc/resolv.conf, an empty /run with
 * `folder`/run on /run/weft, and on /run/weft/state memory that only the proxy's uid can read. */
enum weft_status local_pause_start(struct local_ns *ns, struct local_journal *j,
                                   const char *hostname, const char *folder, pid_t *ret,
                                   struct weft_error *err);
