/* SPDX-License-Identifier: Apache-2.0
 * The authority (ca.c), the files it may come from (ca_files.c), and Secrets as JSON
 * (ca_secret_json.c). */
#pragma once
#include <controller/ca.h>

#include <jansson.h>
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
    int64_t not_after, root_not_after;
};

/* Opens the folder (making a root in an empty one) or notes the given files, and reads them. */
enum weft_status ca_files_open(struct controller_ca *ca, const struct controller_ca_options *opt,
                               int64_t now, struct weft_error *err);
void ca_files_done(struct controller_ca *ca);

/* A member of a Secret's data; missing: empty. */
enum weft_status ca_secret_decode(const json_t *secret, const char *key, struct weft_buf *ret,
                                  struct weft_error *err);
json_t *ca_secret_data(struct weft_slice key, struct weft_slice chain);
/* As it is made; `more` may be NULL. */
json_t *ca_secret_body(const char *ns, const char *name, const struct weft_buf *key,
                       const struct weft_buf *chain, const struct weft_buf *more);
void ca_buf_wipe(struct weft_buf *b); /* and frees */
