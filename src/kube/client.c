/* SPDX-License-Identifier: Apache-2.0
 * One API server and one credential: what is checked at the start, and what ends with it. */
#include "client_internal.h"

#include <strings.h>
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

/* Read as libcurl will read it: what stands before an "@" is no host. */
static enum weft_status read_server(CURLU *u, const char *server, bool *ret_loopback,
                                    struct weft_error *err) {
    static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
    char *host = NULL, *user = NULL;
    *ret_loopback = false;
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, server, 0);
    if (rc == CURLUE_OK) rc = curl_url_get(u, CURLUPART_HOST, &host, 0);
    if (rc != CURLUE_OK)
        return weft_error_set(err, WEFT_INVALID, "server", "\"%.200s\": %s", server,
                              curl_url_strerror(rc));
    bool names_user = curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK;
    for (size_t i = 0; i < WEFT_LEN(loopback); i++)
        *ret_loopback = *ret_loopback || !strcasecmp(host, loopback[i]);
    curl_free(host);
    curl_free(user);
    if (!names_user) return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, "server", "has a user before its host");
}

/* A credential goes over TLS, or never leaves the machine. */
static enum weft_status check_server(const struct weft_kube_config *c, struct weft_error *err) {
    const char *server = c->server ? c->server : "";
    bool https = !strncmp(server, "https://", 8), loopback;
    if (!https && strncmp(server, "http://", 7) != 0)
        return weft_error_set(err, WEFT_INVALID, "server",
                              "\"%.200s\" must begin with https:// or http://", server);
    CURLU *u = curl_url();
    enum weft_status st = read_server(u, server, &loopback, err);
    curl_url_cleanup(u);
    if (st != WEFT_OK || https || loopback || (!c->token_file && !c->token)) return st;
    return weft_error_set(err, WEFT_INVALID, "server",
                          "a token is not sent without TLS: %.200s must begin with https://",
                          server);
}

enum weft_status weft_kube_new(struct weft_loop *l, const struct weft_kube_config *config,
                               struct weft_kube **ret, struct weft_error *err) {
    enum weft_status st = check_server(config, err);
    if (st != WEFT_OK) return st;
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
