/* SPDX-License-Identifier: Apache-2.0 */
// lg: HTTP/1.1 load generator, one thread, epoll.
//   lg [-c conns] [-d seconds] [-r rate] [-m keep|close] [-p path] [-H host] [-I] ADDR PORT
// -r 0  closed loop (every connection always has one request in flight)
// -r N  open loop: request k is due at start+k/N; latency is counted from the
//       due time, so a stall is charged to every request it delays.
// -m close  a new TCP connection for each request ("Connection: close")
// -I    opens the connections, makes one request on each, prints READY and
//       keeps them open until standard input ends.
// Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct conn {
    int fd, busy, connecting, sent;
    size_t got, hdr, want;
    int status, eof_body, will_close;
    uint64_t due;
    char buf[4096];
    size_t blen;
};

static struct sockaddr_in sa;
static int ep, nconn = 32, mode_close;
static char req[2048];
static size_t reqlen;
static struct conn *cs;
static uint64_t t0, tend, rate, issued, done, errs, non2xx, bytes, reconn;
static uint32_t *lat;
static size_t nlat, caplat;
static int *freeq;
static int nfree;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int cmp(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void arm(struct conn *c, uint32_t ev, int op) {
    struct epoll_event e = {.events = ev, .data.ptr = c};
    epoll_ctl(ep, op, c->fd, &e);
}

static int dial(struct conn *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) return -1;
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&sa, sizeof sa) < 0 && errno != EINPROGRESS) {
        close(c->fd);
        c->fd = -1;
        return -1;
    }
    c->connecting = 1;
    arm(c, EPOLLOUT, EPOLL_CTL_ADD);
    return 0;
}

static void send_req(struct conn *c) {
    c->got = c->hdr = c->want = 0;
    c->blen = 0;
    c->status = 0;
    c->eof_body = 0;
    c->will_close = 0;
    c->sent = 1;
    if (write(c->fd, req, reqlen) != (ssize_t)reqlen) {
        errs++;
    }
}

static void begin(struct conn *c, uint64_t due) {
    c->busy = 1;
    c->due = due;
    issued++;
    if (c->fd < 0) {
        if (dial(c) < 0) {
            errs++;
            c->busy = 0;
            freeq[nfree++] = c - cs;
        }
    } else if (!c->connecting)
        send_req(c);
}

static void drop(struct conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->connecting = 0;
}

static void finish(struct conn *c, int ok, uint64_t t) {
    if (ok) {
        done++;
        bytes += c->got;
        if (c->status < 200 || c->status > 299) non2xx++;
        if (nlat == caplat) {
            caplat = caplat ? caplat * 2 : 1 << 16;
            lat = realloc(lat, caplat * sizeof *lat);
        }
        uint64_t us = (t - c->due) / 1000;
        lat[nlat++] = us > UINT32_MAX ? UINT32_MAX : us;
    } else
        errs++;
    c->busy = 0;
    c->sent = 0;
    if (mode_close || !ok || c->will_close) {
        if (!mode_close && ok) reconn++;
        drop(c);
    }
    freeq[nfree++] = c - cs;
}

static void parse(struct conn *c) {
    char *e = memmem(c->buf, c->blen, "\r\n\r\n", 4);
    if (!e) return;
    c->hdr = e - c->buf + 4;
    *e = 0;
    c->status = c->blen > 12 ? atoi(c->buf + 9) : 0;
    char *p = strcasestr(c->buf, "\r\ncontent-length:");
    if (p)
        c->want = c->hdr + strtoull(p + 17, 0, 10);
    else {
        c->eof_body = 1;
    }
    p = strcasestr(c->buf, "\r\nconnection: close");
    if (p) c->will_close = 1;
    if (!c->want && strcasestr(c->buf, "\r\ntransfer-encoding: chunked")) c->eof_body = 2;
}

static char junk[1 << 18];
static void readable(struct conn *c) {
    for (;;) {
        ssize_t n;
        if (!c->hdr) {
            n = read(c->fd, c->buf + c->blen, sizeof c->buf - 1 - c->blen);
            if (n > 0) {
                c->blen += n;
                c->buf[c->blen] = 0;
            }
        } else
            n = read(c->fd, junk, sizeof junk);
        if (n < 0) {
            if (errno == EAGAIN) return;
            if (c->busy)
                finish(c, 0, now());
            else
                drop(c);
            return;
        }
        if (n == 0) {
            if (c->busy)
                finish(c, c->eof_body == 1, now());
            else
                drop(c);
            return;
        }
        c->got += n;
        if (!c->hdr)
            parse(c);
        else if (c->eof_body == 2) {
            if (n >= 5 && !memcmp(junk + n - 5, "0\r\n\r\n", 5)) {
                finish(c, 1, now());
                return;
            }
        }
        if (c->hdr && c->eof_body == 2 && c->blen >= 5 &&
            !memcmp(c->buf + c->blen - 5, "0\r\n\r\n", 5)) {
            finish(c, 1, now());
            return;
        }
        if (c->want && c->got >= c->want) {
            finish(c, 1, now());
            return;
        }
    }
}

int main(int argc, char **argv) {
    const char *path = "/", *host = "svc";
    double dur = 5;
    int o, idle = 0;
    while ((o = getopt(argc, argv, "c:d:r:m:p:H:I")) != -1) switch (o) {
        case 'c':
            nconn = atoi(optarg);
            break;
        case 'd':
            dur = atof(optarg);
            break;
        case 'r':
            rate = strtoull(optarg, 0, 10);
            break;
        case 'm':
            mode_close = !strcmp(optarg, "close");
            break;
        case 'p':
            path = optarg;
            break;
        case 'H':
            host = optarg;
            break;
        case 'I':
            idle = 1;
            break;
        default:
            return 2;
        }
    if (argc - optind < 2) return 2;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
    sa.sin_family = AF_INET;
    sa.sin_port = htons(atoi(argv[optind + 1]));
    inet_pton(AF_INET, argv[optind], &sa.sin_addr);
    reqlen = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host,
                      mode_close ? "Connection: close\r\n" : "");
    ep = epoll_create1(EPOLL_CLOEXEC);
    cs = calloc(nconn, sizeof *cs);
    freeq = calloc(nconn, sizeof *freeq);
    for (int i = 0; i < nconn; i++) {
        cs[i].fd = -1;
        freeq[nfree++] = nconn - 1 - i;
    }
    t0 = now();
    tend = t0 + (uint64_t)(dur * 1e9);
    struct epoll_event ev[256];
    int stopping = 0;
    uint64_t tstop = 0, limit = idle ? (uint64_t)nconn : UINT64_MAX, k = 0;
    for (;;) {
        uint64_t t = now();
        if (!stopping && (idle ? issued >= limit : t >= tend)) {
            stopping = 1;
            tstop = t;
        }
        if (stopping && (nfree == nconn || t > tstop + 2000000000ull)) break;
        if (!stopping) {
            if (idle) {
                if (issued == done + errs && nfree) {
                    struct conn *c = &cs[issued];
                    nfree--;
                    begin(c, t);
                }
            } else if (rate)
                while (nfree && t0 + k * 1000000000ull / rate <= t) {
                    begin(&cs[freeq[--nfree]], t0 + k * 1000000000ull / rate);
                    k++;
                }
            else
                while (nfree) begin(&cs[freeq[--nfree]], now());
        }
        struct timespec ts = {0, 100000000};
        if (rate && !stopping && nfree) {
            uint64_t nx = t0 + k * 1000000000ull / rate;
            t = now();
            uint64_t d = nx > t ? nx - t : 0;
            if (d < 100000000) ts.tv_nsec = d;
        }
        int n = epoll_pwait2(ep, ev, 256, &ts, NULL);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c->fd < 0) continue;
            if (c->connecting) {
                int e = 0;
                socklen_t l = sizeof e;
                getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
                if (e) {
                    finish(c, 0, now());
                    continue;
                }
                c->connecting = 0;
                arm(c, EPOLLIN, EPOLL_CTL_MOD);
                send_req(c);
            } else
                readable(c);
        }
    }
    // requests that were due before the end but could not start, or never came back
    uint64_t late = 0, lost = nconn - nfree;
    double el = (tstop - t0) / 1e9;
    if (rate) {
        uint64_t due = (uint64_t)(el * rate);
        if (due > k) late = due - k;
    }
    if (idle) {
        int open = 0;
        for (int i = 0; i < nconn; i++) open += cs[i].fd >= 0;
        printf("READY %d\n", open);
        fflush(stdout);
        while (read(0, junk, sizeof junk) > 0)
            ;
        int left = 0;
        for (int i = 0; i < nconn; i++)
            if (cs[i].fd >= 0) {
                char b;
                ssize_t r = recv(cs[i].fd, &b, 1, MSG_DONTWAIT | MSG_PEEK);
                left += r < 0 && errno == EAGAIN;
            }
        printf("{\"left_open\":%d}\n", left);
        return 0;
    }
    qsort(lat, nlat, sizeof *lat, cmp);
    double q[] = {50, 90, 99, 99.9, 100};
    uint32_t v[5] = {0};
    for (int i = 0; i < 5; i++)
        if (nlat) {
            size_t x = (size_t)(q[i] / 100 * nlat);
            if (x >= nlat) x = nlat - 1;
            v[i] = lat[x];
        }
    printf("{\"requests\":%lu,\"errors\":%lu,\"non2xx\":%lu,\"not_started\":%lu,\"lost\":%lu,"
           "\"reconnects\":%lu,\"seconds\":%.4f,\"rps\":%.1f,\"bytes\":%lu,"
           "\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u}\n",
           done, errs, non2xx, late, lost, reconn, el, done / el, bytes, v[0], v[1], v[2], v[3],
           v[4]);
    return 0;
}
