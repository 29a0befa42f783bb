/* SPDX-License-Identifier: Apache-2.0
 * PEM files to an identity. */
#include <sidecar/identity.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <weft/base/alloc.h>
#include <weft/base/clock.h>

enum { MAX_PEM = 1024 * 1024 };

static enum weft_status read_pem(const char *file, struct weft_buf *ret, struct weft_error *err) {
    weft_buf_init(ret, MAX_PEM);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    char *p = weft_buf_reserve(ret, MAX_PEM);
    if (fd >= 0 && p) n = read(fd, p, MAX_PEM);
    enum weft_status why = n < 0 ? weft_status_from_errno(errno) : WEFT_OK;
    if (n >= 0) weft_buf_commit(ret, (size_t)n);
    if (fd >= 0) close(fd);
    if (why != WEFT_OK) weft_error_set(err, why, file, "cannot be read: %s", weft_status_text(why));
    return why;
}

enum weft_status proxy_identity_load(const struct proxy_options *o, struct weft_identity **ret,
                                     struct weft_error *err) {
    *ret = NULL;
    if (!o->cert) return WEFT_OK;
    const char *const files[3] = {o->key, o->cert, o->trust_bundle};
    struct weft_buf pem[3] = {0};
    enum weft_status st = WEFT_OK;
    for (int i = 0; i < 3 && st == WEFT_OK; i++) st = read_pem(files[i], &pem[i], err);
    if (st == WEFT_OK)
        st = weft_identity_new(weft_buf_slice(&pem[0]), weft_buf_slice(&pem[1]),
                               weft_buf_slice(&pem[2]), NULL, 0,
                               (int64_t)(weft_clock_unix_us() / 1000000), ret, err);
    for (int i = 0; i < 3; i++) weft_buf_done(&pem[i]);
    return st;
}
