/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a kubeconfig file: read with and without a named context. */
#include <stdint.h>
#include <stdlib.h>

#include "src/kube/client_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct weft_slice text, const char *context) {
    struct weft_kube_config c = {0};
    struct weft_error err = {0};
    enum weft_status st = kube_config_text(text, "/x/config", context, &c, &err);
    if (st == WEFT_OK ? !c.server : c.server || !err.message[0]) abort();
    if (st == WEFT_OK && (c.cert_pem || c.cert_file) && !(c.key_pem || c.key_file)) abort();
    weft_kube_config_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_slice text = weft_slice((const char *)data, size);
    load(text, NULL);
    load(text, "dev");
    return 0;
}
