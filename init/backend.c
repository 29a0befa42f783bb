/* SPDX-License-Identifier: Apache-2.0
 * Finds the iptables programs, reads with -save, writes with -restore and explains failures. */
#include <init/backend.h>
#include <weft/base/alloc.h>

#include <stdio.h>
#include <unistd.h>

const char *init_backend_name(enum init_backend b) {
    return b == INIT_LEGACY ? "legacy" : "nft";
}

static struct weft_slice first_line(const struct weft_buf *b) {
    struct weft_slice s = weft_buf_slice(b);
    struct weft_slice line = weft_slice_trim(weft_slice_cut(&s, '\n'));
    return weft_slice_head(line, 300);
}

static bool says(const struct weft_buf *b, const char *text) {
    struct weft_slice s = weft_buf_slice(b);
    return weft_slice_search(s, weft_slice_str(text)) < s.len;
}

/* NET_ADMIN is bit 12, NET_RAW bit 13 of the effective set. */
static bool has_capability(unsigned bit) {
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long set = ~0ull;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "CapEff: %llx", &set) == 1) break;
    if (f) fclose(f);
    return set >> bit & 1;
}

/* The kernel's ways to say that it has no such table or family. */
static bool is_absent(const struct weft_buf *err) {
    static const char *const phrases[] = {"Table does not exist", "unable to initialize table",
                                          "Protocol not supported", "Address family not supported"};
    for (size_t i = 0; i < WEFT_LEN(phrases); i++)
        if (says(err, phrases[i])) return true;
    return false;
}

static const char *hint(const struct init_place *p, const struct weft_buf *err) {
    if (!has_capability(12)) return " (weft-init needs the capability NET_ADMIN)";
    if (p->backend == INIT_LEGACY && !has_capability(13))
        return " (legacy iptables needs the capability NET_RAW beside NET_ADMIN)";
    if (says(err, "xtables lock"))
        return " (another program holds the xtables lock; --lock-wait sets how long to wait)";
    if (says(err, "lock file"))
        return " (the lock file must be writable; set XTABLES_LOCKFILE to a path that is)";
    return "";
}

/* A program without a suffix serves the back end that its version line names. */
static bool serves(const char *program, enum init_backend backend) {
    struct init_child c;
    init_child_init(&c);
    const char *const argv[] = {program, "--version", NULL};
    bool ok = init_child_run(&c, argv, WEFT_SLICE_EMPTY) == WEFT_OK && c.exit_code == 0;
    struct weft_slice v = weft_buf_slice(&c.out);
    bool nft = weft_slice_search(v, WEFT_SLICE_LIT("nf_tables")) < v.len;
    init_child_done(&c);
    return ok && nft == (backend == INIT_NFT);
}

static char *find(int family, enum init_backend backend, const char *verb) {
    const char *ip = family == 4 ? "iptables" : "ip6tables";
    WEFT_FREE char *suffixed = weft_asprintf("%s-%s-%s", ip, init_backend_name(backend), verb);
    char *path = init_child_find(suffixed);
    if (path) return path;
    WEFT_FREE char *plain = weft_asprintf("%s-%s", ip, verb);
    path = init_child_find(plain);
    if (path && serves(path, backend)) return path;
    free(path);
    return NULL;
}

/* Without -t, so that looking at legacy does not load its tables into the namespace. */
static void read_rules(struct init_place *p, struct weft_arena *a) {
    const char *const argv[] = {p->save, NULL};
    if (init_child_run(&p->read, argv, WEFT_SLICE_EMPTY) != WEFT_OK || p->read.exit_code != 0) {
        const char *more = hint(p, &p->read.err);
        p->absent = !*more && is_absent(&p->read.err);
        snprintf(p->why, sizeof p->why, WEFT_SLICE_FMT "%s",
                 WEFT_SLICE_ARG(first_line(&p->read.err)), more);
        return;
    }
    if (p->read.truncated) {
        snprintf(p->why, sizeof p->why, "%s shows more than 32 MiB of rules", p->save);
        return;
    }
    p->usable = true;
    init_saved_parse(a, weft_buf_slice(&p->read.out), &p->saved);
}

static void survey_one(struct init_place *p, bool no_ipv6, struct weft_arena *a) {
    init_child_init(&p->read);
    p->save = find(p->family, p->backend, "save");
    p->restore = find(p->family, p->backend, "restore");
    p->absent = no_ipv6 || !p->save || !p->restore;
    if (no_ipv6)
        snprintf(p->why, sizeof p->why, "this kernel has no IPv6");
    else if (p->absent)
        snprintf(p->why, sizeof p->why, "%s-%s-save and -restore are not installed",
                 p->family == 4 ? "iptables" : "ip6tables", init_backend_name(p->backend));
    else
        read_rules(p, a);
}

void init_places_survey(struct init_places *p, struct weft_arena *a) {
    *p = (struct init_places){0};
    bool no_ipv6 = access("/proc/net/if_inet6", F_OK) != 0;
    for (int f = 0; f < 2; f++)
        for (int b = 0; b < INIT_BACKENDS; b++) {
            p->at[f][b].family = f ? 6 : 4;
            p->at[f][b].backend = (enum init_backend)b;
            survey_one(&p->at[f][b], f && no_ipv6, a);
        }
}

void init_places_done(struct init_places *p) {
    for (int f = 0; f < 2; f++)
        for (int b = 0; b < INIT_BACKENDS; b++) {
            free(p->at[f][b].save);
            free(p->at[f][b].restore);
            init_child_done(&p->at[f][b].read);
        }
}

enum init_backend init_places_choose(const struct init_places *p, const struct init_options *o,
                                     bool *ret_only) {
    *ret_only = true;
    if (o->backend_forced) return o->backend;
    bool ours[INIT_BACKENDS], rules[INIT_BACKENDS];
    for (int b = 0; b < INIT_BACKENDS; b++) {
        const struct init_saved *v4 = &p->at[0][b].saved, *v6 = &p->at[1][b].saved;
        ours[b] = init_saved_ours(v4) || init_saved_ours(v6);
        rules[b] = ours[b] || v4->foreign || v6->foreign;
    }
    if (ours[INIT_NFT] != ours[INIT_LEGACY]) return ours[INIT_NFT] ? INIT_NFT : INIT_LEGACY;
    if (rules[INIT_NFT] != rules[INIT_LEGACY]) return rules[INIT_NFT] ? INIT_NFT : INIT_LEGACY;
    *ret_only = rules[INIT_NFT];
    return INIT_NFT;
}

enum init_outcome init_place_restore(const struct init_place *p, struct weft_slice text,
                                     uint64_t lock_wait_s, char *why, size_t why_size) {
    if (!p->usable) {
        snprintf(why, why_size, "%s", p->why);
        return p->absent ? INIT_ABSENT : INIT_FAILED;
    }
    struct init_child c;
    init_child_init(&c);
    char wait[32];
    snprintf(wait, sizeof wait, "--wait=%llu", (unsigned long long)lock_wait_s);
    const char *const argv[] = {p->restore, "--noflush", wait, NULL};
    enum weft_status st = init_child_run(&c, argv, text);
    enum init_outcome res = st == WEFT_OK && c.exit_code == 0 ? INIT_DONE : INIT_FAILED;
    const char *more = hint(p, &c.err);
    if (res == INIT_FAILED && !*more && is_absent(&c.err)) res = INIT_ABSENT;
    snprintf(why, why_size, WEFT_SLICE_FMT "%s", WEFT_SLICE_ARG(first_line(&c.err)), more);
    init_child_done(&c);
    return res;
}
