/* SPDX-License-Identifier: Apache-2.0
 * What a mesh has made on this machine, one line each, written before it is used: enough for `down`
 * to take everything away even when the supervisor was killed. */
#pragma once
#include <sys/types.h>
#include <weft/base/status.h>

struct local_journal {
    int fd;
};

/* Makes FILE, for appending. WEFT_EXISTS: it is there. */
enum weft_status local_journal_new(struct local_journal *j, const char *file);
void local_journal_close(struct local_journal *j);
/* A process, told apart from a later one of the same number by its start time. */
void local_journal_proc(struct local_journal *j, pid_t pid, const char *role);
/* A named network namespace, before and after it is made (inode 0 before). */
void local_journal_netns(struct local_journal *j, const char *name, unsigned long long inode);

struct local_journal_entry {
    bool netns; /* else a process */
    pid_t pid;
    unsigned long long start; /* field 22 of /proc/PID/stat */
    unsigned long long inode; /* of the network namespace, 0 if not known yet */
    char name[300];           /* the namespace's name or the process's role */
};
/* Calls fn for each line; WEFT_NOT_FOUND if there is no such file. Damaged lines are skipped. */
enum weft_status local_journal_read(const char *file,
                                    void (*fn)(void *ud, const struct local_journal_entry *e),
                                    void *ud);
/* Start time of a process; 0 if there is none. */
unsigned long long local_start_time(pid_t pid);
/* Inode of the network namespace at /run/netns/NAME; 0 if there is none, or it is our own. */
unsigned long long local_netns_inode(const char *name);
