/* SPDX-License-Identifier: Apache-2.0
 * One question after the other. */
#include <cli/ask.h>
#include <cli/live.h>

#include <weft/base/alloc.h>
#include <weft/object/json.h>

enum weft_status cli_ask_init(struct cli_ask *a, const char *kubeconfig, const char *context,
                              struct weft_error *err) {
    struct weft_kube_config config = {0};
    *a = (struct cli_ask){.loop = weft_loop_new()};
    enum weft_status st = cli_live_config(kubeconfig, context, &config, err);
    if (st == WEFT_OK) st = weft_kube_new(a->loop, &config, &a->kube, err);
    weft_kube_config_done(&config);
    return st;
}

void cli_ask_done(struct cli_ask *a) {
    free(weft_take(&a->error));
    a->kube = weft_kube_free(a->kube);
    if (a->loop) weft_loop_free(weft_take(&a->loop));
}

static void on_reply(void *ud, const struct weft_kube_reply *reply) {
    struct cli_ask *a = ud;
    a->status = reply->status;
    a->body = reply->body ? json_deep_copy(reply->body) : NULL;
    a->error = reply->error ? weft_strdup(reply->error) : NULL;
    a->done = true;
}

static bool is_done(void *ud) {
    return ((struct cli_ask *)ud)->done;
}

json_t *cli_ask(struct cli_ask *a, const struct weft_kube_request *what) {
    struct weft_kube_request r = *what;
    r.on_reply = on_reply;
    r.ud = a;
    free(weft_take(&a->error));
    a->done = false;
    weft_kube_send(a->kube, &r);
    weft_loop_run_until(a->loop, is_done, a);
    json_t *body = weft_take(&a->body);
    bool good = a->status >= 200 && a->status < 300;
    if (good && body) return body;
    json_decref(body);
    if (good && !a->error) a->error = weft_asprintf("%s: the answer is no JSON", what->path);
    if (a->status == 404) free(weft_take(&a->error));
    return NULL;
}

json_t *cli_ask_get(struct cli_ask *a, const char *path) {
    return cli_ask(a, &(struct weft_kube_request){.method = "GET", .path = path});
}

json_t *cli_ask_list(struct cli_ask *a, const char *path, const char *query, const char *accept) {
    json_t *items = json_array();
    const char *and = query ? "&" : "";
    WEFT_FREE char *next = weft_asprintf("%s?limit=500%s%s", path, and, query ? query : "");
    for (;;) {
        json_t *page = cli_ask(
            a, &(struct weft_kube_request){.method = "GET", .path = next, .accept = accept});
        json_array_extend(items, json_object_get(page, "items"));
        struct weft_slice more = weft_js_str(json_object_get(page, "metadata"), "continue");
        free(next);
        next = weft_asprintf("%s?limit=500%s%s&continue=" WEFT_SLICE_FMT, path, and,
                             query ? query : "", WEFT_SLICE_ARG(more));
        bool last = !page || more.len == 0;
        json_decref(page);
        if (last) return items;
    }
}
