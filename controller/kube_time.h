/* SPDX-License-Identifier: Apache-2.0
 * Time as Kubernetes writes it (RFC 3339, UTC). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CONTROLLER_TIME = 32 }; /* with NUL */
/* "2026-11-23T15:04:05Z", of a metav1.Time */
void controller_time(uint64_t unix_us, char ret[CONTROLLER_TIME]);
/* "2026-11-23T15:04:05.000001Z", of a metav1.MicroTime */
void controller_micro_time(uint64_t unix_us, char ret[CONTROLLER_TIME]);
