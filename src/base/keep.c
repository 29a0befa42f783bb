/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/keep.h>

#include <stdint.h>
#include <string.h>

#include <weft/base/alloc.h>

enum {
    STEP = 64,
    CLASSES = 32,                 /* up to 2 KiB */
    MAX_KEPT = 512 * 1024 / STEP, /* in steps, of all classes together */
};

#ifdef WEFT_ARENA_EMULATE
enum { CAN_KEEP = 0 };
#else
enum { CAN_KEEP = 1 };
#endif

struct kept {
    struct kept *next;
};

static _Thread_local struct kept *lists[CLASSES];
static _Thread_local uint32_t n_kept; /* steps */

static size_t class_of(size_t n) {
    return n ? (n - 1) / STEP : 0;
}

void *weft_keep_alloc(size_t n) {
    size_t c = class_of(n);
    if (!CAN_KEEP || c >= CLASSES) return weft_alloc(n);
    struct kept *k = lists[c];
    if (!k) return weft_alloc((c + 1) * STEP);
    lists[c] = k->next;
    n_kept -= (uint32_t)c + 1;
    return k;
}

void *weft_keep_alloc0(size_t n) {
    return memset(weft_keep_alloc(n), 0, n);
}

void weft_keep_free(void *p, size_t n) {
    size_t c = class_of(n);
    if (!CAN_KEEP || !p || c >= CLASSES || n_kept + c + 1 > MAX_KEPT) {
        free(p);
        return;
    }
    struct kept *k = p;
    k->next = lists[c];
    lists[c] = k;
    n_kept += (uint32_t)c + 1;
}
