/* SPDX-License-Identifier: Apache-2.0
 * CPU limit from cgroup v1 or v2, as a container sees it below /sys/fs/cgroup. */
#include <sidecar/cpus.h>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

enum { MOST = 2 };

static unsigned hundredths(struct weft_slice quota, struct weft_slice period) {
    uint64_t q, p;
    if (!weft_slice_u64(weft_slice_trim(quota), UINT32_MAX, &q) ||
        !weft_slice_u64(weft_slice_trim(period), UINT32_MAX, &p) || !p)
        return 0;
    return (unsigned)(q * 100 / p);
}

static struct weft_slice chomp(struct weft_slice s) {
    while (s.len && (s.base[s.len - 1] == '\n' || s.base[s.len - 1] == ' ')) s.len--;
    return s;
}

unsigned proxy_cpu_limit_v2(struct weft_slice cpu_max) {
    struct weft_slice rest = chomp(cpu_max);
    struct weft_slice quota = weft_slice_cut(&rest, ' ');
    return hundredths(quota, rest); /* "max" is no number: no limit */
}

unsigned proxy_cpu_limit_v1(struct weft_slice quota, struct weft_slice period) {
    return hundredths(chomp(quota), chomp(period)); /* -1 is no number: no limit */
}

static struct weft_slice read_small(const char *path, char *buf, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return WEFT_SLICE_EMPTY;
    ssize_t n = read(fd, buf, cap);
    close(fd);
    return weft_slice(buf, n > 0 ? (size_t)n : 0);
}

static unsigned limit(void) {
    char a[64], b[64];
    struct weft_slice v2 = read_small("/sys/fs/cgroup/cpu.max", a, sizeof a);
    if (v2.len) return proxy_cpu_limit_v2(v2);
    struct weft_slice quota = read_small("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", a, sizeof a);
    struct weft_slice period = read_small("/sys/fs/cgroup/cpu/cpu.cfs_period_us", b, sizeof b);
    return proxy_cpu_limit_v1(quota, period);
}

unsigned proxy_default_workers(void) {
    unsigned n = MOST, hundred = limit();
    if (hundred && (hundred + 99) / 100 < n) n = (hundred + 99) / 100;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && (unsigned)CPU_COUNT(&set) < n)
        n = (unsigned)CPU_COUNT(&set);
    return n ? n : 1;
}
