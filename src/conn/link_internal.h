/* SPDX-License-Identifier: Apache-2.0
 * One codec over one transport, whatever the role: moves bytes between them once a turn, stops
 * reading when the codec is full, stops pulling when the socket is, and takes both down together.
 */
#pragma once
#include <weft/http/codec.h>
#include <weft/net/xport.h>

struct weft_link_cb {
    /* Something moved (input fed, output pulled): streams may have ended, capacity may be back. */
    void (*on_activity)(void *ud);
    /* The connection is gone: transport closed, every stream reset. The last event; the link may be
     * freed with its owner from here. */
    void (*on_dead)(void *ud);
};

struct weft_link {
    struct weft_xport *xport;
    struct weft_codec *codec;
    struct weft_loop *loop;
    struct weft_buf rest; /* input that the codec has not taken yet */
    struct weft_buf out;  /* on its way from the codec to the transport */
    struct weft_task flush, input, teardown;
    const struct weft_link_cb *cb;
    void *ud;
    struct weft_output_budget *budget; /* may be NULL: counted there ... */
    uint64_t counted;                  /* ... with so much */
    enum weft_cap cap;                 /* what the peer ran into, once the codec is gone */
    uint32_t refused;  /* streams that the codec refused and nobody was told of yet */
    uint64_t heard_us; /* when bytes, or their end, came last */
    uint32_t reads;    /* since weft_link_check looked */
    bool busy;         /* as the transport was told */
    /* weft_link_check: when the connection moved, or owed nothing, and when bytes left it last; to
     * which counts. */
    uint64_t moved_us, wrote_us, at_codec, at_wire;
    enum weft_status why; /* of weft_link_fail */
    bool patient;         /* see weft_link_finish */
    bool reading, eof, shut, ending, closing, dead;
    enum { WEFT_LINK_FIN, WEFT_LINK_FLUSH, WEFT_LINK_RST } how; /* how to close */
};

/* Owns x and codec. The codec's owner must be this link; weft_link_on_output and _on_input are the
 * codec callbacks of those names. */
void weft_link_init(struct weft_link *l, struct weft_xport *x, const struct weft_link_cb *cb,
                    void *ud);
void weft_link_start(struct weft_link *l, struct weft_codec *codec);
void weft_link_on_output(void *link);
void weft_link_on_input(void *link);
/* Closes at the end of the turn (so also from inside codec callbacks); on_dead follows. Idempotent.
 */
void weft_link_close(struct weft_link *l);
/* The same, but what is queued is still sent. */
void weft_link_close_flush(struct weft_link *l);
/* The orderly end, nothing is in flight. A patient link waits for it until the transport has sent
 * everything, so that a slow reader is still counted, timed and waited for. */
void weft_link_finish(struct weft_link *l);
/* The same with RST, at once. */
void weft_link_abort(struct weft_link *l);
/* And streams are told why: on_reset with `why`. */
void weft_link_fail(struct weft_link *l, enum weft_status why);
/* To be called every second or so. Does what is queued move? Streams whose own window is shut for
 * the timeout are reset; how many. *ret_stuck: nothing of the connection moves, out of the socket
 * or its window, for as long. 0: no timeout. */
uint32_t weft_link_check(struct weft_link *l, uint64_t timeout_us, bool *ret_stuck);
/* Brings what is queued here to the budget's account. */
void weft_link_count(struct weft_link *l);
