/* SPDX-License-Identifier: Apache-2.0
 * A container's manifest as arguments and environment. */
#include <cli/local/container.h>
#include <cli/local/jsonx.h>
#include <string.h>
#include <unistd.h>
#include <weft/base/alloc.h>
#include <weft/base/buf.h>

/* A growing NULL-terminated list of strings. */
static char **list_add(char **list, size_t *n, char *s) {
    list = weft_realloc(list, (*n + 2) * sizeof *list);
    list[(*n)++] = s;
    list[*n] = NULL;
    return list;
}

static char **list_free(char **list) {
    for (size_t i = 0; list && list[i]; i++) free(list[i]);
    free(list);
    return NULL;
}

/* The value of NAME in "NAME=value" strings; the last one wins. */
static const char *env_find(char **env, size_t n, struct weft_slice name) {
    while (n > 0) {
        const char *e = env[--n];
        if (strncmp(e, name.base, name.len) == 0 && e[name.len] == '=') return e + name.len + 1;
    }
    return NULL;
}

/* $(NAME) becomes its value, unknown names stay, $$ is a dollar sign. */
static char *expand(const char *s, char **env, size_t n_env) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    while (*s) {
        const char *close = s[0] == '$' && s[1] == '(' ? strchr(s, ')') : NULL;
        const char *value =
            close ? env_find(env, n_env, weft_slice(s + 2, (size_t)(close - s - 2))) : NULL;
        if (s[0] == '$' && s[1] == '$') s++;
        if (value) {
            (void)weft_buf_str(&out, value);
            s = close + 1;
        } else {
            (void)weft_buf_char(&out, *s++);
        }
    }
    char *copy = weft_slice_dup(weft_buf_slice(&out));
    weft_buf_done(&out);
    return copy;
}

/* metadata.labels['app'] → the label; anything else by its path. */
static const char *field_value(const json_t *pod, const char *path) {
    static const char *const maps[] = {"metadata.labels", "metadata.annotations"};
    for (size_t i = 0; i < WEFT_LEN(maps); i++) {
        size_t len = strlen(maps[i]);
        if (strncmp(path, maps[i], len) != 0 || strncmp(path + len, "['", 2) != 0) continue;
        struct weft_slice key = weft_slice_from(weft_slice_str(path), len + 2);
        WEFT_FREE char *k = weft_slice_dup(weft_slice_head(key, weft_slice_find(key, '\'')));
        const char *v = local_label(pod, maps[i], k);
        return v ? v : "";
    }
    return local_str(pod, path, "");
}

/* "10.244.0.2,fd00::2" */
static char *pod_ips(const json_t *pod) {
    struct weft_buf out;
    weft_buf_init(&out, 0);
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(pod, "status.podIPs"), i, ip)(void)
        weft_buf_printf(&out, "%s%s", i ? "," : "", local_str(ip, "ip", ""));
    char *copy = weft_slice_dup(weft_buf_slice(&out));
    weft_buf_done(&out);
    return copy;
}

static char *env_entry(const json_t *pod, const json_t *e, char **env, size_t n) {
    const char *name = local_str(e, "name", "");
    const char *field = local_str(e, "valueFrom.fieldRef.fieldPath", NULL);
    WEFT_FREE char *value = NULL;
    if (field && strcmp(field, "status.podIPs") == 0)
        value = pod_ips(pod);
    else
        value = field ? weft_strdup(field_value(pod, field))
                      : expand(local_str(e, "value", ""), env, n);
    return weft_asprintf("%s=%s", name, value);
}

static char **make_env(const json_t *pod, const json_t *container) {
    size_t n = 0, i;
    char **env = NULL;
    json_t *e;
    env = list_add(
        env, &n, weft_strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    env = list_add(env, &n, weft_asprintf("HOSTNAME=%s", local_str(pod, "metadata.name", "")));
    env = list_add(env, &n, weft_strdup("HOME=/"));
    json_array_foreach(json_object_get(container, "env"), i, e) env =
        list_add(env, &n, env_entry(pod, e, env, n));
    return env;
}

static size_t count(char **list) {
    size_t n = 0;
    while (list && list[n]) n++;
    return n;
}

static char **add_words(char **argv, size_t *n, const json_t *words, char **env) {
    size_t i;
    json_t *w;
    json_array_foreach(words, i, w) argv = list_add(
        argv, n, expand(json_string_value(w) ? json_string_value(w) : "", env, count(env)));
    return argv;
}

char *local_image_program(const char *image) {
    const char *slash = strrchr(image, '/');
    struct weft_slice s = weft_slice_str(slash ? slash + 1 : image);
    s = weft_slice_head(s, weft_slice_find(s, '@'));
    return weft_slice_dup(weft_slice_head(s, weft_slice_find(s, ':')));
}

void local_command_init(struct local_command *c, const json_t *pod, const json_t *container) {
    *c = (struct local_command){.envp = make_env(pod, container)};
    size_t n = 0;
    c->argv = add_words(NULL, &n, json_object_get(container, "command"), c->envp);
    if (n == 0)
        c->argv = list_add(c->argv, &n, local_image_program(local_str(container, "image", "")));
    c->argv = add_words(c->argv, &n, json_object_get(container, "args"), c->envp);
    c->cwd = local_str(container, "workingDir", "/");
}

void local_command_done(struct local_command *c) {
    c->argv = list_free(c->argv);
    c->envp = list_free(c->envp);
}

static char *found_at(char *path) {
    if (access(path, X_OK) == 0) return path;
    free(path);
    return NULL;
}

char *local_find_program(const char *name, const char *bin_dir) {
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    if (*last == 0) return NULL;
    char *path = slash ? found_at(weft_strdup(name)) : NULL;
    if (!path && bin_dir) path = found_at(weft_asprintf("%s/%s", bin_dir, last));
    const char *env = getenv("PATH");
    struct weft_slice rest = weft_slice_str(env ? env : "/usr/sbin:/usr/bin:/sbin:/bin");
    while (!path && rest.base) {
        struct weft_slice dir = weft_slice_cut(&rest, ':');
        if (dir.len) path = found_at(weft_asprintf("%.*s/%s", WEFT_SLICE_ARG(dir), last));
    }
    return path;
}
