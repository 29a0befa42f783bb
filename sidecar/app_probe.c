/* SPDX-License-Identifier: Apache-2.0
 * The table of probes and who waits for each. However many ask, one check of a probe runs at a
 * time, and all who wait get its outcome: nobody can hammer the app through here. */
#include <sidecar/app_probe.h>
#include <sidecar/app_probe_internal.h>

#include <stdio.h>

#include <weft/base/alloc.h>
#include <weft/net/tls.h>
#include <weft/obs/log.h>

enum { MAX_WAITING = 64 }; /* for one probe */
#define PREFIX WEFT_SLICE_LIT("/app-probe/")

struct waiter {
    struct weft_list link;
    struct app_probe *probe;
    struct weft_stream *stream;
};

static void send_text(struct weft_stream *s, uint16_t status, const char *text) {
    struct weft_head head;
    size_t n = strlen(text);
    weft_head_init(&head, weft_stream_arena(s));
    head.status = status;
    head.framing = WEFT_BODY_LENGTH;
    head.has_content_length = true;
    head.content_length = n + 1;
    (void)weft_fields_add(&head.fields, WEFT_SLICE_LIT("content-type"),
                          WEFT_SLICE_LIT("text/plain; charset=utf-8"));
    if (weft_stream_head(s, &head, false) != WEFT_OK) return;
    (void)weft_stream_data(s, weft_slice(text, n));
    (void)weft_stream_data(s, WEFT_SLICE_LIT("\n"));
    (void)weft_stream_end(s, NULL);
}

static void answer(struct weft_stream *s, uint16_t status, const char *text) {
    static const struct weft_stream_cb nothing = {0};
    weft_stream_set_cb(s, &nothing, NULL);
    send_text(s, status, text);
    weft_stream_release(s);
}

static void waiter_free(struct waiter *w) {
    w->probe->n_waiting--;
    weft_list_remove(&w->link);
    free(w);
}

static void on_gone(void *ud, struct weft_reset why) {
    struct waiter *w = ud;
    weft_stream_release(w->stream);
    waiter_free(w);
}

/* A hook counts as done when anything answered; without an answer the kubelet must see none. */
static void tell(struct app_probe *p, struct weft_stream *s, const struct app_check_result *r) {
    char text[APP_CHECK_TEXT + 320];
    snprintf(text, sizeof text, "%s: %s", p->key, r->text);
    if (p->hook && !r->answered) {
        weft_stream_reset(s, WEFT_CANCELED);
        weft_stream_release(s);
    } else {
        answer(s, r->ok || p->hook ? 200 : 503, text);
    }
}

/* Once for each way to fail: an app that does not listen yet may answer badly later. The texts hold
 * what the app says and would differ each time. */
static void note(struct app_probe *p, const struct app_check_result *r) {
    if (!r->ok && (p->was_ok || p->was_answered != r->answered))
        weft_info("probe", "%s: %s", p->key, r->text);
    p->was_ok = r->ok;
    p->was_answered = r->answered;
}

static void on_done(void *ud, const struct app_check_result *r) {
    struct app_probe *p = ud;
    p->check = NULL;
    note(p, r);
    weft_list_each(it, &p->waiting) {
        struct waiter *w = WEFT_CONTAINER(it, struct waiter, link);
        struct weft_stream *s = w->stream;
        waiter_free(w);
        tell(p, s, r);
    }
}

static void wait_for(struct app_probes *all, struct app_probe *p, struct weft_stream *s) {
    static const struct weft_stream_cb waiting = {.on_reset = on_gone};
    struct waiter *w = weft_new0(struct waiter);
    *w = (struct waiter){.probe = p, .stream = s};
    weft_stream_set_cb(s, &waiting, w);
    weft_list_push(&p->waiting, &w->link);
    p->n_waiting++;
    if (!p->check) p->check = app_check_start(all->loop, &p->spec, on_done, p);
}

static struct app_probe *find(struct app_probes *all, struct weft_slice key) {
    for (size_t i = 0; all && i < all->n; i++)
        if (weft_slice_is(key, all->items[i].key)) return &all->items[i];
    return NULL;
}

bool app_probes_serve(struct app_probes *all, struct weft_stream *s, const struct weft_head *head) {
    struct weft_slice path = weft_head_path_only(head);
    if (!weft_slice_starts(path, PREFIX)) return false;
    struct app_probe *p = find(all, weft_slice_from(path, PREFIX.len));
    if (!p || (p->secret && !weft_pki_equal(weft_head_query(head), weft_slice_str(p->secret))))
        answer(s, 404, "no such probe");
    else if (!weft_slice_is(head->method, "GET"))
        answer(s, 405, "use GET");
    else if (p->n_waiting >= MAX_WAITING)
        answer(s, 503, "too many wait for this probe");
    else
        wait_for(all, p, s);
    return true;
}

size_t app_probes_count(const struct app_probes *all) {
    return all ? all->n : 0;
}

static void drop_waiters(struct app_probe *p) {
    weft_list_each(it, &p->waiting) {
        struct waiter *w = WEFT_CONTAINER(it, struct waiter, link);
        weft_stream_reset(w->stream, WEFT_CANCELED);
        weft_stream_release(w->stream);
        waiter_free(w);
    }
}

struct app_probes *app_probes_free(struct app_probes *all) {
    if (!all) return NULL;
    for (size_t i = 0; i < all->n; i++) {
        struct app_probe *p = &all->items[i];
        app_check_cancel(p->check);
        drop_waiters(p);
        app_probe_done(p);
    }
    free(all->items);
    free(all);
    return NULL;
}
