/* SPDX-License-Identifier: Apache-2.0
 * Small files of the state folder. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <weft/base/slice.h>
#include <weft/base/status.h>

/* mkdir, exists already is fine. */
enum weft_status local_mkdir(const char *path, mode_t mode, struct weft_error *err);
/* With parents, each 0755. */
enum weft_status local_mkdirs(const char *path, struct weft_error *err);
/* A new file renamed into place; owner kept when uid is (uid_t)-1. */
enum weft_status local_write_file(const char *path, struct weft_slice text, mode_t mode, uid_t uid,
                                  struct weft_error *err);
/* Overwrites in place, as the file may be mounted elsewhere. */
enum weft_status local_overwrite(const char *path, struct weft_slice text, struct weft_error *err);
/* The whole file, NUL-terminated; free() it. NULL if it cannot be read. */
char *local_read_file(const char *path, size_t *ret_len);
