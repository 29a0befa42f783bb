/* SPDX-License-Identifier: Apache-2.0
 * The words of the limits. */
#include <weft/http/limit.h>

const char *weft_cap_word(enum weft_cap c) {
    static const char *const words[WEFT_CAP_COUNT] = {
#define X(id, word) word,
        WEFT_CAP_MAP(X)
#undef X
    };
    return words[c];
}
