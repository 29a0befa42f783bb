/* SPDX-License-Identifier: Apache-2.0
 * The usual metrics of the process itself: CPU time, memory, open files, when it started. */
#pragma once
#include <weft/base/buf.h>

/* Appends process_* families in Prometheus text; what /proc does not tell is left out. */
void weft_process_metrics_text(struct weft_buf *out);
