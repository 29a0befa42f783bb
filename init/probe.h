/* SPDX-License-Identifier: Apache-2.0
 * One connection to an address that nobody has, and where it arrived. */
#pragma once
#include <weft/base/addr.h>

struct init_probe {
    int family;
    int out_fd, in_fd; /* listening on the two ports; -1 */
};

enum init_probed {
    INIT_PROBED_OK,
    INIT_PROBED_ASTRAY,   /* not at the outbound port, or with another original destination */
    INIT_PROBED_NO_ROUTE, /* the kernel has no way there, so it never comes to the rules */
};

/* Listens on both ports on every address of the family. false: `why` says which port and what the
 * kernel said. */
bool init_probe_open(struct init_probe *p, int family, uint64_t outbound_port,
                     uint64_t inbound_port, char *why, size_t why_size);
/* Connects to `to` and waits for it at the two ports. `why` explains anything but OK. */
enum init_probed init_probe_connect(struct init_probe *p, const struct weft_addr *to, char *why,
                                    size_t why_size);
void init_probe_close(struct init_probe *p);
