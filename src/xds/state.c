/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/xds/state.h>
#include <weft/base/limits.h>
#include "proto_util.h"
#include "weft.pb-c.h"

static const struct weft_slice format = {"weft.v1.State", 13};

enum weft_status weft_state_encode(const struct weft_state_item *items, size_t n,
                                   struct weft_buf *out) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, 0);
    Weft__V1__State *m = weft_pb_new(&scratch, &weft__v1__state__descriptor);
    m->format = weft_pb_bytes(format);
    m->n_resources = n;
    m->resources = (Weft__V1__Held **)weft_pb_array(&scratch, &weft__v1__held__descriptor, n);
    for (size_t i = 0; i < n; i++) {
        m->resources[i]->name = weft_pb_bytes(items[i].name);
        m->resources[i]->value = weft_pb_bytes(items[i].value);
    }
    enum weft_status st = weft_pb_pack(m, out);
    weft_arena_done(&scratch);
    return st;
}

enum weft_status weft_state_decode(struct weft_slice in,
                                   void (*fn)(void *ud, const struct weft_state_item *item),
                                   void *ud, struct weft_error *err) {
    struct weft_arena scratch;
    weft_arena_init(&scratch, weft_pb_scratch_limit(in.len));
    const Weft__V1__State *m = in.len > WEFT_MAX_SNAPSHOT_BYTES
                                   ? NULL
                                   : weft_pb_unpack(&weft__v1__state__descriptor, in, &scratch);
    bool ok = m && weft_slice_eq(weft_pb_slice(m->format), format);
    for (size_t i = 0; ok && i < m->n_resources; i++)
        fn(ud, &(struct weft_state_item){weft_pb_slice(m->resources[i]->name),
                                         weft_pb_slice(m->resources[i]->value)});
    weft_arena_done(&scratch);
    return ok ? WEFT_OK
              : weft_error_set(err, WEFT_INVALID, "", "is not a state file of weft-proxy");
}
