/* SPDX-License-Identifier: Apache-2.0
 * The authority (ca.c) and the files it may come from (ca_files.c). */
#pragma once
#include <controller/ca.h>

#include <sys/stat.h>

enum { CA_KEY, CA_CERT, CA_BUNDLE, CA_N_FILES, CA_MAX_PEM = 256 * 1024 };

struct ca_file {
    char *path;       /* NULL: none */
    struct stat seen; /* zero: not there when last looked at */
};

struct controller_ca {
    struct weft_buf key, chain, more; /* as given */
    struct weft_buf bundle;           /* what verifiers get */
    struct ca_file files[CA_N_FILES];
    char *trust_domain, *ns;
    uint64_t max_ttl_s;
    int64_t not_after;
};

/* Opens the folder (making a root in an empty one) or notes the given files, and reads them. */
enum weft_status ca_files_open(struct controller_ca *ca, const struct controller_ca_options *opt,
                               int64_t now, struct weft_error *err);
void ca_files_done(struct controller_ca *ca);
