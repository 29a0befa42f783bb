/* SPDX-License-Identifier: Apache-2.0
 * The mesh as JSON, for `weft local status` and for finding a pod. */
#include <cli/local/dnat.h>
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <string.h>
#include <unistd.h>

static json_t *container_status(const struct local_container *c) {
    const struct local_runner *r = &c->runner;
    json_t *o =
        json_pack("{s:s, s:s, s:b, s:i, s:i, s:s, s:s}", "name", c->name, "state",
                  local_runner_state_name(r->state), "ready", !local_container_waits(c), "restarts",
                  (int)r->restarts, "pid", (int)r->child.pid, "last", r->last, "log", c->log);
    return o;
}

static json_t *pod_status(const struct local_pod *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_containers; i++)
        json_array_append_new(list, container_status(&p->containers[i]));
    json_t *ips = local_get(p->obj, "status.podIPs");
    const char *owner = local_pod_owner(p->obj);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:i, s:i, s:s, s:o}", "namespace", p->ns,
                  "name", p->name, "owner", owner ? owner : "", "ip",
                  local_str(p->obj, "status.podIP", ""), "sidecar", p->injected, "ready", p->ready,
                  "terminating", p->terminating, "uid", (int)p->uid, "pausePid", (int)p->net.pause,
                  "netns", p->net.netns ? p->net.netns : "", "containers", list);
    json_object_set_new(o, "ips", ips ? json_deep_copy(ips) : json_array());
    json_object_set_new(o, "problem", json_string(p->problem));
    return o;
}

static json_t *service_status(const json_t *s, const json_t *slices) {
    json_t *ports = json_array(), *port;
    size_t i;
    json_array_foreach(local_get(s, "spec.ports"), i, port) {
        json_t *ready = dnat_targets(s, port, slices, false);
        LOCAL_JSON json_t *v6 = dnat_targets(s, port, slices, true);
        json_array_extend(ready, v6);
        json_array_append_new(ports,
                              json_pack("{s:i, s:s, s:o}", "port", (int)local_int(port, "port", 0),
                                        "name", local_str(port, "name", ""), "ready", ready));
    }
    json_t *ips = local_get(s, "spec.clusterIPs");
    return json_pack("{s:s, s:s, s:o, s:o}", "namespace",
                     local_str(s, "metadata.namespace", "default"), "name",
                     local_str(s, "metadata.name", ""), "clusterIPs",
                     ips ? json_deep_copy(ips) : json_array(), "ports", ports);
}

json_t *local_status(const struct local_mesh *m) {
    json_t *pods = json_array(), *services = json_array(), *s;
    weft_list_each(it, &m->pods)
        json_array_append_new(pods, pod_status(WEFT_CONTAINER(it, struct local_pod, link)));
    LOCAL_JSON json_t *slices = json_array();
    json_array_extend(slices, m->made);
    if (m->plan.slices) json_array_extend(slices, m->plan.slices);
    size_t i;
    json_array_foreach(m->services, i, s)
        json_array_append_new(services, service_status(s, slices));
    char gateway[WEFT_ADDR_STR];
    weft_addr_format_ip(&m->net.gateway4, gateway);
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:i, s:b, s:{s:b, s:b, s:i, s:s, s:s}, s:o, s:o, "
                     "s:O, s:O}",
                     "ok", 1, "name", m->name, "folder", m->folder, "stateDir", m->state_dir,
                     "binDir", m->bin_dir, "pid", (int)getpid(), "settled", local_mesh_settled(m),
                     "controller", "present", m->has_controller, "ready", m->controller_up, "pid",
                     (int)m->controller.child.pid, "address", gateway, "last", m->controller.last,
                     "pods", pods, "services", services, "warnings", m->plan.warnings, "problems",
                     m->problems);
}

/* How well NAME, "NS/NAME" or the name of a workload fits: 0 not at all, 2 exactly. */
static int fits(const struct local_pod *p, struct weft_slice ns, struct weft_slice name) {
    if (ns.len && !weft_slice_is(ns, p->ns)) return 0;
    if (weft_slice_is(name, p->name)) return 2;
    const char *owner = local_pod_owner(p->obj);
    const char *slash = owner ? strchr(owner, '/') : NULL;
    return slash && weft_slice_is(name, slash + 1) ? 1 : 0;
}

struct local_pod *local_mesh_find_pod(const struct local_mesh *m, const char *text) {
    struct weft_slice rest = weft_slice_str(text), ns = weft_slice_cut(&rest, '/');
    struct weft_slice name = rest.base ? rest : ns;
    if (!rest.base) ns = WEFT_SLICE_EMPTY;
    struct local_pod *best = NULL;
    int best_fit = 0;
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        int fit = fits(p, ns, name);
        if (fit > best_fit && !p->retiring && !p->terminating) {
            best = p;
            best_fit = fit;
        }
    }
    return best;
}
