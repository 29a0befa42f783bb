/* SPDX-License-Identifier: Apache-2.0 */
#include <cli/retract.h>

#include <cli/local/jsonx.h>
#include <stdio.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>

enum { MAX_TRIES = 5 };
#define GROUP "/apis/gateway.networking.k8s.io/"

json_t *retract_parents(const json_t *route, size_t *ret_ours) {
    const json_t *parents = weft_js_in(route, "status", "parents");
    json_t *others = json_array(), *p;
    size_t i;
    *ret_ours = 0;
    json_array_foreach((json_t *)(uintptr_t)parents, i, p) {
        if (weft_slice_is(weft_js_str(p, "controllerName"), RETRACT_CONTROLLER))
            ++*ret_ours;
        else
            json_array_append(others, p);
    }
    if (*ret_ours) return others;
    json_decref(others);
    return NULL;
}

static char *path_of(const char *collection_api, const char *plural, const json_t *route) {
    return weft_asprintf("%s/namespaces/%s/%s/%s", collection_api,
                         local_str(route, "metadata.namespace", ""), plural,
                         local_str(route, "metadata.name", ""));
}

/* True: it was written, or there was nothing to write any more. */
static bool write_others(struct cli_ask *a, const char *path, const json_t *route, json_t *others) {
    WEFT_FREE char *at = weft_asprintf("%s/status", path);
    json_t *patch =
        json_pack("{s:{s:s}, s:{s:O}}", "metadata", "resourceVersion",
                  local_str(route, "metadata.resourceVersion", ""), "status", "parents", others);
    json_t *answer =
        cli_ask(a, &(struct weft_kube_request){.method = "PATCH", .path = at, .body = patch});
    bool ok = answer || a->status == 404; /* the route itself has gone meanwhile */
    json_decref(patch);
    json_decref(answer);
    return ok;
}

/* The entries removed; 0 with *ret_ok false: it stays as it is. */
static size_t retract(struct cli_ask *a, const char *path, const json_t *first, bool *ret_ok) {
    json_t *route = json_incref((json_t *)(uintptr_t)first);
    size_t ours = 0;
    *ret_ok = false;
    for (int i = 0; i < MAX_TRIES && !*ret_ok; i++) {
        json_t *others = retract_parents(route, &ours);
        *ret_ok = !others || write_others(a, path, route, others);
        json_decref(others);
        if (*ret_ok || a->status != 409) break;
        json_decref(route);
        route = cli_ask_get(a, path);
        if (a->error) break; /* not known to be gone */
    }
    if (!*ret_ok)
        fprintf(stderr, "weft: %s: its status was not written: %s\n", path,
                a->error ? a->error : "it changes all the time");
    json_decref(route);
    return *ret_ok ? ours : 0;
}

static void retract_all(struct cli_ask *a, const char *api, const char *plural, bool keep,
                        const json_t *routes, struct retract_sum *sum) {
    size_t i, ours;
    const json_t *route;
    json_array_foreach(routes, i, route) {
        bool ok = true;
        json_decref(retract_parents(route, &ours));
        if (!ours) continue;
        WEFT_FREE char *path = path_of(api, plural, route);
        if (!keep) ours = retract(a, path, route, &ok);
        sum->routes += ours > 0;
        sum->entries += ours;
        sum->failed += !ok;
    }
}

/* The newest version that is served; which that is differs from kind to kind and bundle to bundle.
 */
static void retract_kind(struct cli_ask *a, const char *plural, bool keep,
                         struct retract_sum *sum) {
    static const char *const versions[] = {"v1", "v1beta1", "v1alpha3", "v1alpha2"};
    for (size_t i = 0; i < WEFT_LEN(versions); i++) {
        WEFT_FREE char *api = weft_asprintf(GROUP "%s", versions[i]);
        WEFT_FREE char *path = weft_asprintf("%s/%s", api, plural);
        json_t *routes = cli_ask_list(a, path, NULL, NULL);
        bool served = a->status != 404;
        if (a->error) {
            fprintf(stderr, "weft: not looked at: %s: %s\n", path, a->error);
            sum->failed++;
        }
        retract_all(a, api, plural, keep, routes, sum);
        json_decref(routes);
        if (served) return;
    }
}

struct retract_sum cli_retract(struct cli_ask *a, bool keep) {
    static const char *const plurals[] = {"httproutes", "grpcroutes", "tcproutes", "tlsroutes",
                                          "udproutes"};
    struct retract_sum sum = {0};
    for (size_t i = 0; i < WEFT_LEN(plurals); i++) retract_kind(a, plurals[i], keep, &sum);
    return sum;
}
