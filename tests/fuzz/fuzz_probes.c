/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as WEFT_APP_PROBES: taken or refused with a reason. */
#include <stdint.h>
#include <stdlib.h>

#include <sidecar/app_probe.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct weft_addr app = {.family = 4, .ip = {127, 0, 0, 1}};
    struct app_probes *p = NULL;
    struct weft_error err = {0};
    if (app_probes_new(NULL, weft_slice((const char *)data, size), &app, &p, &err) != WEFT_OK) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (app_probes_count(p) > APP_PROBES_MAX) abort();
    app_probes_free(p);
    return 0;
}
