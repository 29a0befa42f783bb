/* SPDX-License-Identifier: Apache-2.0
 * The parts of the cluster source: what it watches (source.c), which kinds the server has and in
 * which version (source_discovery.c), and what of an object is kept (source_trim.c). */
#pragma once
#include "client_internal.h"
#include <uthash.h>
#include <weft/kube/source.h>

enum { SOURCE_KINDS = 12, SOURCE_VERSIONS = 4 };

enum source_keep { KEEP_META, KEEP_SERVICE, KEEP_SLICE, KEEP_POD, KEEP_ALL };
struct source_row {
    const char *kind, *group, *plural;
    const char *versions[SOURCE_VERSIONS]; /* the best first; NULL at the end unless full */
    bool builtin;                          /* every cluster has it */
    enum source_keep keep;
};
extern const struct source_row source_rows[SOURCE_KINDS];

struct source_stale { /* an object of a version that is watched no more */
    UT_hash_handle hh;
    char *key, *ns, *name;
};
struct source_kind {
    const struct source_row *row;
    struct weft_kube_source *source;
    struct weft_kube_watch *watch; /* NULL: not served */
    const char *version;           /* that is watched */
    bool synced;                   /* listed, or known not to be served */
    struct source_stale *stale;
};

enum { DISCOVERY_DOCS = 5 };
struct source_ask { /* which document an answer is */
    struct weft_kube_source *source;
    size_t doc;
};
struct source_discovery {
    struct source_ask asks[DISCOVERY_DOCS];
    struct weft_kube_call *docs[DISCOVERY_DOCS], *crd;
    bool served[SOURCE_KINDS][SOURCE_VERSIONS]; /* found in this pass */
    unsigned waiting, failures;
    bool failed, done; /* done: a pass succeeded once */
    struct weft_timer again;
};

struct weft_kube_source {
    struct weft_kube *kube;
    struct weft_store *store;
    struct weft_kube_source_cb cb;
    struct source_kind kinds[SOURCE_KINDS];
    struct source_discovery discovery;
    char *channel;
    struct weft_timer flush;
    uint64_t dirty_us; /* since when there is something to tell; 0: nothing */
    bool changed, status_changed, synced, freed;
};

/* === source.c === */

/* The server's version of a kind, NULL: it does not know it. */
void source_kind_served(struct source_kind *k, const char *version);
void source_discovered(struct weft_kube_source *s);
void source_failed(struct weft_kube_source *s, const char *what, const char *error);
void source_set_channel(struct weft_kube_source *s, struct weft_slice channel);

/* === source_discovery.c === */

void source_discovery_start(struct weft_kube_source *s);
/* A watch found its kind gone: look soon. */
void source_discovery_soon(struct weft_kube_source *s);
void source_discovery_stop(struct weft_kube_source *s);

/* === source_trim.c === */

/* A new reference that shares nothing with `object`: what we read of it. */
json_t *source_trim(enum source_keep keep, const json_t *object);
