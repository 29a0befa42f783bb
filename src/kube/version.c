/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/kube/version.h>

#include <weft/object/json.h>

bool weft_kube_minor(const json_t *version, uint64_t *ret) {
    struct weft_slice minor = weft_js_str(version, "minor");
    size_t digits = 0;
    while (digits < minor.len && minor.base[digits] >= '0' && minor.base[digits] <= '9') digits++;
    return weft_slice_is(weft_js_str(version, "major"), "1") &&
           weft_slice_u64(weft_slice_head(minor, digits), 1000, ret);
}
