/* SPDX-License-Identifier: Apache-2.0
 * What a peer may ask of an HTTP/2 connection besides requests: frames that cost us work and carry
 * nothing, resets, and the size of a head on the wire. Counted in windows of ten seconds; frames
 * that a good peer sends in answer to our own data pay for themselves. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct h2;
enum { H2_BUDGET_WINDOW_US = 10000000 };

struct h2_budget {
    uint64_t since_us;
    uint32_t frames, resets; /* spent in this window */
    uint32_t earned;         /* further frames that data on the way has paid for */
    uint64_t head_bytes;     /* of the head being received, as on the wire */
    uint64_t plain_bytes;    /* ... and decompressed */
    uint8_t continuations;   /* of the head being received */
    bool in_head;            /* between HEADERS and END_HEADERS */
    bool head_frame;         /* the frame at hand is part of a head, or the preface */
};

/* A frame head that came in: 9 bytes. False: the peer asks too much; h->base.cap says of what. */
bool h2_budget_frame(struct h2 *h, const uint8_t head[9]);
/* A field of a head was decompressed. */
bool h2_budget_field(struct h2 *h, uint64_t bytes);
/* We reset a stream with this error code. */
bool h2_budget_reset_sent(struct h2 *h, uint32_t code);
/* nghttp2 itself says that the peer sends too much that is to be answered. */
void h2_budget_flooded(struct h2 *h);
static inline void h2_budget_data_sent(struct h2_budget *b) {
    b->earned += 8;
}
