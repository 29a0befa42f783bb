/* SPDX-License-Identifier: Apache-2.0
 * A client connection as its pool sees it. */
#pragma once
#include <weft/conn/pool.h>

#include "link_internal.h"

#define weft_client_conn_MAGIC 0x434c4943u

struct weft_client_conn {
    WEFT_OBJ;
    struct weft_link link;
    struct weft_list node;         /* in its pool group's list */
    struct weft_pool_group *group; /* NULL outside a pool */
    uint64_t served, last_used_us;
    uint64_t idle_timeout_us;
    struct weft_timer idle;    /* outside a pool: the next PING */
    uint64_t beat_us, dead_us; /* of weft_client_conn_keepalive */
    uint64_t unheard_us;       /* since when its host acknowledges nothing; 0: it does */
    bool retired;              /* takes no new requests */
    void (*on_closed)(void *ud);
    void *ud;
    /* Pool hooks; NULL outside a pool. */
    void (*on_room)(struct weft_client_conn *c);    /* something moved: it may have room */
    void (*on_retired)(struct weft_client_conn *c); /* it became so; once */
    void (*on_gone)(struct weft_client_conn *c);
};

/* To be called every second or so; see weft_pool_check. */
void weft_client_conn_check(struct weft_client_conn *c, uint64_t write_us, uint64_t dead_us);
uint32_t weft_client_conn_room(const struct weft_client_conn *c);
void weft_client_conn_retire(struct weft_client_conn *c); /* ends when its streams have */
