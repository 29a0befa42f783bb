/* SPDX-License-Identifier: Apache-2.0
 * A redirected connection arrives at the outbound port, with the address that was dialled as its
 * original destination (SO_ORIGINAL_DST) and our own socket as its peer. */
#include <init/probe.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ORIGINAL_DST = 80, WAIT_MS = 1000 };

static int new_socket(int family) {
    return socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int listen_at(int family, uint64_t port) {
    struct weft_addr any = {.family = (uint8_t)family, .port = (uint16_t)port};
    struct sockaddr_storage ss;
    socklen_t len = weft_addr_to_sockaddr(&any, &ss);
    int fd = new_socket(family), on = 1;
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == 6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, 16) == 0) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int listen_or_say(int family, uint64_t port, char *why, size_t why_size) {
    int fd = listen_at(family, port);
    if (fd < 0)
        snprintf(why, why_size, "port %llu cannot be listened on: %s%s", (unsigned long long)port,
                 strerror(errno), errno == EADDRINUSE ? " (is the proxy running already?)" : "");
    return fd;
}

bool init_probe_open(struct init_probe *p, int family, uint64_t outbound_port,
                     uint64_t inbound_port, char *why, size_t why_size) {
    *p = (struct init_probe){.family = family, .out_fd = -1, .in_fd = -1};
    p->out_fd = listen_or_say(family, outbound_port, why, why_size);
    if (p->out_fd >= 0) p->in_fd = listen_or_say(family, inbound_port, why, why_size);
    if (p->in_fd >= 0) return true;
    init_probe_close(p);
    return false;
}

void init_probe_close(struct init_probe *p) {
    if (p->out_fd >= 0) close(p->out_fd);
    if (p->in_fd >= 0) close(p->in_fd);
    p->out_fd = p->in_fd = -1;
}

static struct weft_addr name_of(int fd, int (*which)(int, struct sockaddr *, socklen_t *)) {
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    struct weft_addr a = {0};
    if (which(fd, (struct sockaddr *)&ss, &len) == 0)
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &a);
    return a;
}

static struct weft_addr original_dst(int fd, int family) {
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    struct weft_addr a = {0};
    if (getsockopt(fd, family == 4 ? SOL_IP : SOL_IPV6, ORIGINAL_DST, &ss, &len) == 0)
        weft_addr_from_sockaddr((struct sockaddr *)&ss, &a);
    return a;
}

static bool is_no_route(int e) {
    return e == ENETUNREACH || e == EHOSTUNREACH || e == EADDRNOTAVAIL;
}

static int start(const struct weft_addr *to) {
    struct sockaddr_storage ss;
    socklen_t len = weft_addr_to_sockaddr(to, &ss);
    int fd = new_socket(to->family);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Accepts until our own connection shows up; strangers may come to an open port. */
static int take_ours(int listener, const struct weft_addr *self) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        struct weft_addr peer = name_of(fd, getpeername);
        if (weft_addr_eq(&peer, self)) return fd;
    }
    return -1;
}

/* The accepted end, and in *ret_port_ok whether at the outbound port; -1 when time is up. */
static int await(const struct init_probe *p, const struct weft_addr *self, bool *ret_port_ok) {
    int64_t end = now_ms() + WAIT_MS, left;
    while ((left = end - now_ms()) > 0) {
        struct pollfd fds[2] = {{.fd = p->out_fd, .events = POLLIN},
                                {.fd = p->in_fd, .events = POLLIN}};
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR) break;
        for (int i = 0; i < 2; i++) {
            int fd = fds[i].revents ? take_ours(fds[i].fd, self) : -1;
            *ret_port_ok = i == 0;
            if (fd >= 0) return fd;
        }
    }
    return -1;
}

static enum init_probed judge(const struct init_probe *p, int fd, bool port_ok,
                              const struct weft_addr *to, char *why, size_t why_size) {
    struct weft_addr dst = original_dst(fd, p->family);
    char text[WEFT_ADDR_STR];
    if (!port_ok) {
        snprintf(why, why_size, "it came to the inbound port");
        return INIT_PROBED_ASTRAY;
    }
    if (weft_addr_eq(&dst, to)) return INIT_PROBED_OK;
    weft_addr_format(&dst, text);
    snprintf(why, why_size, "it arrived with the original destination %s",
             dst.family ? text : "lost");
    return INIT_PROBED_ASTRAY;
}

enum init_probed init_probe_connect(struct init_probe *p, const struct weft_addr *to, char *why,
                                    size_t why_size) {
    int fd = start(to);
    if (fd < 0) {
        snprintf(why, why_size, "%s", strerror(errno));
        return is_no_route(errno) ? INIT_PROBED_NO_ROUTE : INIT_PROBED_ASTRAY;
    }
    struct weft_addr self = name_of(fd, getsockname);
    bool port_ok = false;
    int got = await(p, &self, &port_ok);
    enum init_probed res = INIT_PROBED_ASTRAY;
    if (got >= 0)
        res = judge(p, got, port_ok, to, why, why_size);
    else
        snprintf(why, why_size, "it did not arrive at either port within %d s", WAIT_MS / 1000);
    if (got >= 0) close(got);
    close(fd);
    return res;
}
