/* SPDX-License-Identifier: Apache-2.0
 * The authority's material in files: a folder that gets a root of its own when it is empty, or
 * given files; both are read again when they change. */
#include "ca_internal.h"

#include <weft/base/alloc.h>
#include <weft/base/file.h>
#include <weft/obs/log.h>

#include <errno.h>

enum { ROOT_TTL_S = 10 * 365 * 24 * 3600 };

/* Noted before reading: what changes meanwhile is another file the next time. */
static bool look(struct ca_file *f) {
    struct stat now = {0};
    if (f->path && stat(f->path, &now) != 0) now = (struct stat){0};
    bool same = now.st_ino == f->seen.st_ino && now.st_dev == f->seen.st_dev &&
                now.st_size == f->seen.st_size && now.st_mtim.tv_sec == f->seen.st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == f->seen.st_mtim.tv_nsec;
    f->seen = now;
    return !same;
}

static enum weft_status read_one(const struct ca_file *f, bool optional, struct weft_buf *ret,
                                 struct weft_error *err) {
    enum weft_status st = f->path ? weft_file_read(f->path, ret) : WEFT_NOT_FOUND;
    if (st == WEFT_OK || (optional && st == WEFT_NOT_FOUND)) return WEFT_OK;
    return weft_error_set(err, st, f->path, "%s", weft_status_text(st));
}

static enum weft_status read_all(struct controller_ca *ca, int64_t now, bool *ret_changed,
                                 struct weft_error *err) {
    struct weft_buf text[CA_N_FILES];
    enum weft_status st = WEFT_OK;
    for (int i = 0; i < CA_N_FILES; i++) {
        weft_buf_init(&text[i], CA_MAX_PEM);
        if (st == WEFT_OK) st = read_one(&ca->files[i], i == CA_BUNDLE, &text[i], err);
    }
    if (st == WEFT_OK)
        st = controller_ca_set(
            ca,
            &(struct controller_ca_material){.key = weft_buf_slice(&text[CA_KEY]),
                                             .chain = weft_buf_slice(&text[CA_CERT]),
                                             .bundle = weft_buf_slice(&text[CA_BUNDLE])},
            now, ret_changed, err);
    if (text[CA_KEY].base) explicit_bzero(text[CA_KEY].base, text[CA_KEY].cap);
    for (int i = 0; i < CA_N_FILES; i++) weft_buf_done(&text[i]);
    return st;
}

enum weft_status controller_ca_reload(struct controller_ca *ca, int64_t now, bool *ret_changed,
                                      struct weft_error *err) {
    bool changed = false;
    *ret_changed = false;
    for (int i = 0; i < CA_N_FILES; i++) changed = look(&ca->files[i]) || changed;
    return changed ? read_all(ca, now, ret_changed, err) : WEFT_OK;
}

/* === the folder === */

static enum weft_status write_root(const char *key_path, const char *cert_path,
                                   const struct weft_buf *key, const struct weft_buf *cert,
                                   struct weft_error *err) {
    /* The key first: a certificate without its key would be useless, a key without one is
     * replaced. */
    enum weft_status st = weft_file_replace(key_path, 0600, true, weft_buf_slice(key));
    if (st != WEFT_OK) return weft_error_set(err, st, key_path, "%s", weft_status_text(st));
    st = weft_file_replace(cert_path, 0644, true, weft_buf_slice(cert));
    if (st != WEFT_OK) return weft_error_set(err, st, cert_path, "%s", weft_status_text(st));
    return WEFT_OK;
}

static enum weft_status make_root(const struct controller_ca *ca, int64_t now,
                                  struct weft_error *err) {
    struct weft_buf key, cert;
    weft_buf_init(&key, 0);
    weft_buf_init(&cert, 0);
    enum weft_status st = controller_ca_make_root(ca->trust_domain, now, &key, &cert, err);
    if (st == WEFT_OK)
        st = write_root(ca->files[CA_KEY].path, ca->files[CA_CERT].path, &key, &cert, err);
    if (st == WEFT_OK)
        weft_info("ca", "made a root for trust domain %s: %s", ca->trust_domain,
                  ca->files[CA_CERT].path);
    if (key.base) explicit_bzero(key.base, key.cap);
    weft_buf_done(&key);
    weft_buf_done(&cert);
    return st;
}

enum weft_status controller_ca_make_root(const char *trust_domain, int64_t now,
                                         struct weft_buf *ret_key, struct weft_buf *ret_cert,
                                         struct weft_error *err) {
    enum weft_status st = weft_pki_key(ret_key);
    if (st != WEFT_OK) return weft_error_set(err, st, "key", "no key could be made");
    return weft_pki_root(weft_buf_slice(ret_key), weft_slice_str(trust_domain), now, ROOT_TTL_S,
                         ret_cert, err);
}

static enum weft_status open_dir(struct controller_ca *ca, const char *dir, int64_t now,
                                 struct weft_error *err) {
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return weft_error_set(err, weft_status_from_errno(errno), dir, "cannot be made");
    ca->files[CA_CERT].path = weft_asprintf("%s/root.pem", dir);
    ca->files[CA_KEY].path = weft_asprintf("%s/root.key", dir);
    ca->files[CA_BUNDLE].path = weft_asprintf("%s/bundle.pem", dir);
    struct stat s;
    if (stat(ca->files[CA_CERT].path, &s) != 0 && errno == ENOENT) return make_root(ca, now, err);
    if (stat(ca->files[CA_KEY].path, &s) == 0 && (s.st_mode & 077) != 0)
        weft_warn("ca", "%s can be read by others; its mode should be 0600",
                  ca->files[CA_KEY].path);
    return WEFT_OK;
}

enum weft_status ca_files_open(struct controller_ca *ca, const struct controller_ca_options *opt,
                               int64_t now, struct weft_error *err) {
    enum weft_status st = WEFT_OK;
    bool changed;
    if (opt->cert_file) {
        ca->files[CA_CERT].path = weft_strdup(opt->cert_file);
        ca->files[CA_KEY].path = weft_strdup(opt->key_file);
        if (opt->bundle_file) ca->files[CA_BUNDLE].path = weft_strdup(opt->bundle_file);
    } else {
        st = open_dir(ca, opt->dir, now, err);
    }
    if (st != WEFT_OK) return st;
    for (int i = 0; i < CA_N_FILES; i++) (void)look(&ca->files[i]);
    return read_all(ca, now, &changed, err);
}

void ca_files_done(struct controller_ca *ca) {
    for (int i = 0; i < CA_N_FILES; i++) free(ca->files[i].path);
}
