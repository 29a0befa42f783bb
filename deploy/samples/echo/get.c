/* SPDX-License-Identifier: Apache-2.0
 * weft-echo --get: one request, and everything that comes back on standard output, for pods whose
 * image holds nothing else. */
#include "echo.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <weft/base/slice.h>

enum { MAX_WAIT_S = 10 };

static int failed(const char *what, const char *why) {
    fprintf(stderr, "weft-echo: %s: %s\n", what, why);
    return 1;
}

static int dial(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct timeval wait = {.tv_sec = MAX_WAIT_S};
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

/* Copies until the end; the status of "HTTP/1.1 200 …", 0 without one. */
static int receive(int fd) {
    char buf[16384], line[16] = "";
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        size_t more = sizeof line - 1 - have;
        if (more > (size_t)n) more = (size_t)n;
        memcpy(line + have, buf, more);
        have += more;
        (void)fwrite(buf, 1, (size_t)n, stdout);
    }
    uint64_t status = 0;
    if (n < 0 || strncmp(line, "HTTP/1.", 7) != 0 || have < 12) return 0;
    return weft_slice_u64(weft_slice(line + 9, 3), 999, &status) ? (int)status : 0;
}

int echo_get(const char *url) {
    static const char scheme[] = "http://";
    char authority[256], request[2048];
    if (strncmp(url, scheme, strlen(scheme)) != 0)
        return failed(url, "use http://HOST[:PORT]/PATH");
    const char *at = url + strlen(scheme);
    size_t n = strcspn(at, "/?");
    const char *path = at + n, *slash = *path == '/' ? "" : "/";
    if (n == 0 || n >= sizeof authority || strlen(path) > 1024 || strpbrk(url, " \r\n"))
        return failed(url, "use http://HOST[:PORT]/PATH");
    snprintf(authority, sizeof authority, "%.*s", (int)n, at);
    int len = snprintf(request, sizeof request,
                       "GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weft-echo/" WEFT_VERSION
                       "\r\nConnection: close\r\n\r\n",
                       slash, path, authority);
    char *colon = strrchr(authority, ':'), *host = authority;
    if (colon && strchr(colon, ']')) colon = NULL;
    if (colon) *colon = 0;
    if (*host == '[' && strchr(host, ']')) *strchr(host++, ']') = 0;
    int fd = dial(host, colon ? colon + 1 : "80");
    if (fd < 0) return failed(url, "cannot connect");
    int status = write(fd, request, (size_t)len) == len ? receive(fd) : 0;
    close(fd);
    if (!status) return failed(url, "no whole answer came");
    return status < 400 ? 0 : 1;
}
