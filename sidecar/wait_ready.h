/* SPDX-License-Identifier: Apache-2.0
 * weft-proxy --wait-ready: the start hook of clusters without native sidecars. */
#pragma once
#include <stdint.h>

/* Asks the proxy of this pod on loopback until it is ready. Returns the exit status: 0, or 1 when
 * the time is over. */
int proxy_wait_ready(uint16_t port, uint64_t timeout_us);
