/* SPDX-License-Identifier: Apache-2.0
 * `weft local exec` and `weft local logs`. */
#include <cli/local/container.h>
#include <cli/local/jsonx.h>
#include <cli/local/spawn.h>
#include <cli/local/verbs.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <weft/base/alloc.h>

struct pod_options {
    struct local_target target;
    const char *container, *ns;
    bool follow, root;
};
static const struct weft_option exec_rows[] = {
    LOCAL_TARGET_ROWS(struct pod_options, target),
    {"namespace", NULL, "NS", "Namespace of the pod, if its name is not NS/POD.", weft_option_str,
     offsetof(struct pod_options, ns), 0, 0, 'n'},
    {"container", NULL, "NAME", "Whose environment. Default: the first app.", weft_option_str,
     offsetof(struct pod_options, container), 0, 0, 'c'},
    {"root", NULL, NULL, "As root, e.g. for tcpdump.", weft_option_bool,
     offsetof(struct pod_options, root)},
};
static const struct weft_option logs_rows[] = {
    LOCAL_TARGET_ROWS(struct pod_options, target),
    {"namespace", NULL, "NS", "Namespace of the pod, if its name is not NS/POD.", weft_option_str,
     offsetof(struct pod_options, ns), 0, 0, 'n'},
    {"container", NULL, "NAME", "Which container. Default: the first app.", weft_option_str,
     offsetof(struct pod_options, container), 0, 0, 'c'},
    {"follow", NULL, NULL, "Go on as it grows.", weft_option_bool,
     offsetof(struct pod_options, follow), 0, 0, 'f'},
};

/* The supervisor's answer about the pod; NULL after saying what is wrong. */
static json_t *ask_pod(struct pod_options *o, const char *pod) {
    WEFT_FREE char *state_dir = local_state_dir(&o->target);
    if (!state_dir) return NULL;
    WEFT_FREE char *name = o->ns ? weft_asprintf("%s/%s", o->ns, pod) : weft_strdup(pod);
    json_t *request = json_pack("{s:s, s:s}", "verb", "pod", "pod", name);
    if (o->container) json_object_set_new(request, "container", json_string(o->container));
    return local_ask(state_dir, request);
}

static int open_ns(json_int_t pid, const char *kind) {
    WEFT_FREE char *path = weft_asprintf("/proc/%d/ns/%s", (int)pid, kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static char **environment(const json_t *pod) {
    json_t *list = json_object_get(pod, "env"), *e;
    const char *term = getenv("TERM");
    char **env = weft_alloc0((json_array_size(list) + 2) * sizeof *env);
    size_t i, n = 0;
    json_array_foreach(list, i, e) env[n++] = weft_strdup(json_string_value(e));
    if (term) env[n++] = weft_asprintf("TERM=%s", term);
    return env;
}

static int become(const struct pod_options *o, const json_t *pod, char **argv) {
    json_int_t pause = local_int(pod, "pausePid", 0);
    if (pause <= 0) {
        fprintf(stderr, "weft local exec: the pod is not running\n");
        return 1;
    }
    char *program = local_find_program(argv[0], local_str(pod, "binDir", NULL));
    if (!program) {
        fprintf(stderr, "weft local exec: no program \"%s\"\n", argv[0]);
        return 127;
    }
    uid_t uid = (uid_t)local_int(pod, "uid", 65534);
    struct local_spawn s = {
        .program = program,
        .argv = argv,
        .envp = environment(pod),
        .ns = {open_ns(pause, "net"), open_ns(pause, "mnt"), open_ns(pause, "uts")},
        .uid = uid,
        .gid = uid,
        .raw = o->root};
    const char *step;
    int error = local_become(&s, &step);
    fprintf(stderr, "weft local exec: cannot %s: %s\n", step, strerror(error));
    return 126;
}

static const struct local_help exec_help = {
    .usage = "exec [OPTIONS] [NS/]POD -- COMMAND [ARG...]",
    .about =
        "Runs a command in the pod's network namespace, with the environment and the user of a\n"
        "container. POD is a pod, or a workload: its first pod.\n"
        "Exit status: that of the command; 1 no such pod; 2 wrong usage.",
    .example = "weft local exec shop/frontend -- curl -si http://catalog/items",
};

int local_verb_exec(int argc, char **argv) {
    struct pod_options o = {0};
    int rest, status;
    if (!local_parse(exec_rows, WEFT_LEN(exec_rows), argc, argv, true, &o, &exec_help, &rest,
                     &status))
        return status;
    int command = rest + 1;
    if (command < argc && strcmp(argv[command], "--") == 0) command++;
    if (rest >= argc || command >= argc) return local_usage(&exec_help);
    LOCAL_JSON json_t *pod = ask_pod(&o, argv[rest]);
    return pod ? become(&o, pod, argv + command) : 1;
}

static const char *log_path(const struct pod_options *o, const json_t *pod) {
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(pod, "containers"), i, c) {
        bool match = o->container ? strcmp(local_str(c, "name", ""), o->container) == 0
                                  : json_is_true(json_object_get(c, "app"));
        if (match) return local_str(c, "log", NULL);
    }
    return NULL;
}

static void copy_new(int fd) {
    char text[65536];
    ssize_t n;
    while ((n = read(fd, text, sizeof text)) > 0) (void)fwrite(text, 1, (size_t)n, stdout);
    (void)fflush(stdout);
}

/* Until the file is removed (the mesh has ended) or we are interrupted. */
static void follow_file(const char *path, int fd) {
    int in = inotify_init1(IN_CLOEXEC);
    if (in < 0 || inotify_add_watch(in, path, IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB) < 0) return;
    char events[4096];
    do copy_new(fd);
    while (read(in, events, sizeof events) > 0 && access(path, F_OK) == 0);
    close(in);
}

static const struct local_help logs_help = {
    .usage = "logs [OPTIONS] [NS/]POD",
    .about =
        "Prints what a container has written to its standard output and error. The sidecar is\n"
        "the container weft-proxy; its access log is among it.\n"
        "Exit status: 0 printed; 1 no such pod or container; 2 wrong usage.",
    .example = "weft local logs shop/frontend -c weft-proxy -f",
};

int local_verb_logs(int argc, char **argv) {
    struct pod_options o = {0};
    int rest, status;
    if (!local_parse(logs_rows, WEFT_LEN(logs_rows), argc, argv, false, &o, &logs_help, &rest,
                     &status))
        return status;
    if (rest + 1 != argc) {
        fprintf(stderr, "weft local logs: name one pod\n");
        return 2;
    }
    LOCAL_JSON json_t *pod = ask_pod(&o, argv[rest]);
    if (!pod) return 1;
    const char *path = log_path(&o, pod);
    if (!path) {
        fprintf(stderr, "weft local logs: there is no container \"%s\"\n",
                o.container ? o.container : "");
        return 1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : 1; /* it has not started yet */
    copy_new(fd);
    if (o.follow) follow_file(path, fd);
    close(fd);
    return 0;
}
