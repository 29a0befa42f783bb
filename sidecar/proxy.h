/* SPDX-License-Identifier: Apache-2.0
 * The whole proxy: the main thread's loop and everything that hangs on it. */
#pragma once
#include <sidecar/options.h>

/* Runs until SIGTERM or SIGINT and the end of the drain. Returns the exit status: 0 stopped as
 * asked, 1 could not run (said on stderr). */
int proxy_run(const struct proxy_options *opt);
/* --check: 0 when the snapshot can be served, else 1 and why. */
int proxy_check(const struct proxy_options *opt);
