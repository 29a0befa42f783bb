/* SPDX-License-Identifier: Apache-2.0
 * A pod's mount and host-name namespaces. */
#include <cli/local/pause.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>

/* Opened in the new mount namespace, before anything covers the path. */
static int open_here(const char *folder, const char *name) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", folder, name);
    return open(path, O_PATH | O_CLOEXEC);
}

static int bind_fd(int fd, const char *target) {
    char source[40];
    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
    return mount(source, target, NULL, MS_BIND, NULL);
}

static const char *mount_all(const char *folder) {
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return "leave the host's mounts";
    int hosts = open_here(folder, "hosts"), resolv = open_here(folder, "resolv.conf");
    int run = open_here(folder, "run");
    if (hosts < 0 || resolv < 0 || run < 0) return "open the pod's folder";
    if (bind_fd(hosts, "/etc/hosts") != 0) return "mount /etc/hosts";
    if (bind_fd(resolv, "/etc/resolv.conf") != 0) return "mount /etc/resolv.conf";
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m") != 0)
        return "mount /run";
    if (mkdir("/run/lock", 01777) != 0 || mkdir("/run/weft", 0755) != 0) return "make /run/weft";
    if (bind_fd(run, "/run/weft") != 0) return "mount /run/weft";
    if (mount("tmpfs", "/run/weft/state", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=700,uid=1337,gid=1337,size=64m") != 0)
        return "mount /run/weft/state";
    return NULL;
}

struct answer {
    int error;
    char step[60];
};

static const char *set_up(const struct local_ns *ns, const char *hostname, const char *folder) {
    if (setns(ns->net, CLONE_NEWNET) != 0) return "enter the network namespace";
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0) return "unshare";
    if (sethostname(hostname, strnlen(hostname, 64)) != 0) return "set the host name";
    return mount_all(folder);
}

static WEFT_NORETURN void pause_main(const struct local_ns *ns, const char *hostname,
                                     const char *folder, int go, int out) {
    char byte;
    setpgid(0, 0);
    (void)prctl(PR_SET_NAME, "weft-pause", 0, 0, 0);
    if (read(go, &byte, 1) != 1) _exit(127);
    const char *failed = set_up(ns, hostname, folder);
    struct answer a = {.error = failed ? errno : 0};
    (void)snprintf(a.step, sizeof a.step, "%s", failed ? failed : "");
    (void)chdir("/");
    if (write(out, &a, sizeof a) != (ssize_t)sizeof a || failed) _exit(1);
    (void)close_range(0, ~0u, 0);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;) pause(); /* SIGKILL ends it */
}

static int open_ns(pid_t pid, const char *kind) {
    WEFT_FREE char *path = weft_asprintf("/proc/%d/ns/%s", (int)pid, kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}

enum weft_status local_pause_start(struct local_ns *ns, struct local_journal *j,
                                   const char *hostname, const char *folder, pid_t *ret,
                                   struct weft_error *err) {
    int go[2], out[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return weft_error_set(err, WEFT_IO, hostname, "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(go[1]);
        pause_main(ns, hostname, folder, go[0], out[1]);
    }
    close(go[0]);
    close(out[1]);
    struct answer a = {.error = pid < 0 ? errno : ESRCH, .step = "start"};
    if (pid > 0) {
        local_journal_proc(j, pid, "pause");
        if (write(go[1], "g", 1) == 1 && read(out[0], &a, sizeof a) != (ssize_t)sizeof a)
            a.error = ESRCH;
    }
    close(go[1]);
    close(out[0]);
    if (a.error) {
        if (pid > 0) waitpid(pid, NULL, 0);
        return weft_error_set(err, WEFT_IO, hostname, "cannot %s: %s", a.step, strerror(a.error));
    }
    *ret = pid;
    ns->mnt = open_ns(pid, "mnt");
    ns->uts = open_ns(pid, "uts");
    if (ns->mnt >= 0 && ns->uts >= 0) return WEFT_OK;
    return weft_error_set(err, WEFT_IO, hostname, "cannot open its namespaces: %s",
                          strerror(errno));
}
