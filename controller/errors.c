/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/errors.h>
#include <weft/base/alloc.h>
#include <weft/obs/json.h>

#include <string.h>
#include <sys/stat.h>

enum { MAX_KEPT = 1000 };

struct kept {
    struct weft_list node;
    char *file;
    struct weft_error err;
    struct stat seen; /* zero when it could not be read */
};

void controller_errors_init(struct controller_errors *e) {
    weft_list_init(&e->list);
    e->n = 0;
}

static void drop(struct controller_errors *e, struct kept *k) {
    weft_list_remove(&k->node);
    e->n--;
    free(k->file);
    free(k);
}

void controller_errors_done(struct controller_errors *e) {
    weft_list_each(it, &e->list) drop(e, WEFT_CONTAINER(it, struct kept, node));
}

static bool another(const struct kept *k) {
    struct stat now;
    if (stat(k->file, &now) != 0) return k->seen.st_ino != 0;
    return now.st_ino != k->seen.st_ino || now.st_size != k->seen.st_size ||
           memcmp(&now.st_mtim, &k->seen.st_mtim, sizeof now.st_mtim) != 0;
}

static void forget_old(struct controller_errors *e) {
    weft_list_each(it, &e->list) {
        struct kept *k = WEFT_CONTAINER(it, struct kept, node);
        if (another(k)) drop(e, k);
    }
}

void controller_errors_add(struct controller_errors *e, const char *file,
                           const struct weft_error *err) {
    forget_old(e);
    if (e->n == MAX_KEPT) drop(e, WEFT_CONTAINER(e->list.next, struct kept, node));
    struct kept *k = weft_new0(struct kept);
    k->file = weft_strdup(file);
    k->err = *err;
    (void)stat(file, &k->seen);
    weft_list_push(&e->list, &k->node);
    e->n++;
}

/* What a broken file says need not be UTF-8, nor what was cut off at a length. */
static json_t *text(const char *s) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    (void)weft_buf_char(&b, '"');
    weft_json_escape(&b, weft_slice_str(s));
    (void)weft_buf_char(&b, '"');
    json_t *out = json_loadb(b.base, weft_buf_size(&b), JSON_DECODE_ANY, NULL);
    weft_buf_done(&b);
    return out;
}

json_t *controller_errors_json(struct controller_errors *e) {
    forget_old(e);
    json_t *out = json_array();
    weft_list_each(it, &e->list) {
        const struct kept *k = WEFT_CONTAINER(it, struct kept, node);
        json_array_append_new(out, json_pack("{s:o, s:i, s:o, s:o}", "file", text(k->file), "line",
                                             k->err.line, "field", text(k->err.path), "message",
                                             text(k->err.message)));
    }
    return out;
}
