/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/agent_state.h>
#include <weft/base/alloc.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum weft_status agent_state_open(const char *dir) {
    if (mkdir(dir, 0700) == 0) return WEFT_OK;
    if (errno != EEXIST) return weft_status_from_errno(errno);
    struct stat s;
    if (stat(dir, &s) != 0) return weft_status_from_errno(errno);
    return S_ISDIR(s.st_mode) ? WEFT_OK : WEFT_EXISTS;
}

static enum weft_status read_all(int fd, struct weft_buf *ret) {
    for (;;) {
        char buf[16384];
        ssize_t n = read(fd, buf, sizeof buf);
        if (n == 0) return WEFT_OK;
        if (n < 0 && errno == EINTR) continue;
        enum weft_status st = n < 0 ? weft_status_from_errno(errno)
                                    : weft_buf_append(ret, weft_slice(buf, (size_t)n));
        if (st != WEFT_OK) return st;
    }
}

enum weft_status agent_file_read(const char *path, struct weft_buf *ret) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st = read_all(fd, ret);
    close(fd);
    return st;
}

enum weft_status agent_state_read(const char *dir, const char *name, struct weft_buf *ret) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    return agent_file_read(path, ret);
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

enum weft_status agent_state_write(const char *dir, const char *name, struct weft_slice content) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    WEFT_FREE char *temp = weft_asprintf("%s/.%s.tmp", dir, name);
    (void)unlink(temp);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return weft_status_from_errno(errno);
    enum weft_status st = write_all(fd, content);
    if (close(fd) != 0 && st == WEFT_OK) st = weft_status_from_errno(errno);
    if (st == WEFT_OK && rename(temp, path) != 0) st = weft_status_from_errno(errno);
    if (st != WEFT_OK) (void)unlink(temp);
    return st;
}

void agent_state_discard(const char *dir, const char *name) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    (void)unlink(path);
}
