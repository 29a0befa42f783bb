/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/agent_state.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum weft_status agent_state_open(const char *dir) {
    if (mkdir(dir, 0700) == 0) return WEFT_OK;
    if (errno != EEXIST) return weft_status_from_errno(errno);
    struct stat s;
    if (stat(dir, &s) != 0) return weft_status_from_errno(errno);
    return S_ISDIR(s.st_mode) ? WEFT_OK : WEFT_EXISTS;
}

enum weft_status agent_state_read(const char *dir, const char *name, struct weft_buf *ret) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    return weft_file_read(path, ret);
}

enum weft_status agent_state_write(const char *dir, const char *name, struct weft_slice content) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    return weft_file_replace(path, 0600, false, content); /* the folder does not outlive the pod */
}

void agent_state_discard(const char *dir, const char *name) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    (void)unlink(path);
}
