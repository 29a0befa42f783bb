/* SPDX-License-Identifier: Apache-2.0 */
// tlsc: mutual-TLS client. Each worker thread loops: connect, TLS 1.3 handshake
// with a client certificate, one GET with "Connection: close", read to the end.
//   tlsc -C ca -k key -c cert [-n threads] [-d seconds] [-R] [-s sni] ADDR PORT
//   tlsc ... -I N ADDR PORT   opens N connections, one keep-alive request on each,
//                             prints READY and holds them until stdin ends.
// -R offers the newest session ticket (resumption).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in sa;
static const char *ca, *key, *crt, *sni, *alpn;
static double dur = 5;
static int resume;
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}
struct w {
    pthread_t t;
    SSL_SESSION *s;
    unsigned long full, reused, errs;
};
static int on_sess(SSL *s, SSL_SESSION *ss) {
    struct w *w = SSL_get_app_data(s);
    if (!w) return 0;
    if (w->s) SSL_SESSION_free(w->s);
    w->s = ss;
    return 1;
}
static SSL_CTX *mkctx(void) {
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set1_groups_list(c, "X25519");
    if (SSL_CTX_use_certificate_chain_file(c, crt) != 1 ||
        SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(c, ca, 0) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    if (alpn) {
        unsigned char wire[64];
        size_t n = strlen(alpn);
        if (n > 60) exit(2);
        wire[0] = (unsigned char)n;
        memcpy(wire + 1, alpn, n);
        SSL_CTX_set_alpn_protos(c, wire, (unsigned)n + 1);
    }
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, 0);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c, on_sess);
    return c;
}
static int one(SSL_CTX *ctx, struct w *w, int keep, SSL **out) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), y = 1, ok = 0;
    char b[4096];
    SSL *s = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &y, sizeof y);
    struct timeval tv = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa)) goto end;
    s = SSL_new(ctx);
    SSL_set_fd(s, fd);
    SSL_set_app_data(s, w);
    if (sni) SSL_set_tlsext_host_name(s, sni);
    if (resume && w && w->s) SSL_set_session(s, w->s);
    if (SSL_connect(s) != 1) goto end;
    int n = snprintf(b, sizeof b, "GET / HTTP/1.1\r\nHost: svc\r\n%s\r\n",
                     keep ? "" : "Connection: close\r\n");
    if (SSL_write(s, b, n) != n) goto end;
    int got = 0, st = 0;
    size_t tot = 0;
    while ((n = SSL_read(s, b + got, sizeof b - 1 - got)) > 0) {
        got += n;
        tot += n;
        b[got] = 0;
        if (!st && got > 12) st = atoi(b + 9);
        if (keep && strstr(b, "\r\n\r\n") && strstr(strstr(b, "\r\n\r\n") + 4, "xxxxxxxx")) break;
        if (got > 3000) got = 0;
    }
    ok = st == 200;
    if (w && ok) {
        if (SSL_session_reused(s))
            w->reused++;
        else
            w->full++;
    }
    if (keep && ok) {
        *out = s;
        return 1;
    }
    SSL_shutdown(s);
end:
    if (!ok && w) {
        w->errs++;
        usleep(1000);
    }
    if (s) SSL_free(s);
    close(fd);
    return ok;
}
static void *work(void *p) {
    struct w *w = p;
    SSL_CTX *c = mkctx();
    double e = now() + dur;
    while (now() < e) one(c, w, 0, 0);
    return 0;
}
int main(int argc, char **argv) {
    int o, n = 4, idle = 0;
    while ((o = getopt(argc, argv, "C:k:c:n:d:RI:s:a:")) != -1) switch (o) {
        case 'C':
            ca = optarg;
            break;
        case 'k':
            key = optarg;
            break;
        case 'c':
            crt = optarg;
            break;
        case 'n':
            n = atoi(optarg);
            break;
        case 'a':
            alpn = optarg;
            break;
        case 's':
            sni = optarg;
            break;
        case 'd':
            dur = atof(optarg);
            break;
        case 'R':
            resume = 1;
            break;
        case 'I':
            idle = atoi(optarg);
            break;
        default:
            return 2;
        }
    if (argc - optind < 2) return 2;
    signal(SIGPIPE, SIG_IGN);
    sa.sin_family = AF_INET;
    sa.sin_port = htons(atoi(argv[optind + 1]));
    inet_pton(AF_INET, argv[optind], &sa.sin_addr);
    if (idle) {
        SSL_CTX *c = mkctx();
        SSL *s;
        int k = 0;
        for (int i = 0; i < idle; i++) k += one(c, 0, 1, &s);
        printf("READY %d\n", k);
        fflush(stdout);
        char b;
        while (read(0, &b, 1) > 0)
            ;
        return 0;
    }
    struct w *w = calloc(n, sizeof *w);
    double t = now();
    for (int i = 0; i < n; i++) pthread_create(&w[i].t, 0, work, &w[i]);
    unsigned long f = 0, r = 0, e = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(w[i].t, 0);
        f += w[i].full;
        r += w[i].reused;
        e += w[i].errs;
    }
    t = now() - t;
    printf("{\"requests\":%lu,\"full\":%lu,\"reused\":%lu,\"errors\":%lu,\"seconds\":%.4f,\"rps\":%"
           ".1f}\n",
           f + r, f, r, e, t, (f + r) / t);
}
