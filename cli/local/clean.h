/* SPDX-License-Identifier: Apache-2.0
 * Taking a mesh away by its journal: processes, network namespaces, mounts, the state folder. */
#pragma once
#include <weft/base/status.h>

struct local_clean_counts {
    unsigned processes, namespaces;
};

/* Kills what the journal in `state_dir` names (a process only if its start time matches), every
 * process inside the network namespaces of the mesh, then deletes those namespaces and the folder.
 * Spares this process. Nothing to do is fine. WEFT_IO if something is left. */
enum weft_status local_clean(const char *state_dir, struct local_clean_counts *ret,
                             struct weft_error *err);
/* Kills every process inside a named network namespace. */
void local_kill_inside(const char *netns);
