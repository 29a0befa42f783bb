/* SPDX-License-Identifier: Apache-2.0 */
#include <controller/source.h>
#include <weft/base/alloc.h>
#include <weft/kube/dir.h>
#include <weft/obs/log.h>

struct controller_source {
    struct controller_source_cb cb;
    bool experimental; /* by the options */
    struct weft_dir *dir;
    struct weft_kube_source *kube;
};

bool controller_source_is_kube(const struct controller_options *o) {
    return o->kube || o->kubeconfig;
}

enum weft_status controller_source_client(struct weft_loop *l, const struct controller_options *o,
                                          struct weft_kube **ret, struct weft_error *err) {
    struct weft_kube_config config = {0};
    *ret = NULL;
    if (!controller_source_is_kube(o)) return WEFT_OK;
    enum weft_status st = o->kubeconfig
                              ? weft_kube_config_load(o->kubeconfig, o->context, &config, err)
                              : weft_kube_config_in_cluster(&config, err);
    if (st == WEFT_OK) st = weft_kube_new(l, &config, ret, err);
    if (st == WEFT_OK) weft_info("source", "reading the cluster at %s", config.server);
    weft_kube_config_done(&config);
    return st;
}

static void on_object_error(void *ud, const char *kind, const char *ns, const char *name,
                            const struct weft_error *err) {
    struct controller_source *s = ud;
    WEFT_FREE char *where = weft_asprintf("%s %s%s%s", kind, ns, *ns ? "/" : "", name);
    s->cb.on_error(s->cb.ud, where, err);
}

static void on_failure(void *ud, const char *what, const char *error) {
    (void)ud;
    weft_warn("source", "%s cannot be read (it is tried again): %s", what, error);
}

static void on_change(void *ud) {
    struct controller_source *s = ud;
    s->cb.on_change(s->cb.ud);
}

static void on_status(void *ud) {
    struct controller_source *s = ud;
    if (s->cb.on_status) s->cb.on_status(s->cb.ud);
}

enum weft_status controller_source_new(struct weft_loop *l, const struct controller_options *o,
                                       struct weft_kube *k, struct weft_store *store,
                                       const struct controller_source_cb *cb,
                                       struct controller_source **ret, struct weft_error *err) {
    struct controller_source *s = weft_new0(struct controller_source);
    s->cb = *cb;
    s->experimental = o->experimental;
    *ret = s; /* the folders tell of a change before this returns */
    if (k) {
        const struct weft_kube_source_cb kube_cb = {.ud = s,
                                                    .on_change = on_change,
                                                    .on_status = on_status,
                                                    .on_error = on_object_error,
                                                    .on_failure = on_failure};
        s->kube = weft_kube_source_new(k, store, &kube_cb);
        return WEFT_OK;
    }
    return weft_dir_new(l, o->dirs, o->n_dirs, o->experimental, true, store,
                        &(struct weft_dir_cb){cb->on_change, cb->on_error, cb->ud}, &s->dir, err);
}

struct controller_source *controller_source_free(struct controller_source *s) {
    if (!s) return NULL;
    weft_dir_free(s->dir);
    weft_kube_source_free(s->kube);
    free(s);
    return NULL;
}

bool controller_source_experimental(const struct controller_source *s) {
    const char *channel = s->kube ? weft_kube_source_channel(s->kube) : "";
    return *channel ? strcmp(channel, "standard") != 0 : s->experimental;
}

double controller_source_lag_s(const struct controller_source *s) {
    return s->kube ? weft_kube_source_lag_s(s->kube) : 0;
}
