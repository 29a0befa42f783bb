/* SPDX-License-Identifier: Apache-2.0
 * Runs a program with text on its stdin and keeps what it writes. */
#pragma once
#include <weft/base/buf.h>

enum {
    INIT_MAX_SAVED_BYTES = 32 * 1024 * 1024, /* iptables-save of one family; more is an error */
    INIT_MAX_STDERR_BYTES = 16 * 1024,       /* what lies beyond is dropped */
};

struct init_child {
    struct weft_buf out, err;
    int exit_code;  /* 128 + signal when it was killed */
    bool truncated; /* out passed its maximum */
};

void init_child_init(struct init_child *c);
void init_child_done(struct init_child *c);
/* argv[0] is a path. `input` may be empty. WEFT_IO when it could not be started (text in err of
 * the child struct); otherwise WEFT_OK whatever its exit code. */
enum weft_status init_child_run(struct init_child *c, const char *const *argv,
                                struct weft_slice input) WEFT_MUST_USE;
/* Finds `name` in $PATH, then in the sbin folders; a fresh string or NULL. */
char *init_child_find(const char *name);
