/* SPDX-License-Identifier: Apache-2.0
 * Questions to an API server from a command, which waits for each answer. */
#pragma once
#include <jansson.h>
#include <weft/kube/client.h>

struct cli_ask {
    struct weft_loop *loop;
    struct weft_kube *kube;
    char *error; /* of the last question; NULL: none */
    long status; /* its HTTP status; 0: no answer */
    json_t *body;
    bool done;
};
/* The cluster of cli_live_config(kubeconfig, context). End it with cli_ask_done, also after an
 * error. */
enum weft_status cli_ask_init(struct cli_ask *a, const char *kubeconfig, const char *context,
                              struct weft_error *err) WEFT_MUST_USE;
void cli_ask_done(struct cli_ask *a);

/* The answer's body (new reference), or NULL with a->error; 404 is NULL without one. The request's
 * callback is ours. */
json_t *cli_ask(struct cli_ask *a, const struct weft_kube_request *what);
json_t *cli_ask_get(struct cli_ask *a, const char *path);
/* Every page of a collection as one array of items, new reference; of what could not be read
 * a->error says why. `query` ("labelSelector=x%3Dy") may be NULL; so may `accept`. */
json_t *cli_ask_list(struct cli_ask *a, const char *path, const char *query, const char *accept);
