/* SPDX-License-Identifier: Apache-2.0
 * `weft local`: a cluster's worth of pods on one machine, in network namespaces. */
#pragma once

/* argv[0] is "local"; returns the exit status of the program: 0 done, 1 failed, 2 bad usage. */
int cmd_local(int argc, char **argv);
