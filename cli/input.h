/* SPDX-License-Identifier: Apache-2.0
 * What all commands over manifests share: the options, the folders, the store and gamma made of
 * them. */
#pragma once
#include <stdio.h>
#include <weft/base/options.h>
#include <weft/gamma/gamma.h>

enum { CLI_MAX_PATHS = 32, CLI_MAX_HEADERS = 64 };

struct cli_options {
    const char *paths[CLI_MAX_PATHS];
    size_t n_paths;
    const char *from;    /* client namespace */
    const char *channel; /* "standard" or "experimental" */
    const char *trust_domain;
    const char *output;
    const char *method;
    const char *grpc; /* SERVICE/METHOD */
    const char *log_line, *request_id;
    bool allow_encoded_slashes;
    const char *headers[CLI_MAX_HEADERS];
    size_t n_headers;
    bool experimental, require_grant;
    bool channel_given;
    const char *kubeconfig, *context; /* without paths: the cluster */
    bool traffic;
    const char *local_name, *local_state_dir; /* with paths: the mesh whose traffic it is */
};

/* Option rows; a command lists those it takes. */
enum weft_status cli_set_path(void *, const struct weft_option *, const char *,
                              struct weft_error *);
enum weft_status cli_set_header(void *, const struct weft_option *, const char *,
                                struct weft_error *);
enum weft_status cli_set_channel(void *, const struct weft_option *, const char *,
                                 struct weft_error *);
#define CLI_ROW_FILE                                                                               \
    {                                                                                              \
        .flag = "file", .metavar = "PATH",                                                         \
        .help = "Folder (searched through) or file of Kubernetes manifests, YAML or JSON. "        \
                "Repeatable. Default: the live cluster.",                                          \
        .set = cli_set_path, .short_flag = 'f'                                                     \
    }
#define CLI_ROW_KUBECONFIG                                                                         \
    {                                                                                              \
        .flag = "kubeconfig", .metavar = "FILE",                                                   \
        .help = "Without -f: the cluster of this file. Default: as kubectl, $KUBECONFIG or "       \
                "~/.kube/config; inside a pod its own.",                                           \
        .set = weft_option_str, .offset = offsetof(struct cli_options, kubeconfig)                 \
    }
#define CLI_ROW_CONTEXT                                                                            \
    {                                                                                              \
        .flag = "context", .metavar = "NAME",                                                      \
        .help = "Context of the kubeconfig file. Default: its current one.",                       \
        .set = weft_option_str, .offset = offsetof(struct cli_options, context)                    \
    }
#define CLI_ROW_FROM                                                                               \
    {                                                                                              \
        .flag = "from", .env = "WEFT_FROM", .metavar = "NAMESPACE",                                \
        .help = "Namespace of the client: its consumer routes apply. Default: default.",           \
        .set = weft_option_str, .offset = offsetof(struct cli_options, from)                       \
    }
#define CLI_ROW_CHANNEL                                                                            \
    {                                                                                              \
        .flag = "channel", .env = "WEFT_CHANNEL", .metavar = "CHANNEL",                            \
        .help =                                                                                    \
            "Gateway API channel: standard or experimental. Default: experimental; of a cluster "  \
            "what its CRDs say.",                                                                  \
        .set = cli_set_channel                                                                     \
    }
#define CLI_ROW_GRANT                                                                              \
    {                                                                                              \
        .flag = "require-reference-grant", .env = "WEFT_REQUIRE_REFERENCE_GRANT",                  \
        .help = "As the controller's option: backends in other namespaces need a ReferenceGrant.", \
        .set = weft_option_bool, .offset = offsetof(struct cli_options, require_grant),            \
    }
#define CLI_ROW_TRUST_DOMAIN                                                                       \
    {                                                                                              \
        .flag = "trust-domain", .env = "WEFT_TRUST_DOMAIN", .metavar = "DOMAIN",                   \
        .help = "Trust domain of SPIFFE IDs. Default: cluster.local.", .set = weft_option_str,     \
        .offset = offsetof(struct cli_options, trust_domain)                                       \
    }
#define CLI_ROW_OUTPUT(text)                                                                       \
    {                                                                                              \
        .flag = "output", .metavar = "WHAT", .help = text, .set = weft_option_str,                 \
        .offset = offsetof(struct cli_options, output), .short_flag = 'o'                          \
    }

struct cli_command {
    const char *usage; /* "weft compile -f PATH ..." */
    const char *about; /* what it does, exit codes */
    const struct weft_option *rows;
    size_t n_rows;
    size_t max_operands;
    bool operands_optional;
};
/* Fills `ret` with defaults and the command line. -1: go on; else the exit status (--help was
 * printed, or what is wrong). */
int cli_parse(const struct cli_command *c, int argc, char **argv, struct cli_options *ret,
              const char **ret_operand);

struct cli_fault {
    char *file; /* of a live cluster: "HTTPRoute ns/name" */
    struct weft_error error;
};
struct cli_input {
    struct weft_store *store;
    struct weft_gamma *gamma;
    struct cli_fault *faults; /* of broken files, or of objects that are not understood */
    size_t n_faults;
    char **placeholders; /* "ns/name": Services that got an address because they had none */
    size_t n_placeholders;
    bool live;      /* a cluster, no manifests */
    int unreadable; /* an error was printed, and this is the exit status; 0: all was read */
};
/* Reads the folders, or without any the cluster (whose channel goes into `opt`). Services without a
 * ClusterIP get one of 240.0.0.0/8 (reserved, never used on a network), so that they can be talked
 * about. */
void cli_input_init(struct cli_input *in, struct cli_options *opt);
void cli_input_done(struct cli_input *in);
void cli_input_fault(struct cli_input *in, const char *file, const struct weft_error *err);
/* "file:line: field: message" of every fault, on stderr; returns how many make the input broken: in
 * a live cluster none, as what is understood is in force. */
size_t cli_print_faults(const struct cli_input *in);
