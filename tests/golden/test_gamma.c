/* SPDX-License-Identifier: Apache-2.0
 * Translation against golden files: each folder gamma/<case> holds
 *   in.yaml        manifests; its first lines say what is shown and cite the requirements
 *   from           the client's namespace
 *   channel        optional: "standard" (default experimental)
 *   addresses      optional: further ADDR:PORT lines to resolve, beside ClusterIPs and meshed pods
 *   snapshot.json  what a proxy of that namespace knows
 *   status.json    faults of validation, and the status of each route
 * WEFT_UPDATE_GOLDEN=1 writes the last two; read them before you keep them. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cli/view.h>
#include <weft/base/alloc.h>
#include <weft/mesh/dump.h>

#define CASES WEFT_SOURCE_DIR "/tests/golden/gamma/"

static char *read_file(const char *dir, const char *name) {
    WEFT_FREE char *path = weft_asprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    if (!f) return NULL;
    struct weft_buf b;
    weft_buf_init(&b, 0);
    for (size_t n = 1; n;) {
        n = fread(weft_buf_reserve(&b, 4096), 1, 4096, f);
        weft_buf_commit(&b, n);
    }
    fclose(f);
    char *text = weft_slice_dup(weft_buf_slice(&b));
    weft_buf_done(&b);
    return text;
}

static char *read_word(const char *dir, const char *name, const char *missing) {
    WEFT_FREE char *text = read_file(dir, name);
    char *line = weft_strdup(text ? text : missing);
    line[strcspn(line, "\r\n")] = 0;
    return line;
}

struct load {
    struct weft_store *store;
    bool experimental;
    json_t *faults;
};

static void add_fault(struct load *l, const struct weft_error *err) {
    json_array_append_new(l->faults, json_pack("{s:i, s:s, s:s}", "line", err->line, "path",
                                               err->path, "message", err->message));
}

static void on_object(void *ud, struct weft_object *o) {
    struct load *l = ud;
    struct weft_error err;
    if (weft_object_validate(o, l->experimental, &err) == WEFT_OK) {
        weft_store_put(l->store, o);
        return;
    }
    add_fault(l, &err);
    weft_object_free(o);
}

/* Addresses that nothing enumerates: what do they mean? */
static void add_addresses(const struct weft_gamma *g, const char *from, char *lines, json_t *all) {
    json_t *dests = json_object_get(all, "destinations");
    for (char *at = lines, *line; at && (line = strsep(&at, "\n"));) {
        struct weft_addr addr;
        if (!weft_addr_parse(weft_slice_str(line), &addr)) continue;
        struct weft_destination *d = weft_gamma_destination(g, weft_slice_str(from), &addr);
        WEFT_FREE char *name = weft_slice_dup(d->name);
        json_object_set_new(dests, name, weft_dump_destination(d));
        weft_destination_unref(d);
    }
}

static void compare(const char *dir, const char *name, const json_t *value) {
    WEFT_FREE char *text = weft_dump_text(value), *path = weft_asprintf("%s/%s", dir, name);
    WEFT_FREE char *golden = read_file(dir, name);
    if (getenv("WEFT_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        return;
    }
    if (!golden) fail_msg("%s is missing: WEFT_UPDATE_GOLDEN=1 writes it", path);
    size_t line = 1, i = 0;
    for (; text[i] && text[i] == golden[i]; i++) line += text[i] == '\n';
    if (text[i] != golden[i]) {
        print_message("---- now:\n%s", text);
        fail_msg("%s differs from line %zu on", path, line);
    }
}

static void run_case(void **state) {
    const char *dir = *state;
    WEFT_FREE char *from = read_word(dir, "from", "default");
    WEFT_FREE char *channel = read_word(dir, "channel", "experimental");
    WEFT_FREE char *grants = read_word(dir, "grants", "");
    WEFT_FREE char *in = read_file(dir, "in.yaml"), *addresses = read_file(dir, "addresses");
    assert_non_null(in);
    struct load l = {weft_store_new(), !strcmp(channel, "experimental"), json_array()};
    struct weft_error err;
    if (weft_object_parse(weft_slice_str(in), "in.yaml", on_object, &l, &err) != WEFT_OK)
        add_fault(&l, &err);
    const struct weft_gamma_options opt = {.experimental = l.experimental,
                                           .require_reference_grant = !strcmp(grants, "required")};
    struct weft_gamma *g = weft_gamma_new(l.store, &opt);
    json_t *status = json_pack("{s:o, s:o}", "faults", l.faults, "routes", weft_gamma_status(g));
    struct weft_snapshot s;
    cli_view(g, weft_slice_str(from), &s);
    json_t *all = weft_dump_all(s.destinations, s.n_destinations, s.endpoints, s.n_endpoints,
                                s.inbound, s.n_inbound);
    add_addresses(g, from, addresses, all);
    weft_snapshot_done(&s);
    weft_gamma_free(g);
    weft_store_free(l.store);
    compare(dir, "snapshot.json", all);
    compare(dir, "status.json", status);
    json_decref(all);
    json_decref(status);
}

int main(void) {
    glob_t found;
    if (glob(CASES "*", GLOB_ONLYDIR, NULL, &found) != 0 || found.gl_pathc == 0) return 1;
    struct CMUnitTest *tests = weft_alloc0(found.gl_pathc * sizeof *tests);
    for (size_t i = 0; i < found.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){.name = found.gl_pathv[i] + strlen(CASES),
                                       .test_func = run_case,
                                       .initial_state = found.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("golden gamma", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
