/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/memory.h>

#include <weft/base/alloc.h>
#include <weft/base/buf.h>
#include <weft/base/file.h>
#include <weft/obs/log.h>

enum {
    LOOK_US = 1000000,
    LIMIT_APPEARS_US = 30000000, /* a running container may be given one */
    FALL_PERCENT = 5,
    MAX_FILE = 64 * 1024,
};
static const uint64_t NO_LIMIT = 1ull << 60; /* v1 says "none" by a number near 2^63 */

/* Files of one version of cgroups; of v1 the memory controller has a tree of its own. */
static const struct version {
    const char *controller, *subtree, *max, *used, *inactive;
} versions[] = {
    {"", "", "memory.max", "memory.current", "inactive_file"},
    {"memory", "/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

static struct weft_slice line_of(struct weft_slice text) {
    return weft_slice_cut(&text, '\n');
}

static bool read_text(const char *root, const struct version *v, struct weft_slice path,
                      const char *name, struct weft_buf *ret) {
    WEFT_FREE char *file =
        weft_asprintf("%s%s" WEFT_SLICE_FMT "/%s", root, v->subtree, WEFT_SLICE_ARG(path), name);
    weft_buf_consume(ret, weft_buf_size(ret));
    return weft_file_read(file, ret) == WEFT_OK;
}

/* memory.stat: "name value" lines. */
static uint64_t stat_of(struct weft_slice text, const char *name) {
    uint64_t n;
    while (text.len) {
        struct weft_slice value = weft_slice_cut(&text, '\n'), key = weft_slice_cut(&value, ' ');
        if (weft_slice_is(key, name)) return weft_slice_u64(value, UINT64_MAX, &n) ? n : 0;
    }
    return 0;
}

/* False: there is no such folder. */
static bool read_folder(const char *root, const struct version *v, struct weft_slice path,
                        struct weft_buf *b, struct proxy_memory_use *ret) {
    *ret = (struct proxy_memory_use){0};
    if (!read_text(root, v, path, v->max, b)) return false;
    uint64_t max, used; /* "max" is no number: no limit */
    if (!weft_slice_u64(line_of(weft_buf_slice(b)), UINT64_MAX, &max) || max >= NO_LIMIT)
        return true;
    if (!read_text(root, v, path, v->used, b) ||
        !weft_slice_u64(line_of(weft_buf_slice(b)), UINT64_MAX, &used))
        return true;
    uint64_t inactive =
        read_text(root, v, path, "memory.stat", b) ? stat_of(weft_buf_slice(b), v->inactive) : 0;
    *ret = (struct proxy_memory_use){max, used > inactive ? used - inactive : 0};
    return true;
}

static bool has_word(struct weft_slice list, const char *word) {
    while (list.len)
        if (weft_slice_is(weft_slice_cut(&list, ','), word)) return true;
    return !*word;
}

/* cgroups(7): "number:controllers:path" lines, v2 with neither controllers nor a number but 0. */
static struct weft_slice own_path(struct weft_slice text, const struct version *v) {
    while (text.len) {
        struct weft_slice path = weft_slice_cut(&text, '\n');
        (void)weft_slice_cut(&path, ':');
        struct weft_slice controllers = weft_slice_cut(&path, ':');
        if (!*v->controller ? controllers.len == 0 : has_word(controllers, v->controller))
            return path;
    }
    return WEFT_SLICE_EMPTY;
}

void proxy_memory_read(const char *proc_cgroup, const char *root, struct proxy_memory_use *ret) {
    struct weft_buf own, b;
    bool found = false;
    weft_buf_init(&own, MAX_FILE);
    weft_buf_init(&b, MAX_FILE);
    (void)weft_file_read(proc_cgroup, &own);
    for (size_t i = 0; i < WEFT_LEN(versions) && !found; i++) {
        struct weft_slice path = own_path(weft_buf_slice(&own), &versions[i]);
        found = read_folder(root, &versions[i], path, &b, ret) ||
                read_folder(root, &versions[i], WEFT_SLICE_EMPTY, &b, ret);
    }
    weft_buf_done(&own);
    weft_buf_done(&b);
}

bool proxy_memory_short(bool was, const struct proxy_memory_use *use, uint64_t percent) {
    if (!use->max || !percent) return false;
    uint64_t from = was && percent > FALL_PERCENT ? percent - FALL_PERCENT : percent;
    return use->used / 100 >= use->max / 100 * from / 100;
}

/* ---- the watch ---- */

struct proxy_memory {
    struct weft_timer timer;
    uint64_t percent;
    void (*fn)(void *ud, bool is_short);
    void *ud;
    bool is_short;
};

static void say(const struct proxy_memory *m, const struct proxy_memory_use *use) {
    unsigned long long used = use->used, max = use->max;
    if (m->is_short)
        weft_warn("memory", "%llu of %llu bytes used: new connections are refused", used, max);
    else
        weft_info("memory", "%llu of %llu bytes used: new connections are taken again", used, max);
}

static void look(struct proxy_memory *m) {
    struct proxy_memory_use use;
    proxy_memory_read("/proc/self/cgroup", "/sys/fs/cgroup", &use);
    weft_timer_start(&m->timer, use.max ? LOOK_US : LIMIT_APPEARS_US);
    if (proxy_memory_short(m->is_short, &use, m->percent) == m->is_short) return;
    m->is_short = !m->is_short;
    say(m, &use);
    m->fn(m->ud, m->is_short);
}

static void on_timer(void *arg) {
    look(arg);
}

struct proxy_memory *proxy_memory_watch(struct weft_loop *l, uint64_t percent,
                                        void (*fn)(void *ud, bool is_short), void *ud) {
    if (!percent) return NULL;
    struct proxy_memory *m = weft_new0(struct proxy_memory);
    *m = (struct proxy_memory){.percent = percent, .fn = fn, .ud = ud};
    weft_timer_init(&m->timer, l, on_timer, m);
    weft_timer_start(&m->timer, LOOK_US);
    return m;
}

struct proxy_memory *proxy_memory_free(struct proxy_memory *m) {
    if (m) weft_timer_stop(&m->timer);
    free(m);
    return NULL;
}
