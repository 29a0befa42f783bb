/* SPDX-License-Identifier: Apache-2.0
 * The agent's folder: key, chain, trust bundle and the last good configuration, so that a restarted
 * proxy serves before the controller answers. Everything is 0600 in a folder of 0700, and replaced
 * by rename. */
#pragma once
#include <weft/base/buf.h>

enum { AGENT_MAX_PEM = 1024 * 1024 };

/* Makes the folder, or checks that it is one. */
enum weft_status agent_state_open(const char *dir);
/* One file of it; `name` is "key.pem", "chain.pem", "bundle.pem" or "config.bin". */
enum weft_status agent_state_read(const char *dir, const char *name, struct weft_buf *ret);
enum weft_status agent_state_write(const char *dir, const char *name, struct weft_slice content);
void agent_state_discard(const char *dir, const char *name);
