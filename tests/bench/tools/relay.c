/* SPDX-License-Identifier: Apache-2.0 */
// relay: the floor. One thread, epoll, no parsing: every byte that comes in on
// one side goes out on the other, one upstream connection for each downstream one.
//   relay [-s] [-t server|client -C ca -c cert -k key] [-a ADDR] LISTENPORT
// Goes to the connection's original destination (SO_ORIGINAL_DST), or to ADDR
// with the original port (-a 127.0.0.1 on the server side).
// -t server: TLS towards the accepted side; -t client: TLS towards the upstream.
// -s: splice(2) through a pipe (plain TCP only).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUF 65536
struct end {
    int fd, up, eof, wr_shut;
    uint32_t ev;
    SSL *ssl;
    struct pair *p;
    size_t off, len;
    char *buf;
    int pipe[2];
    size_t inpipe;
};
struct pair {
    struct end e[2];
    struct pair *next;
    int dead;
};
static int ep, use_splice;
static SSL_CTX *ctx;
static int tls_side = -1; // 0 accepted side, 1 upstream side
static char shared[BUF];
static struct pair *grave;

static void want(struct end *e, uint32_t ev) {
    if (e->fd < 0 || e->ev == ev) return;
    struct epoll_event x = {.events = ev, .data.ptr = e};
    epoll_ctl(ep, EPOLL_CTL_MOD, e->fd, &x);
    e->ev = ev;
}
static void kill_pair(struct pair *p) {
    if (p->dead) return;
    p->dead = 1;
    for (int i = 0; i < 2; i++) {
        struct end *e = &p->e[i];
        if (e->ssl) {
            SSL_shutdown(e->ssl);
            SSL_free(e->ssl);
        }
        if (e->fd >= 0) close(e->fd);
        e->fd = -1;
        free(e->buf);
        e->buf = 0;
        if (use_splice) {
            close(e->pipe[0]);
            close(e->pipe[1]);
        }
    }
    p->next = grave;
    grave = p;
}
static ssize_t rd(struct end *e, char *b, size_t n) {
    if (!e->ssl) {
        ssize_t r = read(e->fd, b, n);
        return r < 0 ? (errno == EAGAIN ? -1 : -2) : r;
    }
    int r = SSL_read(e->ssl, b, n);
    if (r > 0) return r;
    int k = SSL_get_error(e->ssl, r);
    ERR_clear_error();
    return k == SSL_ERROR_WANT_READ || k == SSL_ERROR_WANT_WRITE ? -1
           : k == SSL_ERROR_ZERO_RETURN                          ? 0
                                                                 : -2;
}
static ssize_t wr(struct end *e, const char *b, size_t n) {
    if (!e->ssl) {
        ssize_t r = write(e->fd, b, n);
        return r < 0 ? (errno == EAGAIN ? -1 : -2) : r;
    }
    int r = SSL_write(e->ssl, b, n);
    if (r > 0) return r;
    int k = SSL_get_error(e->ssl, r);
    ERR_clear_error();
    return k == SSL_ERROR_WANT_READ || k == SSL_ERROR_WANT_WRITE ? -1 : -2;
}
// e->buf holds what was read from e and is not yet written to the other end.
static int move(struct end *e) {
    struct end *o = &e->p->e[e == &e->p->e[0]];
    if (use_splice) {
        for (;;) {
            while (e->inpipe) {
                ssize_t w =
                    splice(e->pipe[0], 0, o->fd, 0, e->inpipe, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
                if (w < 0) {
                    if (errno == EAGAIN) {
                        want(o, EPOLLIN | EPOLLOUT);
                        return 0;
                    }
                    return -1;
                }
                e->inpipe -= w;
            }
            if (e->eof) {
                if (!o->wr_shut) {
                    shutdown(o->fd, SHUT_WR);
                    o->wr_shut = 1;
                }
                return 0;
            }
            ssize_t n = splice(e->fd, 0, e->pipe[1], 0, BUF, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
            if (n < 0) return errno == EAGAIN ? 0 : -1;
            if (n == 0)
                e->eof = 1;
            else
                e->inpipe = n;
        }
    }
    for (;;) {
        if (e->len) {
            ssize_t w = wr(o, e->buf + e->off, e->len);
            if (w == -2) return -1;
            if (w == -1) {
                want(o, EPOLLIN | EPOLLOUT);
                return 0;
            }
            e->off += w;
            e->len -= w;
            continue;
        }
        if (e->eof) {
            if (!o->wr_shut) {
                if (o->ssl)
                    SSL_shutdown(o->ssl);
                else
                    shutdown(o->fd, SHUT_WR);
                o->wr_shut = 1;
            }
            return 0;
        }
        ssize_t n = rd(e, shared, BUF);
        if (n == -2) return -1;
        if (n == -1) return 0;
        if (n == 0) {
            e->eof = 1;
            continue;
        }
        size_t off = 0;
        while (off < (size_t)n) {
            ssize_t w = wr(o, shared + off, n - off);
            if (w == -2) return -1;
            if (w == -1) {
                if (!e->buf) e->buf = malloc(BUF);
                memcpy(e->buf, shared + off, n - off);
                e->off = 0;
                e->len = n - off;
                want(o, EPOLLIN | EPOLLOUT);
                return 0;
            }
            off += w;
        }
        if (!e->ssl && n < BUF) return 0; // a short read: the socket is empty
    }
}
static int ready(struct pair *p) {
    return p->e[0].up && p->e[1].up;
}
static int shake(struct end *e) {
    if (!e->ssl) {
        e->up = 1;
        return 0;
    }
    int r = SSL_do_handshake(e->ssl);
    if (r == 1) {
        e->up = 1;
        return 0;
    }
    int k = SSL_get_error(e->ssl, r);
    ERR_clear_error();
    if (k == SSL_ERROR_WANT_READ || k == SSL_ERROR_WANT_WRITE) return 0;
    return -1;
}
int main(int argc, char **argv) {
    const char *ca = 0, *crt = 0, *key = 0, *addr = 0;
    int o;
    while ((o = getopt(argc, argv, "st:C:c:k:a:")) != -1) switch (o) {
        case 's':
            use_splice = 1;
            break;
        case 't':
            tls_side = !strcmp(optarg, "client");
            break;
        case 'C':
            ca = optarg;
            break;
        case 'c':
            crt = optarg;
            break;
        case 'k':
            key = optarg;
            break;
        case 'a':
            addr = optarg;
            break;
        default:
            return 2;
        }
    if (optind >= argc) return 2;
    signal(SIGPIPE, SIG_IGN);
    if (tls_side >= 0) {
        ctx = SSL_CTX_new(TLS_method());
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
        SSL_CTX_set1_groups_list(ctx, "X25519");
        if (SSL_CTX_use_certificate_file(ctx, crt, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_load_verify_locations(ctx, ca, 0) != 1) {
            ERR_print_errors_fp(stderr);
            return 1;
        }
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"r", 1);
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_default_read_buffer_len(ctx, BUF);
    }
    int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), y = 1;
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &y, sizeof y);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[optind]))};
    if (bind(l, (struct sockaddr *)&sa, sizeof sa) || listen(l, 4096)) {
        perror("bind");
        return 1;
    }
    ep = epoll_create1(0);
    struct epoll_event ev[256], x = {.events = EPOLLIN, .data.ptr = 0};
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &x);
    for (;;) {
        int n = epoll_wait(ep, ev, 256, -1);
        for (int i = 0; i < n; i++) {
            struct end *e = ev[i].data.ptr;
            if (!e) {
                int fd;
                while ((fd = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0) {
                    struct sockaddr_in d;
                    socklen_t dl = sizeof d;
                    if (getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &d, &dl)) {
                        close(fd);
                        continue;
                    }
                    if (addr) inet_pton(AF_INET, addr, &d.sin_addr);
                    struct pair *p = calloc(1, sizeof *p);
                    int u = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &y, sizeof y);
                    setsockopt(u, IPPROTO_TCP, TCP_NODELAY, &y, sizeof y);
                    p->e[0].fd = fd;
                    p->e[1].fd = u;
                    p->e[0].p = p->e[1].p = p;
                    if (use_splice)
                        for (int j = 0; j < 2; j++)
                            if (pipe2(p->e[j].pipe, O_NONBLOCK)) return 1;
                    if (connect(u, (struct sockaddr *)&d, sizeof d) && errno != EINPROGRESS) {
                        kill_pair(p);
                        continue;
                    }
                    if (tls_side >= 0) {
                        struct end *t = &p->e[tls_side];
                        t->ssl = SSL_new(ctx);
                        SSL_set_fd(t->ssl, t->fd);
                        if (tls_side)
                            SSL_set_connect_state(t->ssl);
                        else
                            SSL_set_accept_state(t->ssl);
                    }
                    if (!p->e[0].ssl) p->e[0].up = 1;
                    for (int j = 0; j < 2; j++) {
                        struct epoll_event q = {.events = j ? EPOLLOUT : EPOLLIN,
                                                .data.ptr = &p->e[j]};
                        if (!j && !p->e[0].ssl) q.events = 0;
                        p->e[j].ev = q.events;
                        epoll_ctl(ep, EPOLL_CTL_ADD, p->e[j].fd, &q);
                    }
                }
                continue;
            }
            struct pair *p = e->p;
            if (p->dead) continue;
            struct end *o = &p->e[e == &p->e[0]];
            if (!e->up) {
                int err = 0;
                socklen_t el = sizeof err;
                if (e == &p->e[1] && !e->ssl) {
                    getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &err, &el);
                }
                if (err || ((ev[i].events & (EPOLLERR | EPOLLHUP)) && !(ev[i].events & EPOLLIN)) ||
                    shake(e)) {
                    kill_pair(p);
                    continue;
                }
                if (e->up || (e->ev & EPOLLOUT)) want(e, EPOLLIN);
                if (!e->up) continue;
                if (!ready(p)) {
                    if (!e->ssl) want(e, 0);
                    continue;
                }
                want(e, EPOLLIN);
                want(o, EPOLLIN);
                if (move(o) || move(e)) kill_pair(p);
                continue;
            }
            if (!ready(p)) {
                want(e, 0);
                continue;
            }
            if (ev[i].events & EPOLLOUT) {
                want(e, EPOLLIN);
                if (move(o)) {
                    kill_pair(p);
                    continue;
                }
            }
            if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
                if (move(e)) {
                    kill_pair(p);
                    continue;
                }
            if (p->e[0].eof && p->e[1].eof && !p->e[0].len && !p->e[1].len && !p->e[0].inpipe &&
                !p->e[1].inpipe)
                kill_pair(p);
            else if (e->eof && e->fd >= 0 && !(e->ev & EPOLLOUT))
                want(e, 0);
        }
        while (grave) {
            struct pair *p = grave;
            grave = p->next;
            free(p);
        }
    }
}
