/* SPDX-License-Identifier: Apache-2.0
 * Inside the API client: what calls and watches share. A transfer is one HTTP exchange; its
 * callbacks run as tasks of the loop, never from inside libcurl, so that they may do anything,
 * also free the client. */
#pragma once
#include <curl/curl.h>
#include <weft/base/buf.h>
#include <weft/base/clock.h>
#include <weft/kube/client.h>
#include <weft/net/poll.h>

enum {
    KUBE_MAX_REPLY = 64 * 1024 * 1024, /* a page of 500 objects of the largest size is below it */
    KUBE_MAX_EVENT = 16 * 1024 * 1024, /* one line of a watch; etcd ends at 1.5 MiB */
};

struct weft_kube {
    struct weft_loop *loop;
    struct weft_kube_config config;
    struct kube_wire *wire; /* for what begins now */
    struct weft_list wires; /* kube_wire.link: this and retired ones */
    uint64_t doubted_us;
    struct weft_list calls;   /* weft_kube_call.link */
    struct weft_list watches; /* weft_kube_watch.link */
    struct kube_token *token; /* NULL: none, or a fixed one */
    struct weft_rng rng;
};

/* === token.c: a token file, read again when it changes === */

struct kube_token *kube_token_new(const char *path);
struct kube_token *kube_token_free(struct kube_token *t);
/* The present token without white space; NULL when the file cannot be read, with err filled. */
const char *kube_token_get(struct kube_token *t, struct weft_error *err);

/* === wire.c: connections, on the loop === */

struct kube_wire *kube_wire_new(struct weft_kube *k);
/* Nothing may be on it. Returns NULL. */
struct kube_wire *kube_wire_free(struct kube_wire *w);
void kube_wire_drop(struct weft_list *link);
/* Frees itself at the end of the turn in which nothing is on it any more. */
void kube_wire_retire(struct kube_wire *w);
void kube_wire_add(struct kube_wire *w, CURL *easy);
void kube_wire_remove(struct kube_wire *w, CURL *easy);
/* An answer did not come, so what shares its connection may wait for ever (a server that hangs
 * still acknowledges bytes): what begins now gets new connections, and watches begin again. */
void kube_doubt(struct weft_kube *k);

/* === transfer.c === */

struct kube_transfer_cb {
    void *ud;
    /* More bytes lie in `body`; NULL: they are left there until on_done. What is consumed is gone.
     */
    void (*on_data)(void *ud, long status, struct weft_buf *body);
    /* The end. error NULL: the answer arrived whole. */
    void (*on_done)(void *ud, long status, struct weft_buf *body, const char *error);
};
struct kube_transfer_spec {
    const char *method, *path, *accept, *content_type;
    struct weft_slice body; /* copied; base NULL: none */
    uint64_t timeout_us;    /* 0: none */
    size_t max_body;        /* bytes that may lie in the buffer */
    struct kube_transfer_cb cb;
};
struct kube_transfer;
struct kube_transfer *kube_transfer_new(struct weft_kube *k, const struct kube_transfer_spec *s);
/* No callback after this. Takes NULL, returns NULL. Not needed after on_done, but allowed in it. */
struct kube_transfer *kube_transfer_free(struct kube_transfer *t);

/* wire.c heard of the end from libcurl. */
void kube_transfer_finished(CURL *easy, CURLcode result);

/* === reply.c: what an answer says === */

/* json_loadb as the API server writes; NULL with err filled. */
json_t *kube_json(struct weft_slice text, struct weft_error *err);
/* One line for a person about an answer that is no success, free() it: the Status object's message,
 * or the status line's. */
char *kube_reply_fault(const struct weft_kube *k, long status, const json_t *body);

/* === request.c, watch.c: for the client === */

void kube_call_drop(struct weft_list *link);
void kube_watch_drop(struct weft_list *link);
/* Asks again for what it is waiting for. */
void kube_watch_again(struct weft_list *link);

/* exec_credential.c: runs the program of a kubeconfig's `exec` to its end and takes token or
 * certificate from what it prints. `dir` is the kubeconfig's. TIMEOUT: it did not end within
 * `patience_us` and was killed. */
#define KUBE_EXEC_PATIENCE_US UINT64_C(60000000) /* it may ask a person's browser */
enum weft_status kube_exec_credential(const json_t *exec, const char *dir, uint64_t patience_us,
                                      struct weft_kube_config *c, struct weft_error *err);

/* === for tests === */

/* As weft_kube_config_in_cluster with another folder and environment. */
enum weft_status kube_config_pod(const char *dir, const char *host, const char *port,
                                 struct weft_kube_config *ret, struct weft_error *err);
/* kubeconfig.c: the content of one file, as if it lay at `path`. */
enum weft_status kube_config_text(struct weft_slice text, const char *path, const char *context,
                                  struct weft_kube_config *ret, struct weft_error *err);
