/* SPDX-License-Identifier: Apache-2.0 */
#include <sidecar/agent_ads.h>
#include <weft/base/alloc.h>
#include <weft/base/limits.h>
#include <weft/conn/grpc_call.h>
#include <weft/obs/log.h>

struct agent_ads {
    struct weft_loop *loop;
    struct weft_ads_client *client;
    struct agent_ads_cb cb;
    struct agent_link *link;
    struct weft_grpc_call *call;
    struct weft_task flush;
    char *authority;
    bool blocked;
};

void agent_ads_close(struct agent_ads *s) {
    if (!s) return;
    weft_task_cancel(&s->flush);
    weft_grpc_call_free(s->call);
    agent_link_close(s->link);
    free(s->authority);
    free(s);
}

static void down(struct agent_ads *s, enum weft_status st, struct weft_slice why) {
    struct agent_ads_cb cb = s->cb;
    struct weft_buf copy; /* why may go with the call */
    weft_buf_init(&copy, 0);
    (void)weft_buf_append(&copy, why);
    agent_ads_close(s);
    cb.on_down(cb.ud, st, weft_buf_slice(&copy));
    weft_buf_done(&copy);
}

static void flush(void *arg) {
    struct agent_ads *s = arg;
    struct weft_buf out;
    weft_buf_init(&out, 0);
    size_t names = 0;
    while (s->call && !s->blocked &&
           weft_ads_client_next(s->client, s->cb.allowance(s->cb.ud), &out, &names)) {
        s->blocked = weft_grpc_call_send(s->call, weft_buf_slice(&out)) == WEFT_AGAIN;
        weft_buf_clear(&out);
        s->cb.spent(s->cb.ud, names);
    }
    weft_buf_done(&out);
}

void agent_ads_kick(struct agent_ads *s) {
    if (s) weft_task_queue(s->loop, &s->flush);
}

static void on_message(void *ud, struct weft_slice message) {
    struct agent_ads *s = ud;
    struct weft_error err = {0};
    if (weft_ads_client_receive(s->client, message, &err) != WEFT_OK) {
        down(s, WEFT_PROTOCOL, weft_slice_str(err.message));
        return;
    }
    agent_ads_kick(s);
}

static void on_open(void *ud) {
    struct agent_ads *s = ud;
    s->cb.on_up(s->cb.ud);
}

static void on_end(void *ud, uint32_t status, struct weft_slice text) {
    bool denied = status == WEFT_GRPC_UNAUTHENTICATED || status == WEFT_GRPC_PERMISSION_DENIED;
    down(ud, denied ? WEFT_DENIED : WEFT_CLOSED, text);
}

static void on_writable(void *ud) {
    struct agent_ads *s = ud;
    s->blocked = false;
    agent_ads_kick(s);
}

static const struct weft_grpc_cb grpc_cb = {
    .on_open = on_open, .on_message = on_message, .on_end = on_end, .on_writable = on_writable};

static void on_up(void *ud, struct weft_client_conn *c) {
    struct agent_ads *s = ud;
    s->call =
        weft_grpc_call_new(c,
                           &(struct weft_grpc_request){.authority = weft_slice_str(s->authority),
                                                       .path = WEFT_SLICE_LIT(WEFT_ADS_PATH),
                                                       .max_message = WEFT_MAX_MESSAGE_BYTES},
                           &grpc_cb, s);
    agent_ads_kick(s);
}

static void on_down(void *ud, enum weft_status st) {
    struct agent_ads *s = ud;
    s->link = NULL;
    down(s, st, weft_slice_str(weft_status_text(st)));
}

struct agent_ads *agent_ads_open(struct weft_loop *l, const struct agent_link_options *opt,
                                 struct weft_ads_client *client, const struct agent_ads_cb *cb) {
    struct agent_ads *s = weft_new0(struct agent_ads);
    s->loop = l;
    s->client = client;
    s->cb = *cb;
    s->authority = weft_strdup(opt->server_name);
    weft_task_init(&s->flush, flush, s);
    weft_ads_client_restart(client);
    s->link = agent_link_open(l, opt,
                              &(struct agent_link_cb){.ud = s, .on_up = on_up, .on_down = on_down});
    if (s->link) return s;
    agent_ads_close(s);
    return NULL;
}
