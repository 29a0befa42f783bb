/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/token.h>
#include <weft/base/alloc.h>
#include <weft/net/tls.h>
#include <weft/object/format.h>
#include <weft/obs/log.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Trimmed content of one file; empty when it is not a usable token. */
static struct weft_slice read_token(int dir_fd, const char *name,
                                    char buf[static CONTROLLER_MAX_TOKEN + 2]) {
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return WEFT_SLICE_EMPTY;
    struct stat about;
    bool file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    ssize_t n = file ? read(fd, buf, CONTROLLER_MAX_TOKEN + 1) : 0;
    close(fd);
    if (n <= 0 || n > CONTROLLER_MAX_TOKEN) return WEFT_SLICE_EMPTY;
    struct weft_slice s = weft_slice(buf, (size_t)n);
    while (s.len && (s.base[s.len - 1] == '\n' || s.base[s.len - 1] == '\r')) s.len--;
    s = weft_slice_trim(s);
    return s.len >= CONTROLLER_MIN_TOKEN ? s : WEFT_SLICE_EMPTY;
}

/* Namespaces have no dots, ServiceAccounts may: the first dot divides. */
static bool split(struct weft_slice file, struct weft_slice *ret_ns, struct weft_slice *ret_sa) {
    *ret_sa = file;
    *ret_ns = weft_slice_cut(ret_sa, '.');
    return weft_fmt_label(*ret_ns) && weft_fmt_subdomain(*ret_sa);
}

enum weft_status controller_token_owner(const char *dir, struct weft_slice token,
                                        struct weft_arena *a, struct weft_slice *ret_ns,
                                        struct weft_slice *ret_service_account) {
    DIR *d = dir ? opendir(dir) : NULL;
    if (!d) return dir ? weft_status_from_errno(errno) : WEFT_NOT_FOUND;
    size_t owners = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char buf[CONTROLLER_MAX_TOKEN + 2];
        struct weft_slice ns, sa, known = read_token(dirfd(d), e->d_name, buf);
        bool hit = known.len > 0 && weft_pki_equal(known, token);
        if (!hit || !split(weft_slice_str(e->d_name), &ns, &sa)) continue;
        *ret_ns = weft_arena_dup(a, ns);
        *ret_service_account = weft_arena_dup(a, sa);
        owners++;
    }
    closedir(d);
    if (owners > 1)
        weft_warn("ca", "%s holds one token under %zu names, among them %.*s.%.*s: it proves none",
                  dir, owners, WEFT_SLICE_ARG(*ret_ns), WEFT_SLICE_ARG(*ret_service_account));
    return owners == 1 ? WEFT_OK : WEFT_NOT_FOUND;
}

bool controller_token_exists(const char *dir, struct weft_slice ns,
                             struct weft_slice service_account) {
    char buf[CONTROLLER_MAX_TOKEN + 2];
    WEFT_FREE char *name = weft_asprintf(WEFT_SLICE_FMT "." WEFT_SLICE_FMT, WEFT_SLICE_ARG(ns),
                                         WEFT_SLICE_ARG(service_account));
    if (!weft_fmt_label(ns) || !weft_fmt_subdomain(service_account)) return false;
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    bool exists = fd >= 0 && read_token(fd, name, buf).len > 0;
    if (fd >= 0) close(fd);
    return exists;
}
