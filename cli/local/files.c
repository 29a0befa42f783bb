/* SPDX-License-Identifier: Apache-2.0
 * Small files of the state folder. */
#include <cli/local/files.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/alloc.h>

static enum weft_status failed(struct weft_error *err, const char *path, const char *what) {
    return weft_error_set(err, WEFT_IO, path, "cannot %s: %s", what, strerror(errno));
}

enum weft_status local_mkdir(const char *path, mode_t mode, struct weft_error *err) {
    if (mkdir(path, mode) != 0 && errno != EEXIST) return failed(err, path, "make the folder");
    return chmod(path, mode) == 0 ? WEFT_OK : failed(err, path, "set the mode");
}

enum weft_status local_mkdirs(const char *path, struct weft_error *err) {
    WEFT_FREE char *copy = weft_strdup(path);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(copy, 0755) != 0 && errno != EEXIST) return failed(err, copy, "make the folder");
        *p = '/';
    }
    if (mkdir(copy, 0755) != 0 && errno != EEXIST) return failed(err, copy, "make the folder");
    return WEFT_OK;
}

static bool write_all(int fd, struct weft_slice text) {
    while (text.len) {
        ssize_t n = write(fd, text.base, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text = weft_slice_from(text, (size_t)n);
    }
    return true;
}

enum weft_status local_write_file(const char *path, struct weft_slice text, mode_t mode, uid_t uid,
                                  struct weft_error *err) {
    WEFT_FREE char *tmp = weft_asprintf("%s.tmp", path);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return failed(err, tmp, "write");
    bool ok = write_all(fd, text) && fchown(fd, uid, (gid_t)uid) == 0 && fchmod(fd, mode) == 0;
    if (close(fd) != 0 || !ok) return failed(err, tmp, "write");
    return rename(tmp, path) == 0 ? WEFT_OK : failed(err, path, "put into place");
}

enum weft_status local_overwrite(const char *path, struct weft_slice text, struct weft_error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return failed(err, path, "write");
    bool ok = write_all(fd, text) && ftruncate(fd, (off_t)text.len) == 0;
    (void)fchmod(fd, 0644);
    if (close(fd) != 0 || !ok) return failed(err, path, "write");
    return WEFT_OK;
}

char *local_read_file(const char *path, size_t *ret_len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    size_t len = 0, cap = 4096;
    char *text = weft_alloc(cap + 1);
    for (;;) {
        ssize_t n = read(fd, text + len, cap - len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        len += (size_t)n;
        if (len == cap) text = weft_realloc(text, (cap *= 2) + 1);
    }
    close(fd);
    text[len] = 0;
    if (ret_len) *ret_len = len;
    return text;
}
