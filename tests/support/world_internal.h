/* SPDX-License-Identifier: Apache-2.0
 * Between the files of the test world. */
#pragma once
#include "support/world.h"

void world_app_accept(struct app *a, struct weft_xport *x);
void world_app_close(struct app *a);
void world_app_done(struct app *a);
void world_clients_close(struct world *w);
void world_clients_done(struct world *w);
/* One end of a pipe whose other end is returned; addresses as a redirected connection has them. */
struct weft_xport *world_pipe(struct world *w, const char *dst, struct weft_xport **ret_server);
