/* SPDX-License-Identifier: Apache-2.0
 * The authority as its two Secrets tell it, and what the next step of replacing the root is. Pure:
 * where a replacement stands is read from the Secrets alone, so that it can be gone on with after
 * any interruption, from anywhere. */
#pragma once
#include <jansson.h>
#include <weft/net/tls.h>

/* Members of the root's Secret while it is replaced, beside tls.crt and tls.key. */
#define CLI_CA_NEXT_CERT "next.crt"
#define CLI_CA_NEXT_KEY  "next.key"
#define CLI_CA_PREVIOUS  "previous.crt"

struct cli_ca {
    struct weft_buf chain, more;          /* PEM: who signs, up to the root; what else is trusted */
    struct weft_buf root, next, previous; /* PEM, of the root's Secret; empty: not there */
    bool has_root;                        /* there is a Secret of the root */
    struct weft_buf bundle;               /* what proxies are to trust */
    char bundle_sha[65];
    char top_sha[65]; /* fingerprint of the root above who signs */
};
/* `root` NULL: there is no such Secret. End it with cli_ca_done, also after an error. */
enum weft_status cli_ca_read(struct cli_ca *c, const json_t *secret, const json_t *root,
                             struct weft_error *err) WEFT_MUST_USE;
void cli_ca_done(struct cli_ca *c);

enum cli_ca_step {
    CLI_CA_BEGIN,  /* make another root */
    CLI_CA_TRUST,  /* have it trusted beside the old one */
    CLI_CA_SIGN,   /* sign with it; wants: everybody trusts both */
    CLI_CA_FORGET, /* the old one; wants: nobody has a certificate of it any more */
    CLI_CA_TIDY,   /* it is forgotten, the note about it is left */
    CLI_CA_NONE,   /* the root is kept elsewhere, or nobody knows which is meant */
};
struct cli_ca_plan {
    enum cli_ca_step step;
    const char *what;  /* it does, for a person; with NONE why there is none */
    const char *until; /* what it waits for; NULL: nothing */
};
struct cli_ca_plan cli_ca_next(const struct cli_ca *c);
bool cli_ca_is_renewable(const struct cli_ca *c); /* the controllers have the root that signs */

/* The certificates of `pem` without those of `drop`, and those of `add`, none twice; both may be
 * empty. */
enum weft_status cli_ca_change(struct weft_slice pem, struct weft_slice drop, struct weft_slice add,
                               struct weft_buf *ret, struct weft_error *err);
