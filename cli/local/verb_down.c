/* SPDX-License-Identifier: Apache-2.0
 * `weft local down` and `weft local apply`. */
#include <cli/local/clean.h>
#include <cli/local/journal.h>
#include <cli/local/jsonx.h>
#include <cli/local/verbs.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum { SUPERVISOR_MS = 15000 };

struct down {
    struct local_target target;
};
static const struct weft_option down_rows[] = {LOCAL_TARGET_ROWS(struct down, target)};

/* A supervisor that answers ends its mesh in order; wait for its end, then clear what is left. */
static void ask_to_stop(const char *state_dir) {
    LOCAL_JSON json_t *o = local_ask_quietly(state_dir, json_pack("{s:s}", "verb", "status"));
    pid_t pid = (pid_t)local_int(o, "pid", 0);
    int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    LOCAL_JSON json_t *answer = local_ask_quietly(state_dir, json_pack("{s:s}", "verb", "down"));
    if (fd >= 0 && answer) {
        struct pollfd p = {fd, POLLIN, 0};
        (void)poll(&p, 1, SUPERVISOR_MS);
    }
    if (fd >= 0) close(fd);
}

static const struct local_help down_help = {
    .usage = "down [OPTIONS]",
    .about =
        "Ends the mesh: apps, sidecars, controller and supervisor, then removes its network\n"
        "namespaces and its state folder, also after a supervisor that was killed.\n"
        "Exit status: 0 nothing is left; 1 there is no such mesh, or something stayed; 2 wrong "
        "usage.",
    .example = "weft local down",
};

int local_verb_down(int argc, char **argv) {
    struct down d = {0};
    int rest, status;
    if (!local_parse(down_rows, WEFT_LEN(down_rows), argc, argv, false, &d, &down_help, &rest,
                     &status))
        return status;
    WEFT_FREE char *state_dir = local_state_dir(&d.target);
    if (!state_dir) return 2;
    if (access(state_dir, F_OK) != 0) {
        fprintf(stderr, "weft local: there is no mesh at %s\n", state_dir);
        return 1;
    }
    ask_to_stop(state_dir);
    struct local_clean_counts counts;
    struct weft_error err = {0};
    if (local_clean(state_dir, &counts, &err) != WEFT_OK) {
        fprintf(stderr, "weft local: %s: %s\n", err.path, err.message);
        return 1;
    }
    if (access(state_dir, F_OK) == 0 && rmdir(state_dir) != 0) {
        fprintf(stderr, "weft local: %s holds no journal of a mesh; left as it is\n", state_dir);
        return 1;
    }
    if (counts.processes)
        printf("cleared up %u processes and %u network namespaces that were left\n",
               counts.processes, counts.namespaces);
    return 0;
}

struct apply {
    struct local_target target;
    uint64_t timeout_s;
};
static const struct weft_option apply_rows[] = {
    LOCAL_TARGET_ROWS(struct apply, target),
    {"timeout", NULL, "SECONDS", "Wait so long for everything to be ready; 0: do not. Default 60.",
     weft_option_u64, offsetof(struct apply, timeout_s), 0, 3600},
};

static void print_list(const json_t *list, const char *kind) {
    size_t i;
    json_t *s;
    json_array_foreach(list, i, s) printf("%s: %s\n", kind, json_string_value(s));
}

static const struct local_help apply_help = {
    .usage = "apply [OPTIONS]",
    .about =
        "Reads the mesh's folder again: starts new Pods and Services, ends those that are gone,\n"
        "makes changed ones anew, and waits until they are ready. Routes need no apply.\n"
        "Exit status: 0 done and ready; 1 a manifest is broken, or not all became ready; 2 wrong "
        "usage.",
    .example = "weft local apply --timeout 30",
};

int local_verb_apply(int argc, char **argv) {
    struct apply a = {.timeout_s = 60};
    int rest, status;
    if (!local_parse(apply_rows, WEFT_LEN(apply_rows), argc, argv, false, &a, &apply_help, &rest,
                     &status))
        return status;
    WEFT_FREE char *state_dir = local_state_dir(&a.target);
    if (!state_dir) return 2;
    LOCAL_JSON json_t *o = local_ask(
        state_dir, json_pack("{s:s, s:I}", "verb", "apply", "wait_s", (json_int_t)a.timeout_s));
    if (!o) return 1;
    print_list(json_object_get(o, "problems"), "error");
    print_list(json_object_get(o, "warnings"), "warning");
    printf("%d added, %d removed, %d unchanged\n", (int)local_int(o, "changes.added", 0),
           (int)local_int(o, "changes.removed", 0), (int)local_int(o, "changes.kept", 0));
    bool settled = json_is_true(json_object_get(o, "settled"));
    if (!settled && a.timeout_s) printf("not everything is ready; see `weft local status`\n");
    bool fine = (settled || !a.timeout_s) && json_array_size(json_object_get(o, "problems")) == 0;
    return fine ? 0 : 1;
}
