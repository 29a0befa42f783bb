/* SPDX-License-Identifier: Apache-2.0
 * The journal: append-only lines "proc PID START ROLE" and "netns INODE NAME". */
#include <cli/local/journal.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/base/alloc.h>

enum weft_status local_journal_new(struct local_journal *j, const char *file) {
    j->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return j->fd < 0 ? weft_status_from_errno(errno) : WEFT_OK;
}

void local_journal_close(struct local_journal *j) {
    if (j->fd >= 0) close(j->fd);
    j->fd = -1;
}

static void append(struct local_journal *j, char *line) {
    ssize_t n = write(j->fd, line, strlen(line));
    (void)n; /* a full disk shows up elsewhere; namespaces are found by name all the same */
    free(line);
}

void local_journal_proc(struct local_journal *j, pid_t pid, const char *role) {
    append(j, weft_asprintf("proc %d %llu %s\n", (int)pid, local_start_time(pid), role));
}

void local_journal_netns(struct local_journal *j, const char *name, unsigned long long inode) {
    append(j, weft_asprintf("netns %llu %s\n", inode, name));
}

unsigned long long local_start_time(pid_t pid) {
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    char *p = strrchr(text, ')'); /* the name may hold spaces; field 3 follows it */
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

unsigned long long local_netns_inode(const char *name) {
    WEFT_FREE char *path = weft_asprintf("/run/netns/%s", name);
    struct stat st, self;
    if (stat(path, &st) != 0 || stat("/proc/self/ns/net", &self) != 0) return 0;
    return st.st_dev == self.st_dev && st.st_ino != self.st_ino ? st.st_ino : 0;
}

static bool parse(const char *line, struct local_journal_entry *e) {
    *e = (struct local_journal_entry){0};
    int pid;
    if (sscanf(line, "proc %d %llu %299s", &pid, &e->start, e->name) == 3) {
        e->pid = pid;
        return pid > 1 && e->start > 0;
    }
    e->netns = true;
    return sscanf(line, "netns %llu %299s", &e->inode, e->name) == 2;
}

enum weft_status local_journal_read(const char *file,
                                    void (*fn)(void *ud, const struct local_journal_entry *e),
                                    void *ud) {
    FILE *f = fopen(file, "re");
    if (!f) return WEFT_NOT_FOUND;
    char line[512];
    struct local_journal_entry e;
    while (fgets(line, sizeof line, f))
        if (parse(line, &e)) fn(ud, &e);
    (void)fclose(f);
    return WEFT_OK;
}
