/* SPDX-License-Identifier: Apache-2.0
 * TLS over another transport. A BIO of our own reads straight from the bytes that the transport
 * below hands up and writes straight into its output, so no byte is copied more often than
 * OpenSSL itself does. */
#include "tls_internal.h"
#include "xport_internal.h"
#include <weft/base/alloc.h>
#include <weft/obs/log.h>

enum { MAX_RECORD = 16 * 1024 };

struct xport_tls {
    struct weft_xport x; /* x.below carries us */
    SSL *ssl;
    struct weft_tls_ctx *ctx;
    struct tls_peer peer;
    struct weft_slice src; /* what the transport below hands up right now */
    struct weft_buf in;    /* held back while nobody reads; comes before src */
    char *expect_id, *alpn;
    bool done;      /* the handshake is */
    bool below_eof; /* FIN; fine only after close_notify */
};

static struct xport_tls *tls_of(struct weft_xport *x) {
    return WEFT_CONTAINER(x, struct xport_tls, x);
}

/* ---- the BIO ---- */

static size_t take_from(struct weft_slice *s, char *to, size_t max) {
    size_t n = s->len < max ? s->len : max;
    memcpy(to, s->base, n);
    *s = weft_slice_from(*s, n);
    return n;
}

static int bio_read(BIO *b, char *to, size_t max, size_t *ret) {
    struct xport_tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (weft_buf_size(&t->in)) {
        struct weft_slice s = weft_buf_slice(&t->in);
        *ret = take_from(&s, to, max);
        weft_buf_consume(&t->in, *ret);
        return 1;
    }
    if (t->src.len) {
        *ret = take_from(&t->src, to, max);
        return 1;
    }
    BIO_set_retry_read(b);
    return 0;
}

static int bio_write(BIO *b, const char *data, size_t n, size_t *ret) {
    struct xport_tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    weft_xport_write(t->x.below, weft_slice(data, n));
    *ret = n;
    return 1;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr) {
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static void bio_method_free(void) {
    BIO_meth_free(bio_method);
}

static void bio_method_make(void) {
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft transport");
    BIO_meth_set_read_ex(bio_method, bio_read);
    BIO_meth_set_write_ex(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
    OPENSSL_atexit(bio_method_free);
}

/* Errors of an earlier call would be taken for this one's. Wiping the queue is dear, and it is
 * empty. */
static void forget_errors(void) {
    if (ERR_peek_error()) ERR_clear_error();
}

/* ---- handshake ---- */

static void fail_tls(struct xport_tls *t, const char *when) {
    unsigned long e = ERR_peek_error();
    const char *why = e ? ERR_reason_error_string(e) : NULL;
    long verify = SSL_get_verify_result(t->ssl);
    weft_debug("tls", "%s: %s; verification: %s", when, why ? why : "no reason",
               X509_verify_cert_error_string(verify));
    ERR_clear_error();
    /* The alert goes out now, as the user will close at once. */
    struct weft_xport *below = t->x.below;
    if (below->opened && !below->failed && weft_buf_size(&below->out)) below->ops->flush(below);
    xport_fail(&t->x, t->peer.verdict ? t->peer.verdict : WEFT_TLS);
}

static bool alpn_fits(struct xport_tls *t) {
    const unsigned char *p;
    unsigned n;
    SSL_get0_alpn_selected(t->ssl, &p, &n);
    t->x.info.alpn = weft_slice((const char *)p, n);
    if (tls_is_server(t->ctx->kind)) return n > 0 || weft_buf_size(&t->ctx->alpn) == 0;
    return !t->alpn || weft_slice_is(t->x.info.alpn, t->alpn);
}

/* OpenSSL keeps the peer's certificate as long as the connection, and with it a decoded key of some
 * 3 KiB. It has proved what it had to (TLS 1.3 has no renegotiation, and we ask for no second
 * proof): one that is there anyway takes its place. */
static void forget_peer_key(struct xport_tls *t) {
    X509 *peer = SSL_get0_peer_certificate(t->ssl);
    EVP_PKEY *shared = t->ctx->id && t->ctx->id->leaf ? X509_get0_pubkey(t->ctx->id->leaf) : NULL;
    if (peer && shared) (void)X509_set_pubkey(peer, shared);
    ERR_clear_error();
}

static void handshake_done(struct xport_tls *t) {
    t->done = true;
    if (!alpn_fits(t)) {
        fail_tls(t, "no common protocol");
        return;
    }
    forget_peer_key(t);
    t->x.info.tls = true;
    t->x.info.peer_id = weft_buf_slice(&t->peer.id);
    t->x.info.peer_not_after = t->peer.not_after;
    xport_opened(&t->x);
}

static void handshake(struct xport_tls *t) {
    forget_errors();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1)
        handshake_done(t);
    else if (SSL_get_error(t->ssl, rc) != SSL_ERROR_WANT_READ)
        fail_tls(t, "handshake");
    else if (t->below_eof)
        xport_fail(&t->x, WEFT_RESET);
}

/* ---- reading ---- */

/* What SSL_read said when it had no more bytes. */
static void read_ended(struct xport_tls *t, int why) {
    if (why == SSL_ERROR_ZERO_RETURN)
        xport_eof(&t->x);
    else if (why != SSL_ERROR_WANT_READ)
        fail_tls(t, "read");
    else if (t->below_eof)
        xport_fail(&t->x, WEFT_RESET);
}

/* Asked for more, OpenSSL would take a buffer, find nothing and give it back. At the end of the
 * stream it has something to say. */
static bool nothing_left(const struct xport_tls *t) {
    return !t->src.len && !weft_buf_size(&t->in) && !t->below_eof && !SSL_has_pending(t->ssl);
}

/* Decrypts as many records as fit into the loop's buffer and hands them up together. False: there
 * is no more. */
static bool read_some(struct xport_tls *t) {
    char *buf = loop_plain_buf(t->x.loop);
    size_t n = 0, got;
    int rc = 1;
    forget_errors();
    do {
        rc = SSL_read_ex(t->ssl, buf + n, LOOP_READ_BUF - n, &got);
        if (rc != 1) break;
        n += got;
    } while (n + MAX_RECORD <= LOOP_READ_BUF && !nothing_left(t));
    int why = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, rc);
    if (n) xport_deliver(&t->x, weft_slice(buf, n));
    if (t->x.closed || t->x.failed) return false;
    if (rc == 1) return !nothing_left(t);
    read_ended(t, why);
    return false;
}

static void tls_pump(struct weft_xport *x) {
    struct xport_tls *t = tls_of(x);
    if (!t->done) handshake(t);
    if (t->src.len == 0 && weft_buf_size(&t->in) == 0 && !t->below_eof) return;
    bool more = t->done && !x->eof_seen && !x->eof_pending;
    while (more && !x->closed && !x->failed && x->reading) more = read_some(t);
}

static void on_below_read(void *ud, struct weft_slice data) {
    struct xport_tls *t = ud;
    t->src = data;
    tls_pump(&t->x);
    if (t->src.len && !t->x.closed && !t->x.failed && !t->x.eof_seen && !t->x.eof_pending) {
        (void)weft_buf_append(&t->in, t->src);
        if (!t->x.reading) xport_halt(&t->x);
    }
    t->src = WEFT_SLICE_EMPTY;
}

static void on_below_eof(void *ud) {
    struct xport_tls *t = ud;
    if (t->x.eof_seen || t->x.eof_pending) return;
    t->below_eof = true;
    if (!t->done || (!t->x.reading && weft_buf_size(&t->in) == 0))
        xport_fail(&t->x, WEFT_RESET);
    else
        tls_pump(&t->x);
}

static void on_below_error(void *ud, enum weft_status st) {
    struct xport_tls *t = ud;
    xport_fail(&t->x, st);
}

static void on_below_open(void *ud, enum weft_status st) {
    struct xport_tls *t = ud;
    if (st != WEFT_OK) xport_fail(&t->x, st);
}

static void on_below_progress(void *ud) {
    struct xport_tls *t = ud;
    if (t->done) xport_progress(&t->x);
}

static void tls_read_on(struct weft_xport *x) {
    weft_xport_read_start(x->below);
}
static void tls_read_off(struct weft_xport *x) {
    if (x->below) xport_halt(x->below);
}

/* ---- writing and closing ---- */

static void tls_flush(struct weft_xport *x) {
    struct xport_tls *t = tls_of(x);
    size_t n = weft_buf_size(&x->out);
    if (n && SSL_write_ex(t->ssl, x->out.base + x->out.off, n, &n) != 1) {
        xport_fail_later(x, WEFT_TLS);
        return;
    }
    loop_buf_give(x->loop, &x->out);
    if (!x->shut || x->fin_sent) return;
    x->fin_sent = true;
    (void)SSL_shutdown(t->ssl);
    weft_xport_shutdown(x->below);
}

static void tls_free(void *arg) {
    struct xport_tls *t = arg;
    SSL_free(t->ssl);
    weft_tls_ctx_unref(t->ctx);
    weft_buf_done(&t->in);
    weft_buf_done(&t->peer.id);
    xport_done(&t->x);
    free(t->expect_id);
    free(t->alpn);
    free(t);
}

static void tls_close(struct weft_xport *x, enum xport_close how) {
    struct weft_xport *below = x->below;
    if (how == XPORT_CLOSE_FLUSH) {
        x->shut = true;
        tls_flush(x);
        weft_xport_close_flush(below);
    } else if (how == XPORT_CLOSE_ABORT) {
        weft_xport_abort(below);
    } else {
        weft_xport_close(below);
    }
    x->below = NULL;
    weft_loop_defer(x->loop, tls_free, tls_of(x));
}

static void tls_fill_info(struct weft_xport *x) {
    const struct weft_xport_info *below = weft_xport_info(x->below);
    x->have_info = x->below->have_info;
    x->info.peer = below->peer;
}

static void tls_fill_local(struct weft_xport *x) {
    x->info.local = *weft_xport_local(x->below);
}

static enum weft_status tls_original_dst(struct weft_xport *x, struct weft_addr *ret) {
    return weft_xport_original_dst(x->below, ret);
}

static bool tls_waiting(const struct weft_xport *x) {
    return weft_buf_size(&tls_of((struct weft_xport *)(uintptr_t)x)->in) > 0;
}

/* OpenSSL takes 16 KiB to read a record into and 16 to write one, and gives both back after it. */
static void tls_busy(struct weft_xport *x, bool on) {
    SSL *ssl = tls_of(x)->ssl;
    if (on) {
        SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
        return;
    }
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_free_buffers(ssl); /* not what half a record lies in: that goes with its end */
}

static const struct xport_ops tls_ops = {
    .read_on = tls_read_on,
    .read_off = tls_read_off,
    .flush = tls_flush,
    .close = tls_close,
    .fill_info = tls_fill_info,
    .fill_local = tls_fill_local,
    .original_dst = tls_original_dst,
    .pump = tls_pump,
    .waiting = tls_waiting,
    .busy = tls_busy,
};

/* ---- making ---- */

static void set_bio(struct xport_tls *t) {
    BIO *b = BIO_new(bio_method);
    BIO_set_data(b, t);
    BIO_set_init(b, 1);
    SSL_set_bio(t->ssl, b, b);
}

static struct xport_tls *tls_new(struct weft_xport *below, struct weft_tls_ctx *ctx,
                                 uint64_t timeout_us) {
    static const struct weft_xport_cb cb = {
        .on_open = on_below_open,
        .on_read = on_below_read,
        .on_eof = on_below_eof,
        .on_error = on_below_error,
    };
    WEFT_CHECK(below->ops != &tls_ops); /* they would share the loop's plain-text buffer */
    pthread_once(&bio_once, bio_method_make);
    struct xport_tls *t = weft_new0(struct xport_tls);
    xport_init(&t->x, &tls_ops, below->loop);
    t->x.below = below;
    t->x.armed = true; /* the handshake reads, whether the user does or not */
    t->ctx = weft_tls_ctx_ref(ctx);
    t->peer.ctx = ctx;
    t->ssl = SSL_new(ctx->ssl);
    WEFT_CHECK(t->ssl);
    SSL_set_app_data(t->ssl, &t->peer);
    set_bio(t);
    below->on_progress = on_below_progress;
    weft_xport_set_cb(below, &cb, t);
    weft_xport_read_start(below);
    xport_deadline(&t->x, timeout_us);
    xport_wake(&t->x);
    return t;
}

struct weft_xport *weft_xport_tls_client(struct weft_xport *below, struct weft_tls_ctx *ctx,
                                         struct weft_slice expect_id, const char *alpn,
                                         const char *sni, uint64_t timeout_us) {
    WEFT_CHECK(!tls_is_server(ctx->kind));
    struct xport_tls *t = tls_new(below, ctx, timeout_us);
    t->expect_id = weft_slice_dup(expect_id);
    t->peer.expect_id = weft_slice(t->expect_id, expect_id.len);
    SSL_set_connect_state(t->ssl);
    WEFT_FREE char *name = sni ? weft_strdup(sni) : NULL; /* OpenSSL's macro drops const */
    if (name) (void)SSL_set_tlsext_host_name(t->ssl, name);
    if (alpn) {
        struct weft_buf wire;
        weft_buf_init(&wire, 256);
        (void)weft_buf_char(&wire, (char)strlen(alpn));
        (void)weft_buf_str(&wire, alpn);
        t->alpn = weft_strdup(alpn);
        (void)SSL_set_alpn_protos(t->ssl, (unsigned char *)wire.base,
                                  (unsigned)weft_buf_size(&wire));
        weft_buf_done(&wire);
    }
    return &t->x;
}

struct weft_xport *weft_xport_tls_server(struct weft_xport *below, struct weft_tls_ctx *ctx,
                                         uint64_t timeout_us) {
    WEFT_CHECK(tls_is_server(ctx->kind));
    struct xport_tls *t = tls_new(below, ctx, timeout_us);
    SSL_set_accept_state(t->ssl);
    return &t->x;
}
