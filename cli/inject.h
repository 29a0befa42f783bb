/* SPDX-License-Identifier: Apache-2.0
 * Manifests with sidecars put in: every pod and pod template of a text, the rest as it was. Pure.
 */
#pragma once
#include <weft/gamma/inject.h>

struct cli_inject {
    const struct weft_inject_options *opt; /* without a secret: each workload gets its own */
    bool json; /* what is written: a List, or one object; else YAML documents */
    /* "Deployment shop/web: injected", for a person; `bad`: nothing may be applied. */
    void (*say)(void *ud, bool bad, const char *text);
    /* Of one workload, for the paths of its hooks: 32 hexadecimal digits that nobody guesses. */
    void (*draw_secret)(void *ud, char ret[33]);
    void *ud;
};
/* Appends the result. The Namespaces in the text count: their label `disabled` keeps pods from
 * being injected, else all are but those whose own annotation says `disabled`. Documents without a
 * pod stay byte for byte (YAML). INVALID with the line: not YAML. */
enum weft_status cli_inject_text(const struct cli_inject *c, struct weft_slice text,
                                 struct weft_buf *ret, struct weft_error *err);
