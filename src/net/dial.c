/* SPDX-License-Identifier: Apache-2.0
 * Connecting. Whatever goes wrong, also at once, is told by on_open and never from inside the call.
 */
#include "xport_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

static void on_uv_connect(uv_connect_t *req, int status) {
    struct weft_xport *x = req->data;
    if (status == UV_ECANCELED) return; /* closed meanwhile */
    if (status < 0)
        xport_fail(x, weft_status_from_errno(-status));
    else
        xport_opened(x);
}

static int bind_source(int fd, const struct weft_addr *ip) {
    struct sockaddr_storage ss;
    socklen_t len = weft_addr_to_sockaddr(ip, &ss);
    int on = 1; /* the port is chosen at connect, so that it only has to be unique per peer */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&ss, len);
}

static struct weft_xport *failed(struct weft_loop *l, int fd, int err) {
    if (fd >= 0) (void)close(fd);
    struct weft_xport *x = xport_tcp_new_unix(l);
    xport_fail_later(x, weft_status_from_errno(err));
    return x;
}

struct weft_xport *weft_xport_dial(struct weft_loop *l, const struct weft_addr *to,
                                   const struct weft_addr *bind_ip, uint64_t timeout_us) {
    int family = to->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(l, fd, errno);
    xport_tcp_tune(fd);
    if (bind_ip && bind_source(fd, bind_ip) != 0) return failed(l, fd, errno);
    struct weft_xport *x = xport_tcp_new(l, fd);
    if (!x) return failed(l, -1, EBADF);
    struct sockaddr_storage ss;
    (void)weft_addr_to_sockaddr(to, &ss);
    int err = uv_tcp_connect(xport_tcp_connect_req(x), (uv_tcp_t *)xport_tcp_stream(x),
                             (struct sockaddr *)&ss, on_uv_connect);
    if (err)
        xport_fail_later(x, weft_status_from_errno(-err));
    else
        xport_deadline(x, timeout_us);
    return x;
}

struct weft_xport *weft_xport_dial_unix(struct weft_loop *l, const char *path) {
    struct weft_xport *x = xport_tcp_new_unix(l);
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        xport_fail_later(x, WEFT_INVALID);
    else
        uv_pipe_connect(xport_tcp_connect_req(x), (uv_pipe_t *)xport_tcp_stream(x), path,
                        on_uv_connect);
    return x;
}
