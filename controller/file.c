/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/file.h>
#include <weft/base/alloc.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum weft_status controller_file_read(const char *path, struct weft_buf *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st = WEFT_OK;
    for (;;) {
        char buf[8192];
        ssize_t n = read(fd, buf, sizeof buf);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        st = n < 0 ? weft_status_from_errno(errno)
                   : weft_buf_append(ret, weft_slice(buf, (size_t)n));
        if (st != WEFT_OK) break;
    }
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
    return fsync(fd) == 0 ? WEFT_OK : weft_status_from_errno(errno);
}

enum weft_status controller_file_write(const char *path, unsigned mode, struct weft_slice content) {
    WEFT_FREE char *temp = weft_asprintf("%s.tmp-%ld", path, (long)getpid());
    (void)unlink(temp);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st =
        fchmod(fd, mode) == 0 ? write_all(fd, content) : weft_status_from_errno(errno);
    if (close(fd) != 0 && st == WEFT_OK) st = weft_status_from_errno(errno);
    if (st == WEFT_OK && rename(temp, path) != 0) st = weft_status_from_errno(errno);
    if (st != WEFT_OK) (void)unlink(temp);
    return st;
}
