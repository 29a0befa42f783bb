/* SPDX-License-Identifier: Apache-2.0
 * The name that an app's own TLS asks for, read in passing: bytes are looked at on their way and
 * neither kept back nor changed. For the log alone, as callers may write there what they like. */
#include <sidecar/conn.h>
#include <weft/base/alloc.h>

enum {
    HANDSHAKE_RECORD = 22,
    MAX_NAME = 253,            /* of a host name (RFC 1035 2.3.4, in text) */
    MAX_HELLO = 5 + (1 << 14), /* one record (RFC 8446 5.1) */
};

/* Of the letters of host names; what else a caller writes there is shown as '?'. */
static char *clean(struct weft_slice name) {
    name = weft_slice_head(name, MAX_NAME);
    char *text = weft_slice_dup(name);
    for (size_t i = 0; i < name.len; i++) {
        char c = weft_lower(name.base[i]);
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._", c));
        text[i] = fits ? c : '?';
    }
    return text;
}

void proxy_server_name_note(struct proxy_conn *c, struct weft_slice first) {
    struct weft_client_hello hello;
    if (c->server_name || !weft_sniff_client_hello(first, &hello) || !hello.sni.len) return;
    c->server_name = clean(hello.sni);
}

void proxy_server_name_drop(struct proxy_conn *c) {
    free(c->server_name);
    c->server_name = NULL;
}

static void count(struct proxy_conn *c) {
    proxy_stats_count(&c->w->stats, PROXY_METRIC_APP_TLS, proxy_dir_name(c->dir),
                      c->server_name ? "named" : "none");
}

/* False: it is known what this is, and no more is to be shown. */
static bool on_bytes(void *ud, struct weft_slice data) {
    struct proxy_conn *c = WEFT_CAST(proxy_conn, ud);
    size_t had = weft_buf_size(&c->first);
    struct weft_slice all = data;
    if (!had && (uint8_t)data.base[0] != HANDSHAKE_RECORD) return false;
    if (had || !weft_sniff_record_whole(data)) {
        (void)weft_buf_append(&c->first, weft_slice_head(data, MAX_HELLO - had));
        all = weft_buf_slice(&c->first);
    }
    enum weft_sniff what = weft_sniff(all);
    bool half = what == WEFT_SNIFF_TLS && !weft_sniff_record_whole(all);
    if ((half || what == WEFT_SNIFF_MORE) && all.len < MAX_HELLO) return true;
    if (what == WEFT_SNIFF_TLS) {
        proxy_server_name_note(c, all);
        count(c);
    }
    weft_buf_done(&c->first);
    return false;
}

void proxy_server_name_watch(struct proxy_conn *c) {
    weft_buf_done(&c->first); /* what was sniffed comes once more */
    weft_buf_init(&c->first, MAX_HELLO);
    weft_relay_peek(c->relay, on_bytes);
}
