/* SPDX-License-Identifier: Apache-2.0
 * One question to many pods, a bounded number at once. */
#include <cli/crowd.h>

#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>

enum { AT_ONCE = 16, TIMEOUT_US = 5000000, STEP = 50 };

struct round {
    const struct cli_crowd *crowd;
    struct weft_kube *kube;
    size_t next, under_way, done;
    char *denied; /* why, once the API server has refused one */
};
struct question {
    struct round *round;
    const char *pod;
};

void cli_crowd_progress(const char *what, size_t done, size_t n) {
    if (n < STEP || (done % STEP && done < n)) return;
    fprintf(stderr, "weft: %s of %zu of %zu sidecars\n", what, done, n);
}

static void tell(struct round *r, const char *pod, struct weft_slice text, const char *why) {
    r->done++;
    r->crowd->on_answer(r->crowd->ud, pod, text, why);
    cli_crowd_progress("metrics", r->done, r->crowd->n);
}

static void ask_more(struct round *r);

static void on_reply(void *ud, const struct weft_kube_reply *reply) {
    struct question *q = ud;
    struct round *r = q->round;
    r->under_way--;
    if (reply->status == 403 && !r->denied)
        r->denied = weft_strdup(reply->error ? reply->error : "forbidden");
    tell(r, q->pod, reply->text, reply->error);
    free(q);
    ask_more(r);
}

static void ask(struct round *r, const char *pod) {
    struct question *q = weft_new0(struct question);
    *q = (struct question){r, pod};
    const char *slash = strchr(pod, '/');
    WEFT_FREE char *path = weft_asprintf("/api/v1/namespaces/%.*s/pods/%s:%u/proxy/metrics",
                                         (int)(slash - pod), pod, slash + 1, r->crowd->port);
    r->under_way++;
    weft_kube_send(r->kube, &(struct weft_kube_request){.method = "GET",
                                                        .path = path,
                                                        .accept = "text/plain",
                                                        .timeout_us = TIMEOUT_US,
                                                        .on_reply = on_reply,
                                                        .ud = q});
}

static void ask_more(struct round *r) {
    while (r->under_way < AT_ONCE && r->next < r->crowd->n) {
        const char *pod = r->crowd->pods[r->next++];
        if (r->denied)
            tell(r, pod, WEFT_SLICE_EMPTY, r->denied);
        else
            ask(r, pod);
    }
}

static bool all_answered(void *ud) {
    const struct round *r = ud;
    return r->next == r->crowd->n && r->under_way == 0;
}

void cli_crowd_add(struct cli_crowd *c, const char *ns, const char *name) {
    c->pods = weft_realloc(c->pods, (c->n + 1) * sizeof *c->pods);
    c->pods[c->n++] = weft_asprintf("%s/%s", ns, name);
}

void cli_crowd_ask(struct cli_ask *a, struct cli_crowd *c) {
    struct round r = {.crowd = c, .kube = a->kube};
    ask_more(&r);
    if (!all_answered(&r)) weft_loop_run_until(a->loop, all_answered, &r);
    free(r.denied);
    for (size_t i = 0; i < c->n; i++) free(c->pods[i]);
    free(weft_take(&c->pods));
    c->n = 0;
}
