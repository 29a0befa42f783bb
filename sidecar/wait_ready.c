/* SPDX-License-Identifier: Apache-2.0
 * A program of its own, run beside the proxy by the kubelet: plain blocking sockets. */
#include <sidecar/wait_ready.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <weft/base/addr.h>
#include <weft/base/clock.h>

enum { ANSWER_S = 1, PAUSE_MS = 100 };

static bool is_ready(int fd) {
    static const char request[] =
        "GET /ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    static const char good[] = "HTTP/1.1 200";
    char head[sizeof good] = "";
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) return false;
    return recv(fd, head, sizeof good - 1, MSG_WAITALL) > 0 && !strcmp(head, good);
}

static bool ask(uint16_t port) {
    struct weft_addr to = {.family = 4, .port = port, .ip = {127, 0, 0, 1}};
    struct timeval wait = {.tv_sec = ANSWER_S};
    struct sockaddr_storage sa;
    socklen_t len = weft_addr_to_sockaddr(&to, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    bool yes = connect(fd, (struct sockaddr *)&sa, len) == 0 && is_ready(fd);
    close(fd);
    return yes;
}

int proxy_wait_ready(uint16_t port, uint64_t timeout_us) {
    uint64_t end = weft_clock_mono_us() + timeout_us;
    while (!ask(port)) {
        if (weft_clock_mono_us() >= end) {
            fprintf(stderr, "weft-proxy: not ready on port %u in time\n", port);
            return 1;
        }
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    return 0;
}
