/* SPDX-License-Identifier: Apache-2.0
 * Names to addresses, by the system's resolver, without blocking the loop. */
#pragma once
#include <weft/base/addr.h>
#include <weft/net/loop.h>

/* "host:port" or "ADDR:PORT"; false when it is neither. `ret_host` lies in s. */
bool weft_host_port(struct weft_slice s, struct weft_slice *ret_host, uint16_t *ret_port);

struct weft_resolve;
/* Calls fn once, never from inside this call: OK with at least one address (port set), NOT_FOUND,
 * or TIMEOUT after timeout_us. The handle is dead then. An IP address resolves to itself. */
typedef void (*weft_resolve_fn)(void *ud, enum weft_status st, const struct weft_addr *addrs,
                                size_t n);
struct weft_resolve *weft_resolve_start(struct weft_loop *l, struct weft_slice host, uint16_t port,
                                        uint64_t timeout_us, weft_resolve_fn fn, void *ud);
void weft_resolve_cancel(struct weft_resolve *r); /* fn is not called; takes NULL */
