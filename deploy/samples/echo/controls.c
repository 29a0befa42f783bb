/* SPDX-License-Identifier: Apache-2.0
 * The controls of a request, and the memory of which keys have failed how often. */
#include "echo.h"

#include <weft/base/alloc.h>
#include <uthash.h>

enum kind { NUMBER, MILLISECONDS, SWITCH, MODE, RESET, KEY };

static const struct row {
    const char *name;
    enum kind kind;
    size_t offset;
    uint64_t min, max;
} rows[] = {
#define AT(m) offsetof(struct echo_controls, m)
    {"delay", MILLISECONDS, AT(delay_ms), 0, 600000},
    {"body_delay", MILLISECONDS, AT(body_delay_ms), 0, 600000},
    {"interval", MILLISECONDS, AT(interval_ms), 0, 600000},
    {"status", NUMBER, AT(status), 200, 599},
    {"info", NUMBER, AT(info), 102, 199},
    {"grpc_status", NUMBER, AT(grpc_status), 0, 16},
    {"fail", NUMBER, AT(fail), 0, 1000000},
    {"fail_delay", MILLISECONDS, AT(fail_delay_ms), 0, 600000},
    {"fail_status", NUMBER, AT(fail_status), 200, 599},
    {"fail_mode", MODE, 0, 0, 0},
    {"key", KEY, 0, 0, 0},
    {"stream", NUMBER, AT(stream), 1, 1000000},
    {"chunk", NUMBER, AT(chunk), 1, ECHO_MAX_CHUNK},
    {"size", NUMBER, AT(size), 0, 1ull << 40},
    {"trailers", SWITCH, AT(trailers), 0, 0},
    {"echo", SWITCH, AT(echo), 0, 0},
    {"reset", RESET, 0, 0, 0},
};

void echo_controls_init(struct echo_controls *c) {
    *c = (struct echo_controls){
        .status = 200, .fail_status = 500, .fail_mode = BREAK_STATUS, .chunk = 64};
}

static bool parse_ms(struct weft_slice v, uint64_t max, uint64_t *ret) {
    uint64_t factor = 1;
    if (weft_slice_ends(v, WEFT_SLICE_LIT("ms"))) {
        v.len -= 2;
    } else if (weft_slice_ends(v, WEFT_SLICE_LIT("s"))) {
        v.len -= 1;
        factor = 1000;
    }
    if (!weft_slice_u64(v, max / factor, ret)) return false;
    *ret *= factor;
    return true;
}

static bool parse_mode(struct weft_slice v, enum echo_break *ret) {
    static const char *const names[] = {"", "status", "reset", "close", "refuse", "abort"};
    for (size_t i = BREAK_STATUS; i < WEFT_LEN(names); i++)
        if (weft_slice_is(v, names[i])) {
            *ret = (enum echo_break)i;
            return true;
        }
    return false;
}

static bool take(struct echo_controls *c, const struct row *row, struct weft_slice v) {
    void *to = (char *)c + row->offset;
    uint64_t n;
    switch (row->kind) {
    case NUMBER:
        if (!weft_slice_u64(v, row->max, &n) || n < row->min) return false;
        *(uint64_t *)to = n;
        if (row->offset == AT(size)) c->has_size = true;
        return true;
    case MILLISECONDS:
        return parse_ms(v, row->max, to);
    case SWITCH:
        *(bool *)to = !weft_slice_is(v, "0");
        return true;
    case MODE:
        return parse_mode(v, &c->fail_mode);
    case RESET:
        c->reset_head = weft_slice_is(v, "head");
        c->reset_body = weft_slice_is(v, "body");
        return c->reset_head || c->reset_body;
    case KEY:
        c->key = v;
        return v.len > 0 && v.len <= 256;
    }
    return false;
}

struct weft_slice echo_controls_parse(struct echo_controls *c, struct weft_slice text) {
    struct weft_slice bad = WEFT_SLICE_EMPTY;
    while (text.len) {
        struct weft_slice value = weft_slice_cut(&text, '&');
        struct weft_slice name = weft_slice_trim(weft_slice_cut(&value, '='));
        value = weft_slice_trim(value);
        for (size_t i = 0; i < WEFT_LEN(rows); i++)
            if (weft_slice_is(name, rows[i].name) && !take(c, &rows[i], value) && !bad.len)
                bad = name;
    }
    return bad;
}

struct counter {
    UT_hash_handle hh;
    uint64_t n;
    size_t len;
    char key[];
};

bool echo_should_fail(struct weft_slice key, uint64_t n) {
    static struct counter *counters;
    struct counter *c;
    if (n == 0) return false;
    HASH_FIND(hh, counters, key.base, key.len, c);
    if (!c) {
        if (HASH_COUNT(counters) >= ECHO_MAX_KEYS) return false;
        c = weft_alloc0(sizeof *c + key.len + 1);
        memcpy(c->key, key.base, key.len);
        c->len = key.len;
        HASH_ADD_KEYPTR(hh, counters, c->key, c->len, c);
    }
    return c->n++ < n;
}
