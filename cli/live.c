/* SPDX-License-Identifier: Apache-2.0
 * Loads a cluster once: the controller's own source, until everything has been listed. */
#include <cli/live.h>

#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/kube/source.h>

#define PATIENCE_US UINT64_C(60000000)

struct load {
    struct cli_input *in;
    bool done;
    char *failure; /* the first */
    struct weft_timer patience;
};

enum weft_status cli_live_config(const char *kubeconfig, const char *context,
                                 struct weft_kube_config *ret, struct weft_error *err) {
    enum weft_status st = weft_kube_config_load(kubeconfig, context, ret, err);
    bool nothing_said = !kubeconfig && !context && st == WEFT_NOT_FOUND;
    if (nothing_said && weft_kube_config_in_cluster(ret, NULL) == WEFT_OK) return WEFT_OK;
    return st;
}

static void on_change(void *ud) {
    ((struct load *)ud)->done = true;
}

static void on_error(void *ud, const char *kind, const char *ns, const char *name,
                     const struct weft_error *err) {
    struct load *l = ud;
    WEFT_FREE char *object = weft_asprintf("%s %s%s%s", kind, ns, *ns ? "/" : "", name);
    cli_input_fault(l->in, object, err);
}

static void give_up(struct load *l, char *why) {
    if (l->failure)
        free(why);
    else
        l->failure = why;
    l->done = true;
}

/* A channel that may not be read costs nothing else. */
static void on_failure(void *ud, const char *what, const char *error) {
    struct load *l = ud;
    if (!strcmp(what, "CustomResourceDefinition")) return;
    give_up(l, weft_asprintf("%s: %s", what, error));
}

static void on_patience(void *arg) {
    struct load *l = arg;
    give_up(l, weft_strdup("not everything was listed within a minute"));
}

static bool is_done(void *ud) {
    return ((struct load *)ud)->done;
}

static void set_channel(struct cli_options *opt, const char *channel) {
    if (opt->channel_given || !*channel) return;
    opt->experimental = strcmp(channel, "standard") != 0;
    opt->channel = opt->experimental ? "experimental" : "standard";
}

static void load(struct load *l, struct weft_loop *loop, struct weft_kube *k,
                 struct cli_options *opt) {
    const struct weft_kube_source_cb cb = {
        .ud = l, .on_change = on_change, .on_error = on_error, .on_failure = on_failure};
    struct weft_kube_source *s = weft_kube_source_new(k, l->in->store, &cb);
    weft_timer_init(&l->patience, loop, on_patience, l);
    weft_timer_start(&l->patience, PATIENCE_US);
    weft_loop_run_until(loop, is_done, l);
    weft_timer_stop(&l->patience);
    set_channel(opt, weft_kube_source_channel(s));
    weft_kube_source_free(s);
}

bool cli_live_load(struct cli_input *in, struct cli_options *opt) {
    struct weft_kube_config config = {0};
    struct weft_error err = {0};
    struct weft_kube *k = NULL;
    struct weft_loop *loop = weft_loop_new();
    struct load l = {.in = in};
    enum weft_status st = cli_live_config(opt->kubeconfig, opt->context, &config, &err);
    if (st == WEFT_OK) st = weft_kube_new(loop, &config, &k, &err);
    if (st != WEFT_OK)
        fprintf(stderr, "weft: %s%s%s\n", err.path, *err.path ? ": " : "", err.message);
    else
        load(&l, loop, k, opt);
    if (l.failure) fprintf(stderr, "weft: the cluster cannot be read: %s\n", l.failure);
    bool ok = st == WEFT_OK && !l.failure;
    free(l.failure);
    weft_kube_free(k);
    weft_loop_free(loop);
    weft_kube_config_done(&config);
    return ok;
}
