/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/file.h>
#include <weft/base/alloc.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum weft_status read_all(int fd, struct weft_buf *ret) {
    char chunk[16384];
    enum weft_status st = WEFT_OK;
    while (st == WEFT_OK) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        st = n < 0 ? weft_status_from_errno(errno)
                   : weft_buf_append(ret, weft_slice(chunk, (size_t)n));
    }
    explicit_bzero(chunk, sizeof chunk);
    return st;
}

enum weft_status weft_file_read(const char *path, struct weft_buf *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st = read_all(fd, ret);
    close(fd);
    return st;
}

static enum weft_status write_all(int fd, struct weft_slice s) {
    while (s.len > 0) {
        ssize_t n = write(fd, s.base, s.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return weft_status_from_errno(errno);
        s = weft_slice_from(s, (size_t)n);
    }
    return WEFT_OK;
}

enum weft_status weft_file_replace(const char *path, unsigned mode, bool sync,
                                   struct weft_slice content) {
    WEFT_FREE char *temp = weft_asprintf("%s.tmp-%ld", path, (long)getpid());
    (void)unlink(temp); /* of a process that ended in here */
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st =
        fchmod(fd, mode) == 0 ? write_all(fd, content) : weft_status_from_errno(errno);
    if (st == WEFT_OK && sync && fsync(fd) != 0) st = weft_status_from_errno(errno);
    if (close(fd) != 0 && st == WEFT_OK) st = weft_status_from_errno(errno);
    if (st == WEFT_OK && rename(temp, path) != 0) st = weft_status_from_errno(errno);
    if (st != WEFT_OK) (void)unlink(temp);
    return st;
}
