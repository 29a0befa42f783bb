/* SPDX-License-Identifier: Apache-2.0
 * Manifests to wishes (pure), and asking about them. */
#include <cli/rights.h>

#include <cli/leftovers.h>
#include <cli/local/jsonx.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/object/yaml.h>

/* === wishes === */

struct wishes {
    json_t *list;
    json_t *known; /* texts: a kind that occurs twice is asked about once */
    json_t *roles; /* "Kind|namespace|name" → what is in it, as attributes */
};

static struct weft_slice group_of(const char *version) {
    struct weft_slice rest = weft_slice_str(version), group = weft_slice_cut(&rest, '/');
    return rest.base ? group : WEFT_SLICE_EMPTY; /* "v1" */
}

static const struct leftover_kind *kind_of(const char *kind) {
    for (size_t i = 0; i < n_leftover_kinds; i++)
        if (!strcmp(leftover_kinds[i].kind, kind)) return &leftover_kinds[i];
    WEFT_CHECK(!"a kind that is installed is not in leftover_kinds");
}

static json_t *attributes(const char *verb, struct weft_slice group, const char *resource,
                          const char *ns) {
    return json_pack("{s:s, s:s%, s:s, s:s*}", "verb", verb, "group", group.base ? group.base : "",
                     group.len, "resource", resource, "namespace", ns);
}

static void wish(struct wishes *w, json_t *attrs, const json_t *or_all, char *text) {
    if (json_object_get(w->known, text)) {
        json_decref(attrs);
    } else {
        json_array_append_new(w->list, json_pack("{s:o, s:s, s:O*}", "attributes", attrs, "text",
                                                 text, "or", (json_t *)(uintptr_t)or_all));
        json_object_set_new(w->known, text, json_true());
    }
    free(text);
}

/* What kubectl apply does with an object, the first time and later. */
static void want_object(struct wishes *w, const json_t *o) {
    static const char *const verbs[] = {"get", "create", "patch"};
    const char *ns = local_str(o, "metadata.namespace", NULL);
    const struct leftover_kind *k = kind_of(local_str(o, "kind", ""));
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        wish(w, attributes(verbs[i], group_of(k->version), k->plural, ns), NULL,
             weft_asprintf("%s %s%s%s", verbs[i], k->plural, ns ? " in " : "", ns ? ns : ""));
}

/* === what a role gives away === */

static const json_t *members(const json_t *rule, const char *key) {
    return json_object_get(rule, key);
}

static void add_name(json_t *list, json_t *attrs, const json_t *names) {
    size_t i;
    const json_t *name;
    json_array_foreach(names, i, name) {
        json_t *copy = json_copy(attrs);
        json_object_set(copy, "name", (json_t *)(uintptr_t)name);
        json_array_append_new(list, copy);
    }
    if (json_array_size(names))
        json_decref(attrs);
    else
        json_array_append_new(list, attrs);
}

static void add_resource(json_t *list, const json_t *rule, const char *group, const char *resource,
                         const char *ns) {
    const char *slash = strchr(resource, '/');
    WEFT_FREE char *plain =
        weft_slice_dup(weft_slice(resource, slash ? (size_t)(slash - resource) : strlen(resource)));
    size_t i;
    const json_t *verb;
    json_array_foreach(members(rule, "verbs"), i, verb) {
        json_t *attrs = attributes(json_string_value(verb), weft_slice_str(group), plain, ns);
        if (slash) json_object_set_new(attrs, "subresource", json_string(slash + 1));
        add_name(list, attrs, members(rule, "resourceNames"));
    }
}

static json_t *given(const json_t *role) {
    const char *ns = local_str(role, "metadata.namespace", NULL);
    json_t *list = json_array();
    size_t i, g, k;
    const json_t *rule, *group, *resource;
    json_array_foreach(json_object_get(role, "rules"), i, rule)
        json_array_foreach(members(rule, "apiGroups"), g, group)
            json_array_foreach(members(rule, "resources"), k, resource)
                add_resource(list, rule, json_string_value(group), json_string_value(resource), ns);
    return list;
}

static char *role_key(const char *kind, const char *ns, const char *name) {
    return weft_asprintf("%s|%s|%s", kind, ns ? ns : "", name);
}

static void want_role(struct wishes *w, const json_t *o) {
    const char *kind = local_str(o, "kind", ""), *ns = local_str(o, "metadata.namespace", NULL),
               *name = local_str(o, "metadata.name", "");
    const struct leftover_kind *k = kind_of(kind);
    WEFT_FREE char *key = role_key(kind, ns, name);
    json_t *what = given(o), *attrs = attributes("escalate", group_of(k->version), k->plural, ns);
    json_object_set_new(attrs, "name", json_string(name));
    wish(w, attrs, what, weft_asprintf("give away all of %s %s (verb escalate)", kind, name));
    json_object_set_new(w->roles, key, what);
}

static void want_binding(struct wishes *w, const json_t *o) {
    const char *kind = local_str(o, "roleRef.kind", ""),
               *ns = local_str(o, "metadata.namespace", NULL),
               *name = local_str(o, "roleRef.name", "");
    const struct leftover_kind *k = kind_of(kind);
    WEFT_FREE char *key = role_key(kind, strcmp(kind, "Role") ? NULL : ns, name);
    json_t *attrs = attributes("bind", group_of(k->version), k->plural, ns);
    json_object_set_new(attrs, "name", json_string(name));
    wish(w, attrs, json_object_get(w->roles, key),
         weft_asprintf("bind somebody to %s %s (verb bind)", kind, name));
}

static void on_document(void *ud, json_t *o, json_t *lines, int line) {
    const char *kind = local_str(o, "kind", "");
    want_object(ud, o);
    if (!strcmp(kind, "Role") || !strcmp(kind, "ClusterRole")) want_role(ud, o);
    if (!strcmp(kind, "RoleBinding") || !strcmp(kind, "ClusterRoleBinding")) want_binding(ud, o);
    json_decref(o);
    json_decref(lines);
}

json_t *rights_wanted(const struct cli_install_values *v) {
    struct wishes w = {json_array(), json_object(), json_object()};
    struct weft_buf all;
    weft_buf_init(&all, 0);
    cli_install_render(v, &all);
    WEFT_CHECK(weft_yaml_parse(weft_buf_slice(&all), on_document, &w, NULL) == WEFT_OK);
    weft_buf_done(&all);
    json_decref(w.known);
    json_decref(w.roles);
    return w.list;
}

/* === asking === */

struct asking {
    struct cli_ask *ask;
    json_t *answers; /* attributes as text → true or false */
    json_t *unread;
    bool failed;
};

/* Without an answer nothing is denied; that there was none is told. */
static bool is_allowed(struct asking *k, const json_t *attrs) {
    WEFT_FREE char *key = json_dumps(attrs, JSON_COMPACT | JSON_SORT_KEYS);
    const json_t *known = json_object_get(k->answers, key);
    if (known) return json_is_true(known);
    if (k->failed) return true;
    json_t *body = json_pack("{s:s, s:s, s:{s:O}}", "apiVersion", "authorization.k8s.io/v1", "kind",
                             "SelfSubjectAccessReview", "spec", "resourceAttributes",
                             (json_t *)(uintptr_t)attrs);
    json_t *answer =
        cli_ask(k->ask, &(struct weft_kube_request){
                            .method = "POST",
                            .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                            .body = body,
                        });
    json_decref(body);
    k->failed = !answer;
    if (!answer)
        json_array_append_new(k->unread, json_sprintf("your rights: %s",
                                                      k->ask->error ? k->ask->error : "no answer"));
    bool allowed = !answer || json_is_true(local_get(answer, "status.allowed"));
    json_object_set_new(k->answers, key, json_boolean(allowed));
    json_decref(answer);
    return allowed;
}

/* The first of `list` that is denied; NULL: none. */
static const json_t *first_denied(struct asking *k, const json_t *list) {
    size_t i;
    const json_t *attrs;
    json_array_foreach(list, i, attrs) {
        if (!is_allowed(k, attrs)) return attrs;
    }
    return NULL;
}

static void judge(struct asking *k, const json_t *want, json_t *denied) {
    const json_t *or_all = json_object_get(want, "or");
    if (is_allowed(k, json_object_get(want, "attributes"))) return;
    const json_t *lacking = first_denied(k, or_all);
    if (or_all && !lacking) return;
    const char *sub = local_str(lacking, "subresource", "");
    json_array_append_new(
        denied, lacking ? json_sprintf("%s, and do not hold it yourself: %s %s%s%s is denied",
                                       local_str(want, "text", ""), local_str(lacking, "verb", ""),
                                       local_str(lacking, "resource", ""), *sub ? "/" : "", sub)
                        : json_incref(json_object_get(want, "text")));
}

json_t *rights_denied(struct cli_ask *a, const struct cli_install_values *v, json_t *unread) {
    struct asking k = {.ask = a, .answers = json_object(), .unread = unread};
    json_t *denied = json_array(), *list = rights_wanted(v), *want;
    size_t i;
    json_array_foreach(list, i, want) judge(&k, want, denied);
    json_decref(list);
    json_decref(k.answers);
    if (!k.failed || json_array_size(denied)) return denied;
    json_decref(denied);
    return NULL;
}
