/* SPDX-License-Identifier: Apache-2.0
 * Manifests in a temporary folder, read as the commands read them. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cli/input.h>

struct manifests {
    char dir[64], file[96];
    struct cli_options opt;
    struct cli_input in;
};

static inline void manifests_open(struct manifests *m, const char *text, bool experimental) {
    *m = (struct manifests){0};
    snprintf(m->dir, sizeof m->dir, "/tmp/weft-cli-XXXXXX");
    assert_non_null(mkdtemp(m->dir));
    snprintf(m->file, sizeof m->file, "%s/in.yaml", m->dir);
    FILE *f = fopen(m->file, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    m->opt = (struct cli_options){.paths = {m->dir}, .n_paths = 1, .experimental = experimental};
    cli_input_init(&m->in, &m->opt);
}

static inline void manifests_close(struct manifests *m) {
    cli_input_done(&m->in);
    unlink(m->file);
    rmdir(m->dir);
}
