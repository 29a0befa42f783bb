/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets. Ours from the start (SO_REUSEPORT, so that every worker has its own queue),
 * handed to libuv opened and bound. */
#include "xport_internal.h"
#include <weft/base/alloc.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_TAKEN = 32 }; /* connections accepted in one turn */

struct weft_listener {
    struct weft_loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    void (*on_accept)(void *ud, struct weft_xport *x);
    void *ud;
    struct weft_addr addr;
    char *path;            /* unix; removed at close */
    struct weft_task more; /* takes what waits, in the next turn */
    unsigned taken;        /* in this turn */
};

static void on_closed(uv_handle_t *h) {
    struct weft_listener *ln = h->data;
    free(ln->path);
    free(ln);
}

void weft_listener_close(struct weft_listener *ln) {
    if (!ln) return;
    if (ln->path) (void)unlink(ln->path);
    weft_task_cancel(&ln->more);
    uv_close(&ln->uv.handle, on_closed);
}

bool weft_listener_waiting(const struct weft_listener *ln) {
    struct pollfd p = {.fd = -1, .events = POLLIN};
    (void)uv_fileno(&ln->uv.handle, &p.fd);
    return ln->taken > MAX_TAKEN || poll(&p, 1, 0) > 0;
}

const struct weft_addr *weft_listener_addr(const struct weft_listener *ln) {
    return &ln->addr;
}

static void take(struct weft_listener *ln) {
    ln->loop->activity++;
    struct weft_xport *x = xport_tcp_accept(ln->loop, &ln->uv.stream, ln->path != NULL);
    if (x) ln->on_accept(ln->ud, x);
}

static void take_more(void *arg) {
    struct weft_listener *ln = arg;
    bool waits = ln->taken > MAX_TAKEN;
    ln->taken = 0;
    if (waits) take(ln);
}

/* Those who knock must not keep those who are in from being served: libuv accepts as long as
 * somebody knocks, unless a connection is not taken from it at once. */
static void on_connection(uv_stream_t *s, int status) {
    struct weft_listener *ln = s->data;
    if (status < 0) return; /* out of descriptors: libuv shed the connection */
    weft_task_queue(ln->loop, &ln->more);
    if (++ln->taken <= MAX_TAKEN) take(ln);
}

static struct weft_listener *listener_alloc(struct weft_loop *l,
                                            void (*on_accept)(void *ud, struct weft_xport *x),
                                            void *ud, const char *path) {
    struct weft_listener *ln = weft_new0(struct weft_listener);
    ln->loop = l;
    weft_task_init(&ln->more, take_more, ln);
    ln->on_accept = on_accept;
    ln->ud = ud;
    if (path) ln->path = weft_strdup(path);
    int err = path ? uv_pipe_init(&l->uv, &ln->uv.pipe, 0) : uv_tcp_init(&l->uv, &ln->uv.tcp);
    WEFT_CHECK(err == 0);
    ln->uv.handle.data = ln;
    return ln;
}

/* Takes over fd, which is bound. */
static int listener_start(struct weft_listener *ln, int fd, int backlog) {
    int err = ln->path ? uv_pipe_open(&ln->uv.pipe, fd) : uv_tcp_open(&ln->uv.tcp, fd);
    if (err) {
        (void)close(fd);
        return err;
    }
    return uv_listen(&ln->uv.stream, backlog, on_connection);
}

/* All addresses are those of IPv4 where the kernel has no IPv6. */
static const struct weft_addr *or_any4(const struct weft_addr *at, struct weft_addr *any4) {
    *any4 = (struct weft_addr){.family = 4, .port = at->port};
    return at->family == 6 && weft_addr_is_any(at) && errno == EAFNOSUPPORT ? any4 : NULL;
}

static int bound_socket(const struct weft_addr *at, const struct weft_listen_options *opt) {
    int family = at->family == 4 ? AF_INET : AF_INET6, on = 1, v6_only = opt->v6_only;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct weft_addr any4;
    if (fd < 0 && !v6_only && (at = or_any4(at, &any4))) return bound_socket(at, opt);
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (opt->reuse_port) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    xport_tcp_tune(fd);
    struct sockaddr_storage ss;
    socklen_t len = weft_addr_to_sockaddr(at, &ss);
    if (bind(fd, (struct sockaddr *)&ss, len) == 0) return fd;
    int err = errno;
    (void)close(fd);
    errno = err;
    return -1;
}

enum weft_status weft_listener_new(struct weft_loop *l, const struct weft_addr *at,
                                   const struct weft_listen_options *opt,
                                   void (*on_accept)(void *ud, struct weft_xport *x), void *ud,
                                   struct weft_listener **ret, struct weft_error *err) {
    static const struct weft_listen_options none = {0};
    char text[WEFT_ADDR_STR];
    weft_addr_format(at, text);
    if (!opt) opt = &none;
    int fd = bound_socket(at, opt);
    if (fd < 0)
        return weft_error_set(err, weft_status_from_errno(errno), text, "cannot listen: %s",
                              strerror(errno));
    struct weft_listener *ln = listener_alloc(l, on_accept, ud, NULL);
    int rc = listener_start(ln, fd, opt->backlog ? opt->backlog : 1024);
    if (rc) {
        weft_listener_close(ln);
        return weft_error_set(err, weft_status_from_errno(-rc), text, "cannot listen: %s",
                              uv_strerror(rc));
    }
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    (void)getsockname(fd, (struct sockaddr *)&ss, &len);
    weft_addr_from_sockaddr((struct sockaddr *)&ss, &ln->addr);
    *ret = ln;
    return WEFT_OK;
}

/* A socket file that nobody listens on is left from a crash. */
static void remove_stale(const struct sockaddr_un *sun) {
    struct stat st;
    if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) != 0 && errno == ECONNREFUSED)
        (void)unlink(sun->sun_path);
    (void)close(fd);
}

static int bound_unix(const char *path, unsigned mode) {
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sun.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    remove_stale(&sun);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    /* The mode of the socket is that of the file bind makes: never open too wide for a moment. */
    (void)fchmod(fd, mode);
    if (bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0 && chmod(path, mode) == 0) return fd;
    int err = errno;
    (void)close(fd);
    errno = err;
    return -1;
}

enum weft_status weft_listener_new_unix(struct weft_loop *l, const char *path, unsigned mode,
                                        void (*on_accept)(void *ud, struct weft_xport *x), void *ud,
                                        struct weft_listener **ret, struct weft_error *err) {
    int fd = bound_unix(path, mode);
    if (fd < 0)
        return weft_error_set(err, weft_status_from_errno(errno), path, "cannot listen: %s",
                              strerror(errno));
    struct weft_listener *ln = listener_alloc(l, on_accept, ud, path);
    int rc = listener_start(ln, fd, 128);
    if (rc) {
        weft_listener_close(ln);
        return weft_error_set(err, weft_status_from_errno(-rc), path, "cannot listen: %s",
                              uv_strerror(rc));
    }
    *ret = ln;
    return WEFT_OK;
}
