/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/obs/process.h>

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <weft/base/clock.h>
#include <weft/base/file.h>

static void family(struct weft_buf *out, const char *name, const char *kind, const char *help) {
    weft_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void gauge(struct weft_buf *out, const char *name, const char *help, uint64_t v) {
    family(out, name, "gauge", help);
    weft_buf_printf(out, "%s %llu\n", name, (unsigned long long)v);
}

static uint64_t millis(struct timeval t) {
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_usec / 1000;
}

static void cpu(struct weft_buf *out) {
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) return;
    uint64_t ms = millis(u.ru_utime) + millis(u.ru_stime);
    family(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent.");
    weft_buf_printf(out, "process_cpu_seconds_total %llu.%03llu\n", (unsigned long long)(ms / 1000),
                    (unsigned long long)(ms % 1000));
}

static void files(struct weft_buf *out) {
    struct rlimit r;
    uint64_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (d) {
        while (readdir(d)) n++;
        closedir(d);
        gauge(out, "process_open_fds", "Open file descriptors.", n > 3 ? n - 3 : 0);
    }
    if (getrlimit(RLIMIT_NOFILE, &r) == 0)
        gauge(out, "process_max_fds", "Most file descriptors that may be open.", r.rlim_cur);
}

/* The words of a file of /proc; empty when it cannot be read. */
static struct weft_slice words_of(const char *path, struct weft_buf *b) {
    weft_buf_init(b, 64 * 1024);
    return weft_file_read(path, b) == WEFT_OK ? weft_buf_slice(b) : WEFT_SLICE_EMPTY;
}

static uint64_t nth(struct weft_slice words, unsigned n) {
    uint64_t v = 0;
    struct weft_slice w = WEFT_SLICE_EMPTY;
    for (unsigned i = 0; i < n; i++) w = weft_slice_cut(&words, ' ');
    return weft_slice_u64(w, UINT64_MAX, &v) ? v : 0;
}

/* proc(5), statm: pages of virtual and of resident memory. */
static void memory(struct weft_buf *out) {
    struct weft_buf b;
    struct weft_slice words = words_of("/proc/self/statm", &b);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (words.len) {
        gauge(out, "process_virtual_memory_bytes", "Virtual memory.", nth(words, 1) * page);
        gauge(out, "process_resident_memory_bytes", "Resident memory.", nth(words, 2) * page);
    }
    weft_buf_done(&b);
}

/* proc(5), stat: the 22nd word is the start in clock ticks since boot; the second is in brackets
 * and may hold spaces. */
static void start(struct weft_buf *out) {
    struct weft_buf b;
    struct timespec up;
    struct weft_slice text = words_of("/proc/self/stat", &b);
    size_t end = text.len;
    while (end && text.base[end - 1] != ')') end--;
    if (end + 1 < text.len && clock_gettime(CLOCK_BOOTTIME, &up) == 0) {
        uint64_t began = nth(weft_slice_from(text, end + 1), 20) / (uint64_t)sysconf(_SC_CLK_TCK);
        uint64_t boot = weft_clock_unix_us() / 1000000 - (uint64_t)up.tv_sec;
        gauge(out, "process_start_time_seconds", "When it started, as Unix time.", boot + began);
    }
    weft_buf_done(&b);
}

void weft_process_metrics_text(struct weft_buf *out) {
    cpu(out);
    memory(out);
    files(out);
    start(out);
}
