/* SPDX-License-Identifier: Apache-2.0
 * A probe as a manifest writes it. */
#include <cli/local/container.h>
#include <cli/local/jsonx.h>
#include <cli/local/probe.h>
#include <string.h>
#include <weft/base/alloc.h>

static uint16_t port_of(const json_t *action, const json_t *container) {
    json_t *port = json_object_get(action, "port");
    if (json_is_integer(port)) return (uint16_t)json_integer_value(port);
    const char *name = json_string_value(port);
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(container, "ports"), i,
                       p) if (name && strcmp(local_str(p, "name", ""), name) ==
                                          0) return (uint16_t)local_int(p, "containerPort", 0);
    return 0;
}

/* Adds the probe's httpHeaders; a Host among them replaces ours. */
static void add_headers(struct local_probe *p, const json_t *headers) {
    size_t i;
    json_t *h;
    p->request[strlen(p->request) - 2] = 0; /* the empty line */
    json_array_foreach(headers, i, h) {
        const char *name = local_str(h, "name", ""), *value = local_str(h, "value", "");
        char *old = p->request;
        if (strcasecmp(name, "host") == 0) {
            char *at = strstr(old, "Host: "), *end = strstr(at, "\r\n");
            p->request = weft_asprintf("%.*sHost: %s%s", (int)(at - old), old, value, end);
        } else {
            p->request = weft_asprintf("%s%s: %s\r\n", old, name, value);
        }
        free(old);
    }
    char *old = p->request;
    p->request = weft_asprintf("%s\r\n", old);
    free(old);
}

static void init_exec(struct local_probe *p, const json_t *command, const char *bin_dir) {
    size_t n = json_array_size(command);
    if (n == 0) return;
    p->kind = LOCAL_PROBE_EXEC;
    p->argv = weft_alloc0((n + 1) * sizeof *p->argv);
    for (size_t i = 0; i < n; i++) {
        const char *word = json_string_value(json_array_get(command, i));
        p->argv[i] = weft_strdup(word ? word : "");
    }
    p->program = local_find_program(p->argv[0], bin_dir);
}

static uint64_t seconds(const json_t *spec, const char *key, json_int_t otherwise) {
    json_int_t s = local_int(spec, key, otherwise);
    return s < 0 ? 0 : (uint64_t)s * 1000000;
}

static unsigned threshold(const json_t *spec, const char *key, json_int_t otherwise) {
    json_int_t n = local_int(spec, key, otherwise);
    return n < 1 ? 1 : (unsigned)n;
}

void local_probe_init(struct local_probe *p, struct local_reactor *r, struct local_journal *j,
                      int netns, const json_t *spec, const json_t *container, const char *ip,
                      const char *bin_dir) {
    json_t *http = json_object_get(spec, "httpGet"), *tcp = json_object_get(spec, "tcpSocket");
    bool tls = http && strcasecmp(local_str(http, "scheme", "HTTP"), "HTTPS") == 0;
    local_probe_init_tcp(p, r, j, netns, ip, port_of(http ? http : tcp, container));
    if (http) {
        WEFT_FREE char *path = weft_strdup(local_str(http, "path", "/"));
        local_probe_init_http(p, r, j, netns, ip, p->addr.port, path);
        add_headers(p, json_object_get(http, "httpHeaders"));
        if (tls && p->kind != LOCAL_PROBE_NONE) p->kind = LOCAL_PROBE_HTTPS;
    } else if (!http && !tcp) {
        p->kind = LOCAL_PROBE_NONE;
        init_exec(p, local_get(spec, "exec.command"), bin_dir);
    }
    p->delay_us = seconds(spec, "initialDelaySeconds", 0);
    p->period_us = seconds(spec, "periodSeconds", 10);
    p->timeout_us = seconds(spec, "timeoutSeconds", 1);
    if (p->period_us == 0) p->period_us = 1000000;
    if (p->timeout_us == 0) p->timeout_us = 1000000;
    if (p->fast_us > p->period_us) p->fast_us = p->period_us;
    p->need_ok = threshold(spec, "successThreshold", 1);
    p->need_bad = threshold(spec, "failureThreshold", 3);
}
