/* SPDX-License-Identifier: Apache-2.0
 * weft ca: what the mesh's certificates are signed with, whom the sidecars trust, and the root
 * replaced step by step. */
#include <cli/ca_adoption.h>
#include <cli/ca_rotate.h>
#include <cli/ca_view.h>
#include <cli/cli.h>

#include <stdio.h>
#include <string.h>
#include <weft/base/alloc.h>
#include <weft/base/options.h>
#include <weft/object/json.h>

struct options {
    const char *ns, *secret, *root_secret, *webhook, *trust_domain, *output, *kubeconfig, *context;
    bool force, start;
};
static const struct weft_option rows[] = {
    {"namespace", NULL, "NS", "Where the controllers are. Default weft-system.", weft_option_str,
     offsetof(struct options, ns), 0, 0, 'n'},
    {"output", NULL, "table|json", "status: default table.", weft_option_str,
     offsetof(struct options, output), 0, 0, 'o'},
    {"start", NULL, NULL, "rotate: begin, where nothing is under way.", weft_option_bool,
     offsetof(struct options, start)},
    {"force", NULL, NULL, "rotate: take the step although sidecars are behind; they are named.",
     weft_option_bool, offsetof(struct options, force)},
    {"trust-domain", NULL, "NAME",
     "rotate: of a new root. Default: that in the name of the root that signs.", weft_option_str,
     offsetof(struct options, trust_domain)},
    {"secret", NULL, "NAME", "The controllers' --ca-secret. Default weft-ca.", weft_option_str,
     offsetof(struct options, secret)},
    {"root-secret", NULL, "NAME", "The controllers' --ca-root-secret. Default weft-ca-root.",
     weft_option_str, offsetof(struct options, root_secret)},
    {"webhook-config", NULL, "NAME", "The controllers' --webhook-config. Default weft-injector.",
     weft_option_str, offsetof(struct options, webhook)},
    {"kubeconfig", NULL, "FILE",
     "The cluster of this file. Default: as kubectl, $KUBECONFIG or ~/.kube/config; inside a pod "
     "its own.",
     weft_option_str, offsetof(struct options, kubeconfig)},
    {"context", NULL, "NAME", "Context of the kubeconfig file. Default: its current one.",
     weft_option_str, offsetof(struct options, context)},
};
static const char usage[] = "Usage: weft ca [OPTIONS] status|rotate\n";

enum { NAMED = 10 };

struct call {
    const struct options *o;
    struct cli_ask ask;
    struct cli_ca_at at;
    struct cli_ca_adoption adoption;
};

static bool read_all(struct call *c) {
    c->at = (struct cli_ca_at){
        .ask = &c->ask, .ns = c->o->ns, .name = c->o->secret, .root_name = c->o->root_secret};
    c->adoption = (struct cli_ca_adoption){.ca = &c->at.ca, .behind = json_array()};
    return cli_ca_at_read(&c->at) && cli_ca_adoption_fetch(&c->adoption, &c->ask);
}

static void forget_all(struct call *c) {
    cli_ca_at_done(&c->at);
    json_decref(weft_take(&c->adoption.behind));
}

/* === status === */

static int status(struct call *c) {
    bool ok = read_all(c);
    if (ok && strcmp(c->o->output, "json") == 0)
        cli_ca_view_json(stdout, &c->at.ca, &c->adoption);
    else if (ok)
        cli_ca_view(stdout, &c->at.ca, &c->adoption);
    forget_all(c);
    return ok ? CLI_OK : CLI_FAILED;
}

/* === rotate === */

static void name_behind(const struct call *c) {
    size_t i, n = json_array_size(c->adoption.behind);
    json_t *b;
    json_array_foreach(c->adoption.behind, i, b) {
        if (i == NAMED) break;
        fprintf(stderr, "weft ca: %s %s\n", json_string_value(json_object_get(b, "pod")),
                json_string_value(json_object_get(b, "why")));
    }
    if (n > NAMED) fprintf(stderr, "weft ca: and %zu more\n", n - NAMED);
}

/* Has the step before arrived everywhere? It was printed where not. */
static bool may_take(struct call *c, enum cli_ca_step step) {
    const struct cli_ca_adoption *a = &c->adoption;
    bool waits = step == CLI_CA_SIGN || step == CLI_CA_FORGET;
    WEFT_FREE char *hook = waits ? cli_ca_hook_behind(&c->ask, c->o->webhook, &c->at.ca) : NULL;
    bool sidecars = cli_ca_has_arrived(a, step);
    if (sidecars && !hook) return true;
    if (!sidecars) name_behind(c);
    fprintf(stderr,
            "weft ca: of %zu sidecars %zu trust the roots that they are to, %zu have a certificate "
            "of the root that signs (they get it at two thirds of the old one's life)\n",
            a->n, a->bundle, a->root);
    if (hook) fprintf(stderr, "weft ca: %s\n", hook);
    return c->o->force;
}

static const char *domain_of(const struct call *c, char name[72]) {
    static const char prefix[] = "weft root ";
    WEFT_FREE struct weft_pki_cert *certs = NULL;
    size_t n = 0;
    if (c->o->trust_domain) return c->o->trust_domain;
    if (weft_pki_read(weft_buf_slice(&c->at.ca.chain), &certs, &n, NULL) != WEFT_OK) return NULL;
    snprintf(name, 72, "%s", certs[n - 1].name);
    return strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : NULL;
}

static bool take_step(struct call *c, const struct cli_ca_plan *p) {
    char name[72];
    const char *domain = domain_of(c, name);
    if (p->step == CLI_CA_NONE) {
        fprintf(stderr, "weft ca: %s\n", p->what);
        return false;
    }
    if (p->step == CLI_CA_BEGIN && !c->o->start) {
        fprintf(stderr, "weft ca: no rotation is under way; --start begins one\n");
        return false;
    }
    if (p->step == CLI_CA_BEGIN && !domain) {
        fprintf(stderr, "weft ca: --trust-domain is needed, as the root's name does not tell it\n");
        return false;
    }
    if (!may_take(c, p->step)) {
        fprintf(stderr, "weft ca: not yet: %s; it waits until %s\n", p->what, p->until);
        return false;
    }
    if (!cli_ca_take(&c->at, p->step, domain)) return false;
    printf("done: %s\n", p->what);
    return true;
}

/* What belongs to a step and needs no waiting is done with it. */
static bool goes_on(enum cli_ca_step taken) {
    return taken == CLI_CA_BEGIN || taken == CLI_CA_FORGET;
}

static void say_next(struct call *c) {
    if (!cli_ca_at_read(&c->at)) return;
    struct cli_ca_plan p = cli_ca_next(&c->at.ca);
    if (p.step == CLI_CA_BEGIN)
        printf("the root is replaced\n");
    else if (p.until)
        printf("next: %s, as soon as %s: weft ca rotate\n", p.what, p.until);
}

static int rotate(struct call *c) {
    struct cli_ca_plan p = {0};
    bool ok = true;
    for (bool more = true; ok && more; more = goes_on(p.step)) {
        ok = read_all(c);
        if (ok) p = cli_ca_next(&c->at.ca);
        ok = ok && take_step(c, &p);
        forget_all(c);
    }
    if (ok) say_next(c);
    forget_all(c);
    return ok ? CLI_OK : CLI_FAILED;
}

/* === the command === */

static const struct {
    const char *name;
    int (*fn)(struct call *c);
    const char *help;
} verbs[] = {
    {"status", status, "who signs, until when; which roots are trusted, and by which sidecars"},
    {"rotate", rotate,
     "replaces the root: takes the next step, if the last has arrived everywhere"},
};

static int help(void) {
    printf("%s\nLooks after the authority of the mesh in a cluster; reads and writes its Secrets,\n"
           "and asks every sidecar (get pods/proxy).\n\nVerbs:\n",
           usage);
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
    printf(
        "\nrotate is called three times: with --start a new root is made and trusted beside the\n"
        "old one; then it signs; then the old one is forgotten. It can be stopped anywhere and\n"
        "gone on with. Exit status: 0 done; 1 refused, with the reason, or not read; 2 wrong "
        "usage.\n\nOptions:\n");
    weft_options_print(stdout, rows, WEFT_LEN(rows));
    return CLI_OK;
}

static int call_verb(int (*fn)(struct call *c), const struct options *o) {
    struct call c = {.o = o};
    struct weft_error err = {0};
    int code = CLI_FAILED;
    if (cli_ask_init(&c.ask, o->kubeconfig, o->context, &err) == WEFT_OK)
        code = fn(&c);
    else
        fprintf(stderr, "weft ca: %s: %s\n", err.path, err.message);
    cli_ask_done(&c.ask);
    return code;
}

int cmd_ca(int argc, char **argv) {
    struct options o = {.ns = "weft-system",
                        .secret = "weft-ca",
                        .root_secret = "weft-ca-root",
                        .webhook = "weft-injector",
                        .output = "table"};
    struct weft_option_result r;
    struct weft_error err = {0};
    if (weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, &o, &r, &err) != WEFT_OK) {
        fprintf(stderr, "weft ca: %s: %s\n%s", err.path, err.message, usage);
        return CLI_USAGE;
    }
    if (r.help) return help();
    if (r.version) return cmd_version(1, argv);
    if (argc - r.rest != 1 || (strcmp(o.output, "json") != 0 && strcmp(o.output, "table") != 0)) {
        fprintf(stderr, "%s", usage);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < WEFT_LEN(verbs); i++)
        if (strcmp(verbs[i].name, argv[r.rest]) == 0) return call_verb(verbs[i].fn, &o);
    fprintf(stderr, "weft ca: \"%s\" is not known\n%s", argv[r.rest], usage);
    return CLI_USAGE;
}
