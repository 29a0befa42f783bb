/* SPDX-License-Identifier: Apache-2.0
 * `weft local up`: becomes the supervisor, in the foreground or as a daemon. */
#include <cli/local/clean.h>
#include <cli/local/jsonx.h>
#include <cli/local/mesh.h>
#include <cli/local/verbs.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct up {
    struct local_options o;
    struct local_target target;
};

#define AT(member) offsetof(struct up, o.member)
static const struct weft_option rows[] = {
    {"file", NULL, "DIR", "Folder of manifests. Required.", weft_option_str, AT(folder), 0, 0, 'f'},
    LOCAL_TARGET_ROWS(struct up, target),
    {"bin-dir", "WEFT_LOCAL_BIN_DIR", "DIR",
     "Programs of Weft and of images are looked up here first. Default: where this program lies.",
     weft_option_str, AT(bin_dir)},
    {"detach", NULL, NULL, "Return when everything is ready and go on in the background.",
     weft_option_bool, AT(detach), 0, 0, 'd'},
    {"no-mesh", NULL, NULL, "Neither controller nor sidecars: what a plain cluster does.",
     weft_option_bool, AT(no_mesh)},
    {"timeout", NULL, "SECONDS", "How long everything may take to be ready. Default 60.",
     weft_option_u64, AT(timeout_s), 1, 3600},
    {"pod-cidr", NULL, "CIDR", "Addresses of pods. Default 10.244.0.0/16.", weft_option_str,
     AT(pods4)},
    {"pod-cidr6", NULL, "CIDR", "Default fd00:10:244::/64.", weft_option_str, AT(pods6)},
    {"service-cidr", NULL, "CIDR", "ClusterIPs. Default 10.96.0.0/16.", weft_option_str,
     AT(services4)},
    {"service-cidr6", NULL, "CIDR", "Default fd00:10:96::/112.", weft_option_str, AT(services6)},
    {"cluster-domain", NULL, "NAME", "Last part of full Service names. Default cluster.local.",
     weft_option_str, AT(cluster_domain)},
    {"trust-domain", NULL, "NAME", "Of controller and sidecars. Default cluster.local.",
     weft_option_str, AT(trust_domain)},
    {"channel", NULL, "standard|experimental", "Fields of Gateway API that exist.", weft_option_str,
     AT(channel)},
    {"workload-cert-ttl", NULL, "DURATION", "Lifetime of workload certificates. Default 24h.",
     weft_option_str, AT(cert_ttl)},
    {"access-log", NULL, "off|errors|all", "Access log of the sidecars. Default all.",
     weft_option_str, AT(access_log)},
    {"log-level", NULL, "LEVEL", "Log level of the sidecars.", weft_option_str, AT(log_level)},
    {"workers", NULL, "N", "Worker threads of each sidecar.", weft_option_u64, AT(workers), 0, 64},
};

static int say_fd = 1; /* where progress goes; -1: nobody listens any more */

static void say(struct local_mesh *m, const char *line) {
    (void)m;
    if (say_fd < 0) return;
    ssize_t n = write(say_fd, line, strlen(line));
    (void)n;
}

static char *own_folder(void) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return weft_strdup("/usr/local/bin");
    path[n] = 0;
    char *slash = strrchr(path, '/');
    *slash = 0;
    return weft_strdup(path);
}

static void print_problems(struct local_mesh *m) {
    size_t i;
    json_t *s;
    json_array_foreach(m->problems, i, s) local_mesh_say(m, "error: %s", json_string_value(s));
    json_array_foreach(m->plan.warnings, i, s)
        local_mesh_say(m, "warning: %s", json_string_value(s));
}

static void print_unready(struct local_mesh *m) {
    weft_list_each(it, &m->pods) {
        struct local_pod *p = WEFT_CONTAINER(it, struct local_pod, link);
        if (p->problem[0]) local_mesh_say(m, "pod %s/%s: %s", p->ns, p->name, p->problem);
        for (size_t i = 0; i < p->n_containers; i++) {
            const struct local_container *c = &p->containers[i];
            const char *why = local_container_waits(c);
            if (why && (c->runner.state != LOCAL_IDLE || c->runner.last[0]))
                local_mesh_say(m, "pod %s/%s: %s: %s%s%s (log: %s)", p->ns, p->name, c->name, why,
                               c->runner.last[0] ? ", " : "", c->runner.last, c->log);
        }
    }
    if (m->has_controller && !m->controller_up)
        local_mesh_say(m, "weft-controller is not ready: %s (log: %s/logs/weft-controller.log)",
                       m->controller.last[0] ? m->controller.last : "no answer", m->state_dir);
}

/* The first readiness: told to people, and to the parent that waits when detached. */
struct first {
    struct local_mesh *mesh;
    struct local_timer check, deadline;
    int parent; /* gets the exit status; -1 in the foreground */
};

static void tell_parent(struct first *f, int status) {
    local_timer_stop(&f->check);
    local_timer_stop(&f->deadline);
    if (f->parent < 0) return;
    char end[2] = {0, (char)status};
    ssize_t n = write(f->parent, end, sizeof end);
    (void)n;
    close(f->parent);
    f->parent = say_fd = -1;
}

static void on_check(void *arg) {
    struct first *f = arg;
    if (!local_mesh_settled(f->mesh)) {
        local_timer_start(f->mesh->reactor, &f->check, 20000);
        return;
    }
    local_mesh_say(f->mesh, "everything is ready");
    tell_parent(f, 0);
}

static void on_deadline(void *arg) {
    struct first *f = arg;
    local_mesh_say(f->mesh, "not everything is ready after %llu s:",
                   (unsigned long long)f->mesh->opt->timeout_s);
    print_unready(f->mesh);
    tell_parent(f, 1);
}

static int supervise(const struct local_options *o, int parent) {
    struct local_mesh m = {.say = say, .began_us = local_now_us()};
    struct weft_error err = {0};
    struct first first = {.mesh = &m, .parent = parent};
    local_timer_init(&first.check, on_check, &first);
    local_timer_init(&first.deadline, on_deadline, &first);
    enum weft_status st = local_mesh_init(&m, o, &err);
    bool made = st != WEFT_EXISTS; /* else it is somebody else's */
    if (st == WEFT_OK) {
        print_problems(&m);
        local_timer_start(m.reactor, &first.check, 1000);
        local_timer_start(m.reactor, &first.deadline, o->timeout_s * 1000000);
        local_mesh_run(&m);
    } else {
        char *line = weft_asprintf("weft local: %s: %s\n", err.path, err.message);
        say(&m, line);
        free(line);
    }
    int status = st == WEFT_OK ? m.stop_reason : st == WEFT_INVALID ? 2 : 1;
    local_mesh_done(&m);
    struct local_clean_counts counts;
    if (made && local_clean(o->state_dir, &counts, &err) != WEFT_OK && status == 0) status = 1;
    if (first.parent >= 0) tell_parent(&first, status ? status : 1);
    return status;
}

/* Copies progress until the daemon says how it went. */
static int follow(int fd, pid_t pid) {
    char text[4096];
    ssize_t n;
    int status = 1;
    while ((n = read(fd, text, sizeof text)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0) continue;
        char *end = memchr(text, 0, (size_t)n);
        size_t len = end ? (size_t)(end - text) : (size_t)n;
        (void)fwrite(text, 1, len, stdout);
        (void)fflush(stdout);
        if (!end) continue;
        if (len + 1 < (size_t)n) status = text[len + 1];
        break;
    }
    (void)waitpid(pid, NULL, WNOHANG);
    return status;
}

static int detach(const struct local_options *o) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return 1;
    pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid > 0) {
        close(pipes[1]);
        return follow(pipes[0], pid);
    }
    close(pipes[0]);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    say_fd = pipes[1];
    _exit(supervise(o, pipes[1]));
}

/* Paths are made absolute, as the daemon leaves the working directory. */
static bool complete(struct up *u, char **state_dir, char **folder, char **bin_dir) {
    *state_dir = local_state_dir(&u->target);
    if (!*state_dir) return false;
    if (!u->o.folder) {
        fprintf(stderr, "weft local up: -f DIR is missing: the folder of manifests\n");
        return false;
    }
    *folder = realpath(u->o.folder, NULL);
    *bin_dir = u->o.bin_dir ? realpath(u->o.bin_dir, NULL) : own_folder();
    if (!*folder || !*bin_dir) {
        fprintf(stderr, "weft local up: %s: %s\n", *folder ? u->o.bin_dir : u->o.folder,
                strerror(errno));
        return false;
    }
    u->o.name = u->target.name;
    u->o.state_dir = *state_dir;
    u->o.folder = *folder;
    u->o.bin_dir = *bin_dir;
    return true;
}

static const struct local_help help = {
    .usage = "up -f DIR [OPTIONS]",
    .about =
        "Starts a mesh of the folder's manifests: each pod's containers in a network namespace\n"
        "of its own, its sidecar beside them, one controller. Needs root. Goes on until SIGINT\n"
        "or `weft local down`; with --detach in the background.\n"
        "Exit status: 0 ended as asked, or with --detach ready; 1 it could not start, or not all\n"
        "became ready; 2 wrong usage or broken manifests.",
    .example = "weft local up -f deploy/samples/shop --detach",
};

int local_verb_up(int argc, char **argv) {
    struct up u = {.o = {.timeout_s = 60,
                         .pods4 = "10.244.0.0/16",
                         .pods6 = "fd00:10:244::/64",
                         .services4 = "10.96.0.0/16",
                         .services6 = "fd00:10:96::/112",
                         .cluster_domain = "cluster.local",
                         .access_log = "all"}};
    int rest, status;
    if (!local_parse(rows, WEFT_LEN(rows), argc, argv, false, &u, &help, &rest, &status))
        return status;
    if (rest < argc) {
        fprintf(stderr, "weft local up: \"%s\" is not expected here\n", argv[rest]);
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "weft local up: needs root, for network namespaces\n");
        return 1;
    }
    WEFT_FREE char *state_dir = NULL, *folder = NULL, *bin_dir = NULL;
    if (!complete(&u, &state_dir, &folder, &bin_dir)) return 2;
    return u.o.detach ? detach(&u.o) : supervise(&u.o, -1);
}
