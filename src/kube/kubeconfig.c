/* SPDX-License-Identifier: Apache-2.0
 * kubeconfig files as kubectl reads them: several are merged (the first that says something about
 * a name wins), files they name stand beside them, data is base64. What kubectl can and we cannot
 * is an error with a way out. */
#include "client_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/base64.h>
#include <weft/base/file.h>
#include <weft/object/json.h>
#include <weft/object/yaml.h>

enum { MAX_CONFIG = 4 * 1024 * 1024, MAX_FILES = 32 };

struct config_file {
    char *path, *dir;
    json_t *json;
};
struct merge {
    struct config_file files[MAX_FILES];
    size_t n;
    bool asked;   /* the caller named the one file: it must be there */
    bool may_run; /* programs that give credentials; never for bytes of unknown origin */
    struct weft_error *err;
};

/* A named entry and the file it stands in. */
struct entry {
    const struct config_file *file;
    const char *list, *name;
    const json_t *json;
};

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    json_t **json = ud;
    (void)line;
    json_decref(lines);
    if (*json)
        json_decref(value); /* kubectl reads the first document too */
    else
        *json = value;
}

static char *dir_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return weft_strdup(".");
    return slash == path ? weft_strdup("/")
                         : weft_slice_dup(weft_slice(path, (size_t)(slash - path)));
}

static enum weft_status parse(struct merge *m, const char *path, struct weft_slice text) {
    struct weft_error why = {0};
    json_t *json = NULL;
    enum weft_status st = weft_yaml_parse(text, on_document, &json, &why);
    if (st == WEFT_OK && json && !json_is_object(json))
        st = weft_error_set(&why, WEFT_INVALID, "", "is no kubeconfig");
    if (st != WEFT_OK) {
        json_decref(json);
        weft_error_set(m->err, st, path, "%s", why.message);
        if (m->err) m->err->line = why.line;
        return st;
    }
    m->files[m->n++] =
        (struct config_file){weft_strdup(path), dir_of(path), json ? json : json_object()};
    return WEFT_OK;
}

static enum weft_status add_file(struct merge *m, const char *path) {
    struct weft_buf b;
    weft_buf_init(&b, MAX_CONFIG);
    enum weft_status st = weft_file_read(path, &b);
    if (st == WEFT_NOT_FOUND && !m->asked)
        st = WEFT_OK; /* as kubectl: $KUBECONFIG may name files that are not there */
    else if (st != WEFT_OK)
        weft_error_set(m->err, st, path, "the kubeconfig cannot be read: %s", weft_status_text(st));
    else
        st = parse(m, path, weft_buf_slice(&b));
    if (b.base) explicit_bzero(b.base, b.cap);
    weft_buf_done(&b);
    return st;
}

static enum weft_status add_list(struct merge *m, const char *list) {
    struct weft_slice rest = weft_slice_str(list);
    enum weft_status st = WEFT_OK;
    while (rest.len && st == WEFT_OK && m->n < MAX_FILES) {
        WEFT_FREE char *path = weft_slice_dup(weft_slice_cut(&rest, ':'));
        if (*path) st = add_file(m, path);
    }
    return st;
}

static enum weft_status read_files(struct merge *m, const char *path) {
    const char *env = getenv("KUBECONFIG"), *home = getenv("HOME");
    m->asked = path != NULL;
    if (path) return add_file(m, path);
    if (env && *env) return add_list(m, env);
    WEFT_FREE char *usual = weft_asprintf("%s/.kube/config", home ? home : "");
    return add_file(m, usual);
}

/* "cluster" of the entry "dev" of "clusters". */
static enum weft_status find(struct merge *m, const char *list, const char *member,
                             struct weft_slice name, struct entry *ret) {
    for (size_t f = 0; f < m->n; f++) {
        const json_t *entries = json_object_get(m->files[f].json, list), *e;
        size_t i;
        json_array_foreach(entries, i, e) {
            if (!weft_slice_eq(weft_js_str(e, "name"), name)) continue;
            *ret = (struct entry){&m->files[f], list, json_string_value(json_object_get(e, "name")),
                                  json_object_get(e, member)};
            return WEFT_OK;
        }
    }
    return weft_error_set(m->err, WEFT_NOT_FOUND, list,
                          "no entry named \"" WEFT_SLICE_FMT "\" in the kubeconfig",
                          WEFT_SLICE_ARG(name));
}

static enum weft_status fault(struct merge *m, const struct entry *e, const char *key,
                              const char *what) {
    char path[256];
    snprintf(path, sizeof path, "%.100s[%.80s].%.60s", e->list, e->name, key);
    return weft_error_set(m->err, WEFT_INVALID, path, "%.200s: %s", e->file->path, what);
}

static void take_text(const struct entry *e, const char *key, char **ret) {
    struct weft_slice s = weft_js_str(e->json, key);
    if (s.len) *ret = weft_slice_dup(s);
}

static void take_path(const struct entry *e, const char *key, char **ret) {
    struct weft_slice s = weft_js_str(e->json, key);
    if (!s.len) return;
    *ret = s.base[0] == '/' ? weft_slice_dup(s)
                            : weft_asprintf("%s/" WEFT_SLICE_FMT, e->file->dir, WEFT_SLICE_ARG(s));
}

static enum weft_status take_data(struct merge *m, const struct entry *e, const char *key,
                                  char **ret) {
    struct weft_slice s = weft_js_str(e->json, key);
    if (!s.len) return WEFT_OK;
    struct weft_buf b;
    weft_buf_init(&b, MAX_CONFIG);
    enum weft_status st = weft_base64_decode(s, &b);
    if (st != WEFT_OK)
        fault(m, e, key, "is no base64");
    else
        *ret = weft_slice_dup(weft_buf_slice(&b));
    if (b.base) explicit_bzero(b.base, b.cap);
    weft_buf_done(&b);
    return st;
}

static enum weft_status read_cluster(struct merge *m, struct weft_slice name,
                                     struct weft_kube_config *c) {
    struct entry e;
    enum weft_status st = find(m, "clusters", "cluster", name, &e);
    if (st != WEFT_OK) return st;
    take_text(&e, "server", &c->server);
    if (!c->server) return fault(m, &e, "server", "names no server");
    for (size_t n = strlen(c->server); n && c->server[n - 1] == '/';) c->server[--n] = 0;
    take_path(&e, "certificate-authority", &c->ca_file);
    take_text(&e, "tls-server-name", &c->server_name);
    take_text(&e, "proxy-url", &c->proxy);
    c->insecure = weft_js_bool(e.json, "insecure-skip-tls-verify", false);
    return take_data(m, &e, "certificate-authority-data", &c->ca_pem);
}

static enum weft_status check_user(struct merge *m, const struct entry *e,
                                   struct weft_kube_config *c) {
    if ((c->cert_file || c->cert_pem) && !(c->key_file || c->key_pem))
        return fault(m, e, "client-key-data", "a client certificate without its key");
    if (c->token || c->token_file || c->cert_file || c->cert_pem) return WEFT_OK;
    const json_t *exec = json_object_get(e->json, "exec");
    if (exec && m->may_run)
        return kube_exec_credential(exec, e->file->dir, KUBE_EXEC_PATIENCE_US, c, m->err);
    if (exec) return fault(m, e, "exec", "is not run here");
    if (json_object_get(e->json, "auth-provider"))
        return fault(m, e, "auth-provider",
                     "is not supported: make a kubeconfig with a token or a client certificate");
    if (json_object_get(e->json, "username"))
        return fault(m, e, "username",
                     "is not supported (nor by Kubernetes since 1.19): use a token or a client "
                     "certificate");
    return WEFT_OK;
}

static enum weft_status read_user(struct merge *m, struct weft_slice name,
                                  struct weft_kube_config *c) {
    struct entry e;
    if (!name.len) return WEFT_OK; /* anonymous, as kubectl */
    enum weft_status st = find(m, "users", "user", name, &e);
    if (st != WEFT_OK) return st;
    take_path(&e, "client-certificate", &c->cert_file);
    take_path(&e, "client-key", &c->key_file);
    take_path(&e, "tokenFile", &c->token_file);
    if (!c->token_file) take_text(&e, "token", &c->token);
    st = take_data(m, &e, "client-certificate-data", &c->cert_pem);
    if (st == WEFT_OK) st = take_data(m, &e, "client-key-data", &c->key_pem);
    return st == WEFT_OK ? check_user(m, &e, c) : st;
}

static struct weft_slice current_context(const struct merge *m) {
    for (size_t i = 0; i < m->n; i++) {
        struct weft_slice s = weft_js_str(m->files[i].json, "current-context");
        if (s.len) return s;
    }
    return WEFT_SLICE_EMPTY;
}

static enum weft_status resolve(struct merge *m, const char *context, struct weft_kube_config *c) {
    struct weft_slice name = context ? weft_slice_str(context) : current_context(m);
    struct entry e;
    if (m->n == 0)
        return weft_error_set(m->err, WEFT_NOT_FOUND, "kubeconfig",
                              "no such file: neither $KUBECONFIG nor ~/.kube/config is there");
    if (!name.len)
        return weft_error_set(m->err, WEFT_NOT_FOUND, "current-context",
                              "the kubeconfig names no current context: name one");
    enum weft_status st = find(m, "contexts", "context", name, &e);
    if (st != WEFT_OK) return st;
    take_text(&e, "namespace", &c->ns);
    st = read_cluster(m, weft_js_str(e.json, "cluster"), c);
    return st == WEFT_OK ? read_user(m, weft_js_str(e.json, "user"), c) : st;
}

static enum weft_status finish(struct merge *m, enum weft_status st, const char *context,
                               struct weft_kube_config *ret) {
    struct weft_kube_config c = {0};
    if (st == WEFT_OK) st = resolve(m, context, &c);
    if (st == WEFT_OK)
        *ret = c;
    else
        weft_kube_config_done(&c);
    for (size_t i = 0; i < m->n; i++) {
        free(m->files[i].path);
        free(m->files[i].dir);
        json_decref(m->files[i].json);
    }
    return st;
}

enum weft_status weft_kube_config_load(const char *path, const char *context,
                                       struct weft_kube_config *ret, struct weft_error *err) {
    struct merge m = {.err = err, .may_run = true};
    return finish(&m, read_files(&m, path), context, ret);
}

enum weft_status kube_config_text(struct weft_slice text, const char *path, const char *context,
                                  struct weft_kube_config *ret, struct weft_error *err) {
    struct merge m = {.err = err};
    return finish(&m, parse(&m, path, text), context, ret);
}
