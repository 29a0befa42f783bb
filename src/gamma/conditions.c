/* SPDX-License-Identifier: Apache-2.0
 * Route status as it would be written (REQ-138 to 149): one entry per parentRef of ours, echoed as
 * given, each condition with the generation it speaks of. lastTransitionTime is the writer's. */
#include "gamma_internal.h"

#include <weft/base/buf.h>

static json_t *text_of(const struct weft_buf *b) {
    struct weft_slice s = weft_buf_slice(b);
    json_t *j = json_stringn(s.base ? s.base : "", s.len);
    return j ? j : json_string("(not UTF-8)");
}

static void add_condition(json_t *list, const char *type, bool yes, const char *reason,
                          const struct weft_buf *message, int64_t generation) {
    json_t *c = json_object();
    json_object_set_new(c, "type", json_string(type));
    json_object_set_new(c, "status", json_string(yes ? "True" : "False"));
    json_object_set_new(c, "reason", json_string(reason));
    json_object_set_new(c, "message", text_of(message));
    json_object_set_new(c, "observedGeneration", json_integer(generation));
    json_array_append_new(list, c);
}

static void say_faults(const struct gamma_route *r, const char *before, struct weft_buf *b) {
    bool first = true;
    for (uint32_t i = 0; i < r->n_rules; i++) {
        const struct gamma_rule *rule = &r->rules[i];
        if (rule->fate == GAMMA_RULE_OK) continue;
        (void)weft_buf_printf(b, "%s%s", first ? before : "; ", "");
        (void)weft_buf_printf(b, WEFT_SLICE_FMT, WEFT_SLICE_ARG(rule->fault));
        (void)weft_buf_str(b, rule->fate == GAMMA_RULE_DROPPED ? " (the rule is left out)"
                              : r->kind == GAMMA_GRPC_ROUTE
                                  ? " (requests that reach it get UNAVAILABLE)"
                                  : " (requests that reach it get 500)");
        first = false;
    }
}

/* REQ-041: ports that another kind of route has taken. */
static void say_lost(const struct gamma_attachment *at, struct weft_buf *b) {
    const struct gamma_service *s = at->service;
    for (uint32_t i = 0; i < s->view.n_ports; i++) {
        const struct weft_service_port *p = &s->view.ports[i];
        const struct gamma_route *to =
            gamma_attachment_selects(at, p) ? gamma_lost_to(at, p) : NULL;
        if (to)
            (void)weft_buf_printf(
                b,
                "; port %u is ruled by %s " WEFT_SLICE_FMT "/" WEFT_SLICE_FMT
                " instead, which goes before %s",
                p->port, gamma_kind_name(to->kind), WEFT_SLICE_ARG(to->view.meta.ns),
                WEFT_SLICE_ARG(to->view.meta.name), gamma_a_kind(at->route->kind));
    }
}

static void say_in_effect(const struct gamma_attachment *at, struct weft_buf *b) {
    const struct gamma_service *s = at->service;
    const char *sep = " ";
    (void)weft_buf_printf(b, "in effect on Service " WEFT_SLICE_FMT " port",
                          WEFT_SLICE_ARG(s->key));
    for (uint32_t i = 0; i < s->view.n_ports; i++) {
        const struct weft_service_port *p = &s->view.ports[i];
        if (!gamma_attachment_selects(at, p) || gamma_lost_to(at, p)) continue;
        (void)weft_buf_printf(b, "%s%u", sep, p->port);
        sep = ", ";
    }
    if (at->consumer)
        (void)weft_buf_printf(b,
                              " for clients in namespace " WEFT_SLICE_FMT
                              " only, in place of the routes of namespace " WEFT_SLICE_FMT,
                              WEFT_SLICE_ARG(at->route->view.meta.ns),
                              WEFT_SLICE_ARG(s->view.meta.ns));
    else
        (void)weft_buf_str(b, " for clients in every namespace");
    say_lost(at, b);
    (void)weft_buf_append(b, at->route->notes);
}

static void add_accepted(json_t *list, const struct gamma_attachment *at) {
    const struct gamma_route *r = at->route;
    struct weft_buf b;
    weft_buf_init(&b, 0);
    const char *reason = "Accepted";
    if (at->refused) {
        reason = at->refused;
        (void)weft_buf_append(&b, at->message);
    } else if (r->n_rules && r->n_affected == r->n_rules) {
        reason = "UnsupportedValue";
        say_faults(r, "", &b);
    } else {
        say_in_effect(at, &b);
    }
    add_condition(list, "Accepted", !strcmp(reason, "Accepted"), reason, &b, r->view.generation);
    weft_buf_done(&b);
}

static void add_refs(json_t *list, const struct gamma_route *r) {
    struct weft_buf b;
    weft_buf_init(&b, 0);
    if (r->refs_reason)
        (void)weft_buf_append(&b, r->refs_message);
    else
        (void)weft_buf_str(&b, "all references are resolved");
    add_condition(list, "ResolvedRefs", !r->refs_reason,
                  r->refs_reason ? r->refs_reason : "ResolvedRefs", &b, r->view.generation);
    weft_buf_done(&b);
}

/* Only ever True (REQ-146). */
static void add_partially(json_t *list, const struct gamma_attachment *at) {
    const struct gamma_route *r = at->route;
    if (at->refused || r->n_affected == 0 || r->n_affected == r->n_rules) return;
    struct weft_buf b;
    weft_buf_init(&b, 0);
    say_faults(r, "Dropped Rule: ", &b);
    add_condition(list, "PartiallyInvalid", true, "UnsupportedValue", &b, r->view.generation);
    weft_buf_done(&b);
}

static json_t *parent_of(const struct gamma_attachment *at) {
    json_t *p = json_object(), *conditions = json_array();
    json_object_set_new(p, "parentRef", json_deep_copy(at->parent->json));
    json_object_set_new(p, "controllerName", json_string(GAMMA_CONTROLLER));
    add_accepted(conditions, at);
    if (at->route->kind <= GAMMA_HTTP_ROUTE) add_refs(conditions, at->route);
    add_partially(conditions, at);
    json_object_set_new(p, "conditions", conditions);
    return p;
}

static json_t *status_of(const struct gamma_route *r) {
    json_t *o = json_object(), *status = json_object(), *parents = json_array();
    for (uint32_t i = 0; i < r->n_attachments; i++)
        json_array_append_new(parents, parent_of(&r->attachments[i]));
    json_object_set_new(status, "parents", parents);
    json_object_set_new(o, "kind", json_string(gamma_kind_name(r->kind)));
    json_object_set_new(o, "namespace", json_stringn(r->view.meta.ns.base, r->view.meta.ns.len));
    json_object_set_new(o, "name", json_stringn(r->view.meta.name.base, r->view.meta.name.len));
    json_object_set_new(o, "generation", json_integer(r->view.generation));
    json_object_set_new(o, "status", status);
    return o;
}

json_t *weft_gamma_status(const struct weft_gamma *g) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < g->routes.n; i++) {
        const struct gamma_route *r = g->routes.items[i];
        if (r->n_attachments) json_array_append_new(list, status_of(r)); /* REQ-010, 141 */
    }
    return list;
}
