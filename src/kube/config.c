/* SPDX-License-Identifier: Apache-2.0
 * Where the API server is for a pod, and what a config owns. */
#include "client_internal.h"

#include <stdlib.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/file.h>

#define POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { MAX_NAMESPACE = 256 };

static void wipe(char *s) {
    if (s) explicit_bzero(s, strlen(s));
    free(s);
}

void weft_kube_config_done(struct weft_kube_config *c) {
    free(c->server);
    free(c->ca_file);
    free(c->ca_pem);
    free(c->cert_file);
    free(c->cert_pem);
    free(c->key_file);
    wipe(c->key_pem);
    wipe(c->token);
    free(c->token_file);
    free(c->ns);
    free(c->server_name);
    free(c->proxy);
    *c = (struct weft_kube_config){0};
}

static char *read_namespace(const char *dir) {
    WEFT_FREE char *path = weft_asprintf("%s/namespace", dir);
    struct weft_buf b;
    weft_buf_init(&b, MAX_NAMESPACE);
    char *ns = NULL;
    if (weft_file_read(path, &b) == WEFT_OK && weft_buf_size(&b)) {
        struct weft_slice text = weft_buf_slice(&b);
        ns = weft_slice_dup(weft_slice_trim(weft_slice_head(text, weft_slice_find(text, '\n'))));
    }
    weft_buf_done(&b);
    return ns;
}

enum weft_status kube_config_pod(const char *dir, const char *host, const char *port,
                                 struct weft_kube_config *ret, struct weft_error *err) {
    WEFT_FREE char *token = weft_asprintf("%s/token", dir);
    if (!host || !*host || !port || !*port)
        return weft_error_set(err, WEFT_NOT_FOUND, "KUBERNETES_SERVICE_HOST",
                              "is not set: this is no pod of a cluster; give a kubeconfig file");
    if (access(token, R_OK) != 0)
        return weft_error_set(err, WEFT_NOT_FOUND, token,
                              "no ServiceAccount token: is automountServiceAccountToken off?");
    bool v6 = strchr(host, ':') != NULL;
    *ret = (struct weft_kube_config){
        .server = weft_asprintf("https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port),
        .ca_file = weft_asprintf("%s/ca.crt", dir),
        .token_file = weft_take(&token),
        .ns = read_namespace(dir),
    };
    return WEFT_OK;
}

enum weft_status weft_kube_config_in_cluster(struct weft_kube_config *ret, struct weft_error *err) {
    return kube_config_pod(POD_DIR, getenv("KUBERNETES_SERVICE_HOST"),
                           getenv("KUBERNETES_SERVICE_PORT"), ret, err);
}
