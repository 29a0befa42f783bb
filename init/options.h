/* SPDX-License-Identifier: Apache-2.0
 * What weft-init is told: which TCP connections go to the proxy, and what to do about it. */
#pragma once
#include <weft/base/addr.h>
#include <weft/base/options.h>

enum {
    INIT_MAX_ITEMS = 256, /* entries of one list; each becomes one rule */
    INIT_ADMIN_PORT = 15000,
    INIT_METRICS_PORT = 15020,
    INIT_READY_PORT = 15021,
};

struct init_range {
    uint32_t first, last;
};

/* Ports, uids or gids. `all`: everything, the items do not count. */
struct init_ranges {
    bool all;
    size_t n;
    struct init_range at[INIT_MAX_ITEMS];
};

struct init_cidr {
    struct weft_addr addr; /* host bits zero */
    uint8_t bits;
};

struct init_cidrs {
    bool all;
    size_t n;
    struct init_cidr at[INIT_MAX_ITEMS];
};

enum init_backend { INIT_NFT, INIT_LEGACY, INIT_BACKENDS };

struct init_options {
    uint64_t proxy_uid, proxy_gid;
    uint64_t outbound_port, inbound_port;
    struct init_ranges include_inbound_ports, exclude_inbound_ports;
    struct init_ranges include_outbound_ports, exclude_outbound_ports;
    struct init_cidrs include_outbound_cidrs, exclude_outbound_cidrs;
    struct init_ranges exclude_outbound_uids, exclude_outbound_gids;
    bool backend_forced;
    enum init_backend backend; /* only when forced */
    uint64_t lock_wait_s;
    bool dry_run, cleanup, check;
};

/* Defaults, then environment, then flags, then what only shows when all are known. WEFT_INVALID
 * with option and reason in err. ret_result says whether --help or --version was asked for. */
enum weft_status init_options_parse(int argc, char **argv, struct init_options *ret,
                                    struct weft_option_result *ret_result, struct weft_error *err);
/* The options part of --help. */
void init_options_print(FILE *out);
