/* SPDX-License-Identifier: Apache-2.0
 * Templates and values to manifests: what `weft install`, `upgrade` and `uninstall` print. */
#include <cli/install.h>

#include <ctype.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/check.h>
#include <weft/object/yaml.h>

struct row {
    const char *name, *value;
    size_t offset;
};
static const struct row rows[] = {
#define X(member, flag, metavar, value, help)                                                      \
    {flag, value, offsetof(struct cli_install_values, member)},
    CLI_INSTALL_MAP(X)
#undef X
};

static const char *value_of(const struct cli_install_values *v, const struct row *r) {
    return *(const char *const *)((const char *)v + r->offset);
}

void cli_install_defaults(struct cli_install_values *v) {
    *v = (struct cli_install_values){
#define X(member, flag, metavar, value, help) .member = (value),
        CLI_INSTALL_MAP(X)
#undef X
    };
}

/* === judging: a value stands in YAML as it is, so only plain characters are taken === */

static bool is_plain(const char *s) {
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._:/@-", *s)) return false;
    return true;
}

/* A DNS label, as namespaces are named. */
static bool is_label(const char *s) {
    size_t n = strlen(s);
    if (n == 0 || n > 63 || s[0] == '-' || s[n - 1] == '-') return false;
    for (; *s; s++)
        if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '-') return false;
    return true;
}

static bool one_of(const char *s, const char *const *words) {
    for (; *words; words++)
        if (!strcmp(s, *words)) return true;
    return false;
}

enum weft_status cli_install_judge(const struct cli_install_values *v, struct weft_error *err) {
    static const char *const policies[] = {"Always", "IfNotPresent", "Never", NULL};
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        WEFT_FREE char *flag = weft_asprintf("--%s", rows[i].name);
        const char *s = value_of(v, &rows[i]);
        if (!is_plain(s) || strlen(s) > 255 || (!*s && *rows[i].value))
            return weft_error_set(err, WEFT_INVALID, flag,
                                  "\"%s\": use letters, digits and . _ : / @ -", s);
    }
    if (!is_label(v->namespace))
        return weft_error_set(err, WEFT_INVALID, "--namespace", "\"%s\" names no namespace",
                              v->namespace);
    if (strspn(v->replicas, "0123456789") != strlen(v->replicas) || strlen(v->replicas) > 2 ||
        v->replicas[0] == '0')
        return weft_error_set(err, WEFT_INVALID, "--replicas", "\"%s\": use 1 to 99", v->replicas);
    if (!one_of(v->image_pull_policy, policies))
        return weft_error_set(err, WEFT_INVALID, "--image-pull-policy",
                              "\"%s\": use Always, IfNotPresent or Never", v->image_pull_policy);
    if (!one_of(v->log_level, levels))
        return weft_error_set(err, WEFT_INVALID, "--log-level",
                              "\"%s\": use error, warn, info or debug", v->log_level);
    return WEFT_OK;
}

/* === rendering === */

static void put_value(const struct cli_install_values *v, struct weft_slice name,
                      struct weft_buf *out) {
    static const struct weft_slice image = {"image-", 6};
    for (size_t i = 0; i < WEFT_LEN(rows); i++) {
        if (!weft_slice_eq(name, weft_slice_str(rows[i].name))) continue;
        const char *s = value_of(v, &rows[i]);
        struct weft_slice program = weft_slice_from(name, image.len);
        if (*s)
            weft_buf_str(out, s);
        else
            weft_buf_printf(out, "%s/weft-" WEFT_SLICE_FMT ":%s", v->image_registry,
                            WEFT_SLICE_ARG(program), v->image_tag);
        return;
    }
    WEFT_CHECK(!"a template names a value that does not exist");
}

static void put_template(const struct cli_install_values *v, const char *text,
                         struct weft_buf *out) {
    for (const char *at; (at = strstr(text, "%{"));) {
        const char *end = strchr(at, '}');
        WEFT_CHECK(end);
        weft_buf_append(out, weft_slice(text, (size_t)(at - text)));
        put_value(v, weft_slice(at + 2, (size_t)(end - at - 2)), out);
        text = end + 1;
    }
    weft_buf_str(out, text);
}

void cli_install_render(const struct cli_install_values *v, struct weft_buf *out) {
    for (const struct cli_embedded *t = cli_install_templates; t->name; t++) {
        if (t != cli_install_templates) weft_buf_str(out, "---\n");
        put_template(v, t->text, out);
    }
}

/* === removal === */

struct removal {
    char **items;
    size_t n;
};

static void on_document(void *ud, json_t *value, json_t *lines, int line) {
    struct removal *r = ud;
    const char *version = NULL, *kind = NULL, *name = NULL, *ns = NULL;
    int bad = json_unpack(value, "{s:s, s:s, s:{s:s, s?s}}", "apiVersion", &version, "kind", &kind,
                          "metadata", "name", &name, "namespace", &ns);
    WEFT_CHECK(!bad);
    r->items = weft_realloc(r->items, (r->n + 1) * sizeof *r->items);
    r->items[r->n++] =
        weft_asprintf("apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n%s%s%s", version, kind,
                      name, ns ? "  namespace: " : "", ns ? ns : "", ns ? "\n" : "");
    json_decref(value);
    json_decref(lines);
}

void cli_install_render_removal(const struct cli_install_values *v, struct weft_buf *out) {
    struct removal r = {0};
    struct weft_buf all;
    weft_buf_init(&all, 0);
    cli_install_render(v, &all);
    WEFT_CHECK(weft_yaml_parse(weft_buf_slice(&all), on_document, &r, NULL) == WEFT_OK);
    for (size_t i = r.n; i-- > 0;) {
        weft_buf_printf(out, "%s%s", i + 1 < r.n ? "---\n" : "", r.items[i]);
        free(r.items[i]);
    }
    free(r.items);
    weft_buf_done(&all);
}
