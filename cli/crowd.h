/* SPDX-License-Identifier: Apache-2.0
 * Asks many pods for their metrics, through the API server (get pods/proxy), some at once. */
#pragma once
#include <cli/ask.h>

enum { CLI_METRICS_PORT = 15020 }; /* of every sidecar */

struct cli_crowd {
    char **pods; /* "ns/name" */
    size_t n;
    uint16_t port; /* whose /metrics they are asked for; progress is told on stderr */
    /* Once each. `why` NULL: `text` is the answer, borrowed. */
    void (*on_answer)(void *ud, const char *pod, struct weft_slice text, const char *why);
    void *ud;
};
void cli_crowd_add(struct cli_crowd *c, const char *ns, const char *name);
/* Returns when all have answered or been given up, and forgets the names. Once the API server says
 * that nobody may ask (403), the others are not asked and get the same `why`. */
void cli_crowd_ask(struct cli_ask *a, struct cli_crowd *c);
/* Says on stderr, every 50, how many of many have been asked. */
void cli_crowd_progress(const char *what, size_t done, size_t n);
