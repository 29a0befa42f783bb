/* SPDX-License-Identifier: Apache-2.0
 * A mesh that is started for one command and ended with it. */
#pragma once
#include <cli/local/verbs.h>

struct own_mesh {
    const char *folder, *bin_dir, *channel;
    struct local_target target; /* no name: one of this process */
    uint64_t timeout_s;
    /* made by own_mesh_up */
    char *name, *state_dir;
    bool begun;
};
/* `weft local up --detach`; its words are shown only if it fails, errors of manifests always.
 * Returns its exit status. */
int own_mesh_up(struct own_mesh *m);
/* Whatever there is of it, and the strings. */
void own_mesh_down(struct own_mesh *m);
