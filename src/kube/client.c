/* SPDX-License-Identifier: Apache-2.0
 * One API server and one credential: what is checked at the start, and what ends with it. */
#include "client_internal.h"

#include <weft/base/alloc.h>

enum { DOUBT_US = 30 * 1000 * 1000 };

static void copy_config(struct weft_kube_config *to, const struct weft_kube_config *from) {
    *to = *from;
    char **const strings[] = {&to->server,     &to->ca_file,  &to->ca_pem,      &to->cert_file,
                              &to->cert_pem,   &to->key_file, &to->key_pem,     &to->token,
                              &to->token_file, &to->ns,       &to->server_name, &to->proxy};
    for (size_t i = 0; i < WEFT_LEN(strings); i++)
        if (*strings[i]) *strings[i] = weft_strdup(*strings[i]);
}

static bool is_loopback(struct weft_slice server) {
    return weft_slice_starts(server, WEFT_SLICE_LIT("http://127.0.0.1:")) ||
           weft_slice_starts(server, WEFT_SLICE_LIT("http://localhost:")) ||
           weft_slice_starts(server, WEFT_SLICE_LIT("http://[::1]:"));
}

enum weft_status weft_kube_new(struct weft_loop *l, const struct weft_kube_config *config,
                               struct weft_kube **ret, struct weft_error *err) {
    struct weft_slice server = weft_slice_str(config->server);
    bool https = weft_slice_starts(server, WEFT_SLICE_LIT("https://"));
    if (!https && !weft_slice_starts(server, WEFT_SLICE_LIT("http://")))
        return weft_error_set(err, WEFT_INVALID, "server",
                              "\"%s\" must begin with https:// or http://",
                              config->server ? config->server : "");
    if ((config->token_file || config->token) && !https && !is_loopback(server))
        return weft_error_set(err, WEFT_INVALID, "server",
                              "a token is not sent without TLS: %s must begin with https://",
                              config->server);
    struct weft_kube *k = weft_new0(struct weft_kube);
    k->loop = l;
    copy_config(&k->config, config);
    if (k->config.token_file) k->token = kube_token_new(k->config.token_file);
    weft_list_init(&k->wires);
    weft_list_init(&k->calls);
    weft_list_init(&k->watches);
    weft_rng_seed_system(&k->rng);
    k->wire = kube_wire_new(k);
    *ret = k;
    return WEFT_OK;
}

static void destroy(void *arg) {
    struct weft_kube *k = arg;
    weft_kube_config_done(&k->config);
    kube_token_free(k->token);
    free(k);
}

struct weft_kube *weft_kube_free(struct weft_kube *k) {
    if (!k) return NULL;
    weft_list_each(it, &k->calls) kube_call_drop(it);
    weft_list_each(it, &k->watches) kube_watch_drop(it);
    weft_list_each(it, &k->wires) kube_wire_drop(it);
    weft_loop_defer(k->loop, destroy, k);
    return NULL;
}

const char *weft_kube_namespace(const struct weft_kube *k) {
    return k->config.ns ? k->config.ns : "default";
}

void kube_doubt(struct weft_kube *k) {
    uint64_t now = weft_loop_now_us(k->loop);
    if (k->doubted_us && now - k->doubted_us < DOUBT_US) return; /* the server is slow, then */
    k->doubted_us = now;
    kube_wire_retire(k->wire);
    k->wire = kube_wire_new(k);
    weft_list_each(it, &k->watches) kube_watch_again(it);
}
