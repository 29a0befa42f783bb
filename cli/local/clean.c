/* SPDX-License-Identifier: Apache-2.0
 * Clearing up by the journal. Processes are held by a pidfd while they are looked at, so that a
 * number that was given away again is never hit. */
#include <cli/local/clean.h>
#include <cli/local/journal.h>
#include <cli/local/spawn.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weft/base/alloc.h>

struct cleaner {
    unsigned long long inodes[4096]; /* network namespaces of this mesh */
    size_t n_inodes;
    char **names;
    size_t n_names;
    struct local_clean_counts counts;
};

static void kill_and_wait(int pidfd) {
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) != 0) return;
    struct pollfd p = {pidfd, POLLIN, 0};
    (void)poll(&p, 1, 5000);
}

static void kill_proc(struct cleaner *c, pid_t pid, unsigned long long start) {
    if (pid == getpid()) return;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return;
    if (local_start_time(pid) == start) {
        kill_and_wait(fd);
        c->counts.processes++;
    }
    close(fd);
}

static void add_inode(struct cleaner *c, unsigned long long inode) {
    for (size_t i = 0; i < c->n_inodes; i++)
        if (c->inodes[i] == inode) return;
    if (inode && c->n_inodes < WEFT_LEN(c->inodes)) c->inodes[c->n_inodes++] = inode;
}

static void add_name(struct cleaner *c, const char *name) {
    for (size_t i = 0; i < c->n_names; i++)
        if (strcmp(c->names[i], name) == 0) return;
    c->names = weft_realloc(c->names, (c->n_names + 1) * sizeof *c->names);
    c->names[c->n_names++] = weft_strdup(name);
}

/* In file order: the supervisor is the first process there, so nothing new is made meanwhile. */
static void on_entry(void *ud, const struct local_journal_entry *e) {
    struct cleaner *c = ud;
    if (!e->netns) {
        kill_proc(c, e->pid, e->start);
        return;
    }
    add_name(c, e->name);
    /* by its name alone: the number of one that is gone may belong to somebody else now */
    add_inode(c, local_netns_inode(e->name));
}

static bool ours(const struct cleaner *c, unsigned long long inode) {
    for (size_t i = 0; i < c->n_inodes; i++)
        if (c->inodes[i] == inode) return true;
    return false;
}

static unsigned long long netns_of(const char *pid) {
    WEFT_FREE char *path = weft_asprintf("/proc/%s/ns/net", pid);
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Everything that lives in one of our namespaces, whoever started it. */
static unsigned kill_inside(struct cleaner *c) {
    unsigned killed = 0;
    DIR *proc = opendir("/proc");
    struct dirent *d;
    while (proc && (d = readdir(proc))) {
        uint64_t pid;
        if (!weft_slice_u64(weft_slice_str(d->d_name), INT32_MAX, &pid)) continue;
        if (pid <= 1 || (pid_t)pid == getpid()) continue;
        int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
        if (fd < 0) continue;
        if (ours(c, netns_of(d->d_name))) {
            kill_and_wait(fd);
            killed++;
        }
        close(fd);
    }
    if (proc) closedir(proc);
    c->counts.processes += killed;
    return killed;
}

void local_kill_inside(const char *netns) {
    struct cleaner *c = weft_new0(struct cleaner);
    add_inode(c, local_netns_inode(netns));
    while (c->n_inodes && kill_inside(c) > 0) {
    }
    free(c);
}

/* What `ip netns add` or `del` leaves when it is killed halfway: the file, and nothing mounted on
 * it. */
static bool half_made(const char *name) {
    WEFT_FREE char *path = weft_asprintf("/run/netns/%s", name);
    struct stat st, folder;
    return lstat(path, &st) == 0 && stat("/run/netns", &folder) == 0 && st.st_dev == folder.st_dev;
}

static bool netns_left(const char *name) {
    return local_netns_inode(name) || half_made(name);
}

static enum weft_status delete_netns(struct cleaner *c, const char *name, struct weft_error *err) {
    if (!netns_left(name)) return WEFT_OK;
    const char *argv[] = {"ip", "netns", "del", name, NULL};
    enum weft_status st = local_run(NULL, -1, argv, WEFT_SLICE_EMPTY, err);
    if (st != WEFT_OK && netns_left(name)) return st; /* else somebody else did it meanwhile */
    c->counts.namespaces++;
    return WEFT_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static enum weft_status clean_all(struct cleaner *c, const char *state_dir,
                                  struct weft_error *err) {
    WEFT_FREE char *file = weft_asprintf("%s/journal", state_dir);
    if (local_journal_read(file, on_entry, c) != WEFT_OK) return WEFT_OK;
    while (kill_inside(c) > 0) {
    }
    enum weft_status st = WEFT_OK;
    for (size_t i = 0; st == WEFT_OK && i < c->n_names; i++) st = delete_netns(c, c->names[i], err);
    if (st != WEFT_OK) return st; /* the journal stays, for the next try */
    if (nftw(state_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return weft_error_set(err, WEFT_IO, state_dir, "cannot remove: %s", strerror(errno));
    return WEFT_OK;
}

enum weft_status local_clean(const char *state_dir, struct local_clean_counts *ret,
                             struct weft_error *err) {
    struct cleaner *c = weft_new0(struct cleaner);
    enum weft_status st = clean_all(c, state_dir, err);
    for (size_t i = 0; i < c->n_names; i++) free(c->names[i]);
    free(c->names);
    *ret = c->counts;
    free(c);
    return st;
}
