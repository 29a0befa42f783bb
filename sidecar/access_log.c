/* SPDX-License-Identifier: Apache-2.0
 * The access log: formatting, and writing in whole lines of at most PIPE_BUF bytes at a time, so
 * that lines of several workers never mix in a pipe. */
#include <sidecar/access_log.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <weft/obs/json.h>

enum { FLUSH_AT = 32 * 1024, MAX_BUFFERED = 1024 * 1024, FLUSH_US = 100000, MAX_TEXT = 512 };

int proxy_log_open(const char *file) {
    int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC;
    if (file) return open(file, flags | O_CREAT, 0640);
    /* A description of our own: O_NONBLOCK on the shared one would surprise who else has it. */
    int fd = open("/proc/self/fd/1", flags);
    return fd >= 0 ? fd : fcntl(1, F_DUPFD_CLOEXEC, 3);
}

/* Up to a line's end within PIPE_BUF; a longer single line goes as it is. */
static size_t chunk(struct weft_slice s) {
    if (s.len <= PIPE_BUF) return s.len;
    for (size_t n = PIPE_BUF; n > 0; n--)
        if (s.base[n - 1] == '\n') return n;
    return weft_slice_find(s, '\n') + 1;
}

static void flush(struct proxy_log *l) {
    while (weft_buf_size(&l->buf)) {
        struct weft_slice s = weft_buf_slice(&l->buf);
        ssize_t n = write(l->fd, s.base, chunk(s));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return; /* later */
        if (n <= 0) {
            weft_buf_clear(&l->buf);
            return;
        }
        weft_buf_consume(&l->buf, (size_t)n);
    }
}

static void on_timer(void *arg) {
    struct proxy_log *l = arg;
    flush(l);
    if (weft_buf_size(&l->buf)) weft_timer_start(&l->timer, FLUSH_US);
}

void proxy_log_init(struct proxy_log *l, struct weft_loop *loop, struct proxy_stats *stats,
                    enum proxy_log_mode mode, int fd) {
    *l = (struct proxy_log){.loop = loop, .stats = stats, .fd = fd};
    l->mode = PROXY_LOG_OFF;
    proxy_log_set_mode(l, mode);
    weft_buf_init(&l->buf, MAX_BUFFERED);
    weft_timer_init(&l->timer, loop, on_timer, l);
}

void proxy_log_done(struct proxy_log *l) {
    if (l->fd >= 0) flush(l);
    weft_timer_stop(&l->timer);
    weft_buf_done(&l->buf);
}

void proxy_log_set_mode(struct proxy_log *l, enum proxy_log_mode mode) {
    if (l->fd >= 0) l->mode = mode;
}

static void text(struct weft_json *j, const char *key, struct weft_slice v) {
    if (v.len) weft_json_str(j, key, weft_slice_head(v, MAX_TEXT));
}

static void addr(struct weft_json *j, const char *key, const struct weft_addr *a) {
    char s[WEFT_ADDR_STR];
    if (!a || !a->family) return;
    weft_addr_format(a, s);
    weft_json_str(j, key, weft_slice_str(s));
}

/* What of the duration went where; the parts add up to it. What follows a mark that was never
 * reached belongs to the part before it. */
static void parts(struct weft_json *j, const struct proxy_log_marks *m, uint64_t duration_us) {
    const uint32_t marks[] = {m->routed_us, m->connected_us, m->first_byte_us};
    uint64_t took[4] = {0}, from = 0;
    size_t part = 0;
    for (size_t i = 0; i < WEFT_LEN(marks); i++) {
        if (marks[i] == PROXY_NOT_YET) continue;
        took[part] = marks[i] - from;
        from = marks[i];
        part = i + 1;
    }
    took[part] = duration_us - from;
    weft_json_u64(j, "route_us", took[0]);
    weft_json_u64(j, "connect_us", took[1]);
    weft_json_u64(j, "wait_us", took[2]);
    weft_json_u64(j, "relay_us", took[3]);
}

static void format(struct weft_buf *b, unsigned worker, const struct proxy_log_line *x) {
    struct weft_json j;
    const struct proxy_series_labels *l = x->labels;
    weft_json_begin(&j, b);
    weft_json_stamp(&j, "time", weft_clock_unix_us());
    weft_json_str(&j, "direction", weft_slice_str(proxy_dir_name(l->dir)));
    text(&j, "request_id", x->request_id);
    text(&j, "method", x->method);
    text(&j, "authority", x->authority);
    text(&j, "path", x->path);
    text(&j, "sni", x->sni);
    weft_json_str(&j, "protocol", weft_slice_str(x->protocol));
    weft_json_u64(&j, "status", x->status);
    if (x->grpc_status >= 0) weft_json_u64(&j, "grpc_status", (uint64_t)x->grpc_status);
    weft_json_str(&j, "reason", weft_slice_str(weft_reason_word(x->reason)));
    text(&j, "service", l->service);
    text(&j, "route_kind", weft_slice_str(l->route_kind));
    text(&j, "route", l->route);
    text(&j, "rule", l->rule);
    text(&j, "backend", l->backend);
    addr(&j, "client", x->client);
    addr(&j, "endpoint", x->endpoint);
    text(&j, "peer_id", x->peer_id);
    weft_json_u64(&j, "attempts", x->attempts);
    weft_json_u64(&j, "duration_us", x->duration_us);
    if (x->marks) parts(&j, x->marks, x->duration_us);
    weft_json_u64(&j, "bytes_in", x->bytes_in);
    weft_json_u64(&j, "bytes_out", x->bytes_out);
    weft_json_u64(&j, "worker", worker);
    weft_json_end(&j);
}

void proxy_log_write(struct proxy_log *l, const struct proxy_log_line *line) {
    if (l->fd < 0) return;
    if (weft_buf_size(&l->buf) > MAX_BUFFERED - 16 * 1024) {
        weft_counter_add(l->stats->log_dropped, 1);
        return;
    }
    format(&l->buf, l->worker, line);
    if (weft_buf_size(&l->buf) >= FLUSH_AT) flush(l);
    if (weft_buf_size(&l->buf) && !weft_timer_active(&l->timer))
        weft_timer_start(&l->timer, FLUSH_US);
}
