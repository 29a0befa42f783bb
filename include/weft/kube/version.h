/* SPDX-License-Identifier: Apache-2.0
 * What an API server says of itself at /version. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Native sidecars (an init container with restartPolicy Always) are on from here on; KEP-753. */
enum { WEFT_KUBE_NATIVE_SIDECARS = 29 };

/* The minor version of Kubernetes 1 ("29", or "29+" as some vendors write it). False: the object
 * tells no version of Kubernetes 1. */
bool weft_kube_minor(const json_t *version, uint64_t *ret);
