/* SPDX-License-Identifier: Apache-2.0
 * The whole run of weft-init once its options are known. */
#pragma once
#include <init/options.h>

/* 0 done (also with one address family absent), 1 not applied, or not completely. Says what it did
 * on stdout (the texts themselves with dry_run), warnings and errors on stderr. */
int init_run(const struct init_options *o);
