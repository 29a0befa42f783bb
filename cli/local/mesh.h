/* SPDX-License-Identifier: Apache-2.0
 * The supervisor's world: one mesh, its pods and their containers. Everything runs on one thread,
 * on one reactor. The files: mesh.c (start and end), reconcile.c (manifests → pods), pod.c (the
 * life of a pod), container.c (the life of a container), publish.c (what the world gets to see). */
#pragma once
#include <cli/local/address.h>
#include <cli/local/container.h>
#include <cli/local/netns.h>
#include <cli/local/plan.h>
#include <cli/local/probe.h>
#include <cli/local/runner.h>
#include <weft/base/alloc.h>

/* What `weft local up` was asked for. */
struct local_options {
    const char *folder; /* manifests */
    const char *name;
    const char *state_dir; /* NULL: /run/weft-local/NAME */
    const char *bin_dir;   /* NULL: where this program lies */
    bool detach, no_mesh;
    uint64_t timeout_s; /* for everything to be ready */
    const char *pods4, *pods6, *services4, *services6;
    const char *cluster_domain; /* of Service names */
    const char *trust_domain, *channel, *cert_ttl, *access_log, *log_level;
    uint64_t workers;
};

struct local_mesh;
struct local_pod;

enum local_container_kind { LOCAL_WEFT_INIT, LOCAL_WEFT_PROXY, LOCAL_INIT, LOCAL_APP };

struct local_container {
    struct local_pod *pod;
    enum local_container_kind kind;
    const char *name;
    const json_t *spec; /* NULL for ours */
    struct local_command command;
    char *program, *log;
    bool command_ready;
    struct local_runner runner;
    struct local_probe readiness, liveness, startup;
    bool started, ready;
};

struct local_pod {
    struct weft_list link;
    struct local_mesh *mesh;
    json_t *planned; /* as planned, to see what changed */
    json_t *obj;     /* with addresses and status, as published */
    const char *ns, *name;
    char *id;     /* "NS.NAME" */
    char *folder; /* STATE/pods/ID */
    unsigned serial;
    uid_t uid;
    struct local_pod_ns net;
    bool injected, ready, terminating, retiring;
    char problem[800]; /* why it could not be made; "" if it was */
    struct local_container *containers;
    size_t n_containers;
    unsigned stop_phase;
    struct local_timer stop_timer;
};

struct local_waiter; /* a client of the control socket that waits for readiness */

struct local_mesh {
    const struct local_options *opt;
    char *name, *state_dir, *folder, *bin_dir;
    struct local_reactor *reactor;
    struct local_journal journal;
    struct local_net net;
    struct local_addresses addresses;
    struct local_plan plan;
    json_t *services;  /* completed */
    json_t *made;      /* EndpointSlices of ours */
    json_t *published; /* file name → object */
    json_t *problems;  /* errors of manifests, strings */
    json_t *scaled;    /* what `scale` asked for, see replicas.h */
    struct weft_list pods;
    unsigned next_serial;

    struct local_runner controller;
    struct local_probe controller_ready;
    char *controller_argv[24];
    bool has_controller, controller_up;

    struct local_timer publish_timer; /* coalesces what changed */
    struct local_child rules_child;   /* brings the pods' ClusterIP rules up to date */
    bool rules_dirty;
    char *rules_text[2]; /* IPv4, IPv6, in force */

    int control_fd;
    struct weft_list clients;
    bool stopping;
    int stop_reason; /* exit status of the supervisor */
    uint64_t began_us;
    void (*say)(struct local_mesh *m, const char *line); /* progress, for people */
};

/* mesh.c */
enum weft_status local_mesh_init(struct local_mesh *m, const struct local_options *opt,
                                 struct weft_error *err);
void local_mesh_run(struct local_mesh *m); /* until it was asked to stop and everything ended */
void local_mesh_done(struct local_mesh *m);
void local_mesh_stop(struct local_mesh *m, int exit_status); /* graceful; idempotent */
void local_mesh_say(struct local_mesh *m, const char *fmt, ...) WEFT_PRINTF(2, 3);
char *local_mesh_path(const struct local_mesh *m, const char *fmt, ...) WEFT_PRINTF(2, 3);
/* After a pod has ended or changed: goes on with what waited for it. */
void local_mesh_pod_gone(struct local_mesh *m, struct local_pod *p);
bool local_mesh_settled(const struct local_mesh *m); /* everything that should be ready is */

/* controller.c */
void local_controller_init(struct local_mesh *m);
void local_controller_done(struct local_mesh *m);

/* reconcile.c */
struct local_changes {
    unsigned added, removed, kept;
};
/* Reads the folder and makes the world follow it. */
enum weft_status local_reconcile(struct local_mesh *m, struct local_changes *ret,
                                 struct weft_error *err);
/* Gives a workload another number of pods, until the next local_reconcile(). */
enum weft_status local_scale(struct local_mesh *m, const char *workload, json_int_t n,
                             struct local_changes *ret, struct weft_error *err);
/* Makes pods that are planned and not there, ends those that are there and not planned. */
void local_reconcile_pods(struct local_mesh *m, struct local_changes *ret);

/* pod.c */
struct local_pod *local_pod_new(struct local_mesh *m, json_t *planned);
void local_pod_start(struct local_pod *p);   /* namespaces, then its containers in order */
void local_pod_advance(struct local_pod *p); /* whatever can start now; readiness */
void local_pod_changed(struct local_pod *p); /* one of its programs has started or ended */
void local_pod_stop(struct local_pod *p, bool hurry);
/* SIGKILL to all its containers at once, or to the one of that name; they are started again as
 * after any crash. Returns how many ran. */
int local_pod_kill(struct local_pod *p, const char *container);
struct local_pod *local_pod_free(struct local_pod *p);

/* containers.c */
void local_containers_make(struct local_pod *p);
void local_container_start(struct local_container *c);
void local_container_done(struct local_container *c);
/* NULL, or why the pod is not ready yet because of it. */
const char *local_container_waits(const struct local_container *c);

/* sidecar.c: command lines of weft-init and weft-proxy in a pod */
enum weft_status local_sidecar_prepare(struct local_container *c, struct local_spawn *s,
                                       struct weft_error *err);
/* Writes token and trust bundle into the pod's folder; AGAIN while the controller has none. */
enum weft_status local_sidecar_files(struct local_pod *p, struct weft_error *err);

/* publish.c */
void local_publish_soon(struct local_mesh *m);
void local_publish_now(struct local_mesh *m);
enum weft_status local_pod_rules(struct local_pod *p, struct weft_error *err);
void local_pod_hosts(struct local_pod *p);

/* status.c */
json_t *local_status(const struct local_mesh *m);
struct local_pod *local_mesh_find_pod(const struct local_mesh *m, const char *name);

/* control.c */
enum weft_status local_control_init(struct local_mesh *m, struct weft_error *err);
void local_control_done(struct local_mesh *m);
void local_control_settled(struct local_mesh *m); /* answers those who wait */
