/* SPDX-License-Identifier: Apache-2.0
 * weft-init --check: is what the options ask for in force? */
#pragma once
#include <init/options.h>

/* 0: it is; 1: it is not, or could not be proven. Says what was found on stdout, what is wrong on
 * stderr. Changes nothing. */
int init_check(const struct init_options *o);
