/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/status.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {
#define X(name, text) #name,
    WEFT_STATUS_MAP(X)
#undef X
};
static const char *const texts[] = {
#define X(name, text) text,
    WEFT_STATUS_MAP(X)
#undef X
};

const char *weft_status_name(enum weft_status st) {
    return (size_t)st < WEFT_LEN(names) ? names[st] : "UNKNOWN";
}

const char *weft_status_text(enum weft_status st) {
    return (size_t)st < WEFT_LEN(texts) ? texts[st] : "unknown status";
}

enum weft_status weft_status_from_errno(int err) {
    switch (err) {
    case 0:
        return WEFT_OK;
    case EAGAIN:
        return WEFT_AGAIN;
    case EINVAL:
        return WEFT_INVALID;
    case ENOENT:
        return WEFT_NOT_FOUND;
    case EEXIST:
        return WEFT_EXISTS;
    case EACCES:
    case EPERM:
        return WEFT_DENIED;
    case ETIMEDOUT:
        return WEFT_TIMEOUT;
    case ECONNREFUSED:
        return WEFT_REFUSED;
    case EPIPE:
    case ECONNABORTED:
    case ECONNRESET:
        return WEFT_RESET;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return WEFT_UNREACHABLE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return WEFT_LIMIT;
    case ECANCELED:
        return WEFT_CANCELED;
    default:
        return WEFT_IO;
    }
}

enum weft_status weft_error_set(struct weft_error *err, enum weft_status st, const char *path,
                                const char *fmt, ...) {
    if (!err) return st;
    snprintf(err->path, sizeof err->path, "%s", path ? path : "");
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return st;
}
