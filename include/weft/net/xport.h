/* SPDX-License-Identifier: Apache-2.0
 * A byte stream: TCP or unix socket, TLS over another one, or one end of a memory pipe. */
#pragma once
#include <weft/base/addr.h>
#include <weft/net/loop.h>

struct weft_xport;
struct weft_tls_ctx;

struct weft_xport_cb { /* all may be NULL; none is called after weft_xport_close */
    /* Connecting (dial, TLS handshake) ended. Accepted sockets are open from the start. */
    void (*on_open)(void *ud, enum weft_status st);
    /* Bytes, valid for the call; all of them are taken. */
    void (*on_read)(void *ud, struct weft_slice data);
    /* The peer closed its sending side (FIN; TLS: close_notify). Writing may go on. A FIN without
     * close_notify is on_error(RESET). */
    void (*on_eof)(void *ud);
    /* Broken: only closing is left. RESET, TIMEOUT, TLS, IDENTITY, IO ... Told also while reading
     * is off. When only writing failed (the peer answered early and closed), what it sent before is
     * read first. */
    void (*on_error)(void *ud, enum weft_status st);
    /* Queued output fell to WEFT_XPORT_LOW after having reached WEFT_XPORT_HIGH. */
    void (*on_drain)(void *ud);
};

void weft_xport_set_cb(struct weft_xport *x, const struct weft_xport_cb *cb, void *ud);
/* Reading is off at first. */
void weft_xport_read_start(struct weft_xport *x);
void weft_xport_read_stop(struct weft_xport *x);
/* The same, for longer: read_stop lets bytes come once more and holds them, so that a short pause
 * costs nothing. */
void weft_xport_read_halt(struct weft_xport *x);
/* Gives bytes back (maybe none), so that they are the next ones read (also by a TLS layer put on
 * top later); an end that was told of is told of again after them. */
void weft_xport_unread(struct weft_xport *x, struct weft_slice data);
/* Copies; sent at the end of the turn (or at once when much is queued), so that small writes share
 * a system call and a TLS record. Ignored after an error. */
void weft_xport_write(struct weft_xport *x, struct weft_slice data);
size_t weft_xport_queued(const struct weft_xport *x);
/* The kernel knows the connection as broken (reset, or no answer to keep-alive), whether or not it
 * is read: after the end of input, or while reading is off, nobody is told. Asks the kernel. */
bool weft_xport_gone(const struct weft_xport *x);
/* The peer's end has come, or the connection broke, whether or not that was told yet: bytes and
 * ends of one turn are told in any order. Asks the kernel. */
bool weft_xport_ended(const struct weft_xport *x);
/* Bytes of the peer are here that the user was not given yet. Asks the kernel. */
bool weft_xport_waiting(const struct weft_xport *x);
/* Something is on its way to the peer's host, or its window is asked for, and no acknowledgement of
 * any kind came for a second. A host that lives acknowledges, whatever its program does; so this
 * again and again is a host that vanished, which TCP alone believes after a quarter of an hour.
 * (TCP_USER_TIMEOUT is no help: it also ends connections to living programs that do not read.) */
bool weft_xport_unheard(const struct weft_xport *x);
/* Messages come and go all the time: what would be allocated and freed for each (TLS: some 32 KiB)
 * stays until this is taken back. */
void weft_xport_busy(struct weft_xport *x, bool busy);
/* on_drain is due although WEFT_XPORT_HIGH was not reached: after the next progress below LOW. */
void weft_xport_want_drain(struct weft_xport *x);
/* on_drain is due when nothing is queued any more. Not when that is so already. */
void weft_xport_want_empty(struct weft_xport *x);
/* After what is queued: FIN (TLS: close_notify, FIN). */
void weft_xport_shutdown(struct weft_xport *x);
/* No callbacks any more; frees itself and what is below. Drops queued output; with
 * weft_xport_close_flush what is queued is still sent, then FIN; RST when nothing
 * of it moves for 10 s, not all of it in 10 minutes, or 4,096 younger ones of the loop wait, too.
 */
void weft_xport_close(struct weft_xport *x);
void weft_xport_close_flush(struct weft_xport *x);
/* The peer has said that it sends nothing more (an HTTP/1 request with "Connection: close"):
 * weft_xport_close_flush then needs not wait for its FIN. */
void weft_xport_input_over(struct weft_xport *x);
/* RST instead of FIN, so that the peer cannot take a cut body for a whole one. (A unix socket has
 * no RST: there the peer sees an end. Over TLS it sees RESET, as close_notify is missing.) */
void weft_xport_abort(struct weft_xport *x);

struct weft_xport_info {
    struct weft_addr peer;
    struct weft_addr local; /* only after weft_xport_local */
    bool tls;
    struct weft_slice alpn;    /* negotiated; empty if none */
    struct weft_slice peer_id; /* verified SPIFFE ID; empty on plain */
    int64_t peer_not_after;    /* Unix seconds when the peer's certificate ends; 0 on plain */
    uint64_t bytes_in, bytes_out;
};
const struct weft_xport_info *weft_xport_info(struct weft_xport *x);
/* Our own end; asked of the kernel at the first call. */
const struct weft_addr *weft_xport_local(struct weft_xport *x);
/* What the client meant before redirection: SO_ORIGINAL_DST, IPv4 and IPv6. NOT_FOUND: none. For
 * connections that were not redirected the kernel yields the local address. */
enum weft_status weft_xport_original_dst(struct weft_xport *x, struct weft_addr *ret);
struct weft_loop *weft_xport_loop(struct weft_xport *x);
/* Its descriptor's number; -1: it has none of its own (TLS, memory pipe). */
int weft_xport_fd(struct weft_xport *x);
/* Some transport that was closed with a flush still has bytes to send. */
bool weft_loop_lingers(const struct weft_loop *l);

/* Starts to connect; on_open follows, never from inside this call. TCP_NODELAY and keep-alive on.
 * `bind_ip` (may be NULL): source address. Deadline: CONNECT TIMEOUT after timeout_us (0: none). */
struct weft_xport *weft_xport_dial(struct weft_loop *l, const struct weft_addr *to,
                                   const struct weft_addr *bind_ip, uint64_t timeout_us);
struct weft_xport *weft_xport_dial_unix(struct weft_loop *l, const char *path);
/* Takes over a connected, non-blocking socket. */
struct weft_xport *weft_xport_from_fd(struct weft_loop *l, int fd);
/* TLS over `below` (owned from now on; no callbacks of its own any more). The handshake starts at
 * once; on_open(OK | TLS | IDENTITY | TIMEOUT | RESET) follows. Client: `alpn` is one name, the
 * peer must prove `expect_id` exactly (empty: any name valid for the bundle; server name `sni`,
 * may be NULL). ctx is referenced. `below` may still be connecting; it is not TLS itself. With TLS
 * 1.3 a client is open before the server has judged its certificate: a refusal comes as
 * on_error(TLS) after on_open(OK), before any byte is read. */
struct weft_xport *weft_xport_tls_client(struct weft_xport *below, struct weft_tls_ctx *ctx,
                                         struct weft_slice expect_id, const char *alpn,
                                         const char *sni, uint64_t timeout_us);
struct weft_xport *weft_xport_tls_server(struct weft_xport *below, struct weft_tls_ctx *ctx,
                                         uint64_t timeout_us);
/* Two ends of a memory pipe, for tests. Bytes written at one end are read at the other at the end
 * of the turn. Their info().local/peer and original destination can be set. */
void weft_xport_pipe(struct weft_loop *l, struct weft_xport **ret_a, struct weft_xport **ret_b);
/* The same as a dial: the returned end opens after this call (OK, with *ret_far the other end),
 * fails with `st`, or (AGAIN) stays without an answer until the deadline. */
struct weft_xport *weft_xport_pipe_dialed(struct weft_loop *l, enum weft_status st,
                                          uint64_t timeout_us, struct weft_xport **ret_far);
void weft_xport_pipe_addrs(struct weft_xport *x, const struct weft_addr *local,
                           const struct weft_addr *peer, const struct weft_addr *original_dst);

struct weft_listener;
struct weft_listen_options {
    bool reuse_port;
    bool v6_only;
    int backlog; /* 0: 1024 */
};
/* Port 0 picks one: see weft_listener_addr. [::] takes IPv4, too, unless v6_only, and is 0.0.0.0
 * where the kernel has no IPv6. on_accept owns the xport. */
enum weft_status weft_listener_new(struct weft_loop *l, const struct weft_addr *at,
                                   const struct weft_listen_options *opt,
                                   void (*on_accept)(void *ud, struct weft_xport *x), void *ud,
                                   struct weft_listener **ret, struct weft_error *err);
enum weft_status weft_listener_new_unix(struct weft_loop *l, const char *path, unsigned mode,
                                        void (*on_accept)(void *ud, struct weft_xport *x), void *ud,
                                        struct weft_listener **ret, struct weft_error *err);
/* Somebody has connected whom on_accept was not called for yet. Asks the kernel. */
bool weft_listener_waiting(const struct weft_listener *ln);
const struct weft_addr *weft_listener_addr(const struct weft_listener *ln);
void weft_listener_close(struct weft_listener *ln); /* takes NULL */
