/* SPDX-License-Identifier: Apache-2.0
 * IP address and port; IPv4-mapped IPv6 addresses are held as IPv4. */
#pragma once
#include <weft/base/slice.h>
#include <sys/socket.h>

struct weft_addr {
    uint8_t family; /* 4, 6, or 0 for none */
    uint8_t pad;
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; unused bytes zero, so that memcmp works as equality */
};

enum { WEFT_ADDR_STR = 56 }; /* room for "[IPv6]:port" and NUL */

static inline bool weft_addr_eq(const struct weft_addr *a, const struct weft_addr *b) {
    return memcmp(a, b, sizeof *a) == 0;
}
/* "10.0.0.1:80" or "[::1]:80". */
void weft_addr_format(const struct weft_addr *a, char ret[WEFT_ADDR_STR]);
/* The IP alone, without brackets. */
void weft_addr_format_ip(const struct weft_addr *a, char ret[WEFT_ADDR_STR]);
/* ADDR:PORT as above; false when malformed. */
bool weft_addr_parse(struct weft_slice s, struct weft_addr *ret);
/* A bare IP of either family (port becomes 0). */
bool weft_addr_parse_ip(struct weft_slice s, struct weft_addr *ret);
void weft_addr_from_sockaddr(const struct sockaddr *sa, struct weft_addr *ret);
/* Returns the length for bind/connect. */
socklen_t weft_addr_to_sockaddr(const struct weft_addr *a, struct sockaddr_storage *ret);
bool weft_addr_is_loopback(const struct weft_addr *a);
bool weft_addr_is_any(const struct weft_addr *a);
uint64_t weft_addr_hash(const struct weft_addr *a);
