/* SPDX-License-Identifier: Apache-2.0
 * The destination before an iptables REDIRECT, as connection tracking remembers it
 * (linux/netfilter_ipv4.h SO_ORIGINAL_DST, linux/netfilter_ipv6/ip6_tables.h IP6T_SO_ORIGINAL_DST).
 */
#include "xport_internal.h"

#include <netinet/in.h>

enum { ORIGINAL_DST = 80 }; /* the same number in both families */

enum weft_status xport_tcp_original_dst(struct weft_xport *x, struct weft_addr *ret) {
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)xport_tcp_stream(x), &fd)) return WEFT_NOT_FOUND;
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss, len6 = sizeof ss;
    if (getsockopt(fd, SOL_IP, ORIGINAL_DST, &ss, &len) != 0 && /* of the other family? */
        getsockopt(fd, SOL_IPV6, ORIGINAL_DST, &ss, &len6) != 0)
        return WEFT_NOT_FOUND;
    weft_addr_from_sockaddr((struct sockaddr *)&ss, ret);
    return ret->family ? WEFT_OK : WEFT_NOT_FOUND;
}
