/* SPDX-License-Identifier: Apache-2.0
 * Opaque bytes both ways between two open transports, half-close kept, with backpressure. */
#pragma once
#include <weft/http/limit.h>
#include <weft/net/xport.h>

struct weft_relay;
struct weft_relay_result {
    uint64_t a_to_b, b_to_a; /* bytes */
    enum weft_status status; /* OK: both sides ended orderly */
    bool by_b;               /* else: it was b that broke, not a */
};
/* Owns both. on_done is the last event, not called from inside this. */
struct weft_relay *weft_relay_new(struct weft_xport *a, struct weft_xport *b,
                                  void (*on_done)(void *ud, const struct weft_relay_result *r),
                                  void *ud);
/* Right after new: shows fn (with the same ud) what a sends, before it goes on, until fn says
 * false. fn changes nothing and closes nothing. */
void weft_relay_peek(struct weft_relay *r, bool (*fn)(void *ud, struct weft_slice data));
void weft_relay_close(struct weft_relay *r); /* on_done follows */
void weft_relay_cut(struct weft_relay *r);   /* the same, but both sides see it broken */
/* To be called now and then: IDLE_TIMEOUT when no byte came from either side for idle_us,
 * WRITE_TIMEOUT when one takes nothing of what is queued for write_us; 0: never. Else NONE. */
enum weft_cap weft_relay_check(struct weft_relay *r, uint64_t idle_us, uint64_t write_us);
