/* SPDX-License-Identifier: Apache-2.0
 * What the files of the injection share. */
#pragma once
#include <weft/base/alloc.h>
#include <weft/gamma/inject.h>
#include <weft/object/json.h>

enum { INJECT_UID = 1337, INJECT_PORT_HEALTH = 15020, INJECT_PORT_READY = 15021 };
#define INJECT_INIT  "weft-init"
#define INJECT_PROXY "weft-proxy"
#define INJECT_RUN   "weft-run" /* volumes */
#define INJECT_TOKEN "weft-token"

/* At most n bytes, never a part of a character: what goes into JSON must be UTF-8. */
static inline struct weft_slice inject_head(struct weft_slice s, size_t n) {
    if (n >= s.len) return s;
    while (n > 0 && ((unsigned char)s.base[n] & 0xc0) == 0x80) n--;
    return weft_slice_head(s, n);
}

/* inject_annotation.c */
const char *inject_annotation(const json_t *pod, const char *key); /* NULL: not there */
/* False: `why` says which annotation of the pod is wrong and what to write. */
bool inject_check_annotations(const json_t *pod, char why[512]);
void inject_warn_unknown(const json_t *pod, json_t *warnings);

/* inject_refuse.c: what stands against a sidecar in this pod. */
/* The kind of pod; false: leave it alone. */
bool inject_can(const json_t *pod, const struct weft_inject_options *opt, char why[512]);
bool inject_may(const json_t *pod, const json_t *ns, char why[512]); /* false: refuse it */
/* The same of a pod that has its sidecar: a container that came later may be in the way. */
bool inject_may_stay(const json_t *pod, char why[512]);
void inject_warn(const json_t *pod, const struct weft_inject_options *opt, json_t *warnings);

/* inject_build.c */
json_t *inject_env(const char *name, const char *value);
json_t *inject_build(const json_t *pod, const struct weft_inject_options *opt);

/* inject_probe.c: rewrites the probes and hooks of every container of a pod that has its proxy,
 * whose variable gets what to ask the apps. Returns how many were new. */
#define INJECT_PROBES "WEFT_APP_PROBES"
size_t inject_probes(json_t *pod, const struct weft_inject_options *opt);

/* Calls fn for each item of spec.initContainers and spec.containers; stops at true. */
typedef bool inject_container_fn(void *ud, const json_t *container, bool init);
bool inject_each_container(const json_t *pod, inject_container_fn *fn, void *ud);
