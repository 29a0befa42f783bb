/* SPDX-License-Identifier: Apache-2.0
 * The option rows of weft-init and the values they take: lists of ports, ids and networks. */
#include <init/options.h>

#define AT(member) offsetof(struct init_options, member)

static enum weft_status bad(struct weft_error *err, struct weft_slice item, const char *why) {
    return weft_error_set(err, WEFT_INVALID, "", "\"" WEFT_SLICE_FMT "\": %s", WEFT_SLICE_ARG(item),
                          why);
}

static enum weft_status parse_range(struct weft_slice item, const struct weft_option *row,
                                    struct init_range *ret, struct weft_error *err) {
    struct weft_slice rest = item;
    struct weft_slice first = weft_slice_cut(&rest, '-');
    uint64_t a, b;
    bool ok = weft_slice_u64(first, row->max, &a);
    b = a;
    if (ok && rest.base) ok = weft_slice_u64(rest, row->max, &b);
    if (!ok || a < row->min) {
        char why[128];
        snprintf(why, sizeof why, "use numbers from %llu to %llu, or a range like %llu-%llu",
                 (unsigned long long)row->min, (unsigned long long)row->max,
                 (unsigned long long)row->min + 8000, (unsigned long long)row->min + 8999);
        return bad(err, item, why);
    }
    if (a > b) return bad(err, item, "the range ends before it begins");
    *ret = (struct init_range){(uint32_t)a, (uint32_t)b};
    return WEFT_OK;
}

static enum weft_status parse_ranges(struct weft_slice list, const struct weft_option *row,
                                     struct init_ranges *ret, struct weft_error *err) {
    ret->all = false;
    ret->n = 0;
    while (list.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&list, ','));
        if (item.len == 0) return bad(err, item, "an entry between the commas is empty");
        if (ret->n == INIT_MAX_ITEMS) return bad(err, item, "more than 256 entries");
        enum weft_status st = parse_range(item, row, &ret->at[ret->n], err);
        if (st != WEFT_OK) return st;
        ret->n++;
    }
    return WEFT_OK;
}

static void mask_host_bits(struct init_cidr *c) {
    size_t bytes = c->addr.family == 4 ? 4 : 16;
    for (size_t i = 0; i < bytes; i++) {
        int keep = (int)c->bits - (int)(8 * i);
        if (keep >= 8) continue;
        c->addr.ip[i] &= keep <= 0 ? 0 : (uint8_t)(0xff << (8 - keep));
    }
}

static enum weft_status parse_cidr(struct weft_slice item, struct init_cidr *ret,
                                   struct weft_error *err) {
    struct weft_slice bits = item;
    struct weft_slice ip = weft_slice_cut(&bits, '/');
    if (!weft_addr_parse_ip(ip, &ret->addr))
        return bad(err, item, "use an IP address or a network like 10.0.0.0/8 or fd00::/8");
    if (ret->addr.family == 4 && weft_slice_find(ip, ':') < ip.len)
        return bad(err, item, "write an IPv4-mapped address as IPv4");
    uint64_t max = ret->addr.family == 4 ? 32 : 128, n = max;
    if (bits.base && !weft_slice_u64(bits, max, &n))
        return bad(err, item,
                   max == 32 ? "the prefix length must be 0 to 32"
                             : "the prefix length must be 0 to 128");
    ret->bits = (uint8_t)n;
    mask_host_bits(ret);
    return WEFT_OK;
}

static enum weft_status parse_cidrs(struct weft_slice list, struct init_cidrs *ret,
                                    struct weft_error *err) {
    ret->all = false;
    ret->n = 0;
    while (list.len) {
        struct weft_slice item = weft_slice_trim(weft_slice_cut(&list, ','));
        if (item.len == 0) return bad(err, item, "an entry between the commas is empty");
        if (ret->n == INIT_MAX_ITEMS) return bad(err, item, "more than 256 entries");
        enum weft_status st = parse_cidr(item, &ret->at[ret->n], err);
        if (st != WEFT_OK) return st;
        ret->n++;
    }
    return WEFT_OK;
}

/* A trailing comma would otherwise vanish in the cut. */
static enum weft_status trailing_comma(struct weft_slice s, struct weft_error *err) {
    if (s.len == 0 || s.base[s.len - 1] != ',') return WEFT_OK;
    return bad(err, s, "nothing stands after the last comma");
}

static enum weft_status set_exclude(void *target, const struct weft_option *row, const char *value,
                                    struct weft_error *err) {
    struct weft_slice s = weft_slice_trim(weft_slice_str(value));
    if (weft_slice_is(s, "*"))
        return bad(err, s,
                   "name what to exclude; to redirect nothing set the include list to none");
    enum weft_status st = trailing_comma(s, err);
    if (st != WEFT_OK) return st;
    return parse_ranges(s, row, (struct init_ranges *)(void *)((char *)target + row->offset), err);
}

static enum weft_status set_include(void *target, const struct weft_option *row, const char *value,
                                    struct weft_error *err) {
    struct init_ranges *to = (struct init_ranges *)(void *)((char *)target + row->offset);
    struct weft_slice s = weft_slice_trim(weft_slice_str(value));
    if (s.len == 0) return bad(err, s, "use *, none or a list of ports");
    to->n = 0;
    to->all = weft_slice_is(s, "*");
    if (to->all || weft_slice_is(s, "none")) return WEFT_OK;
    enum weft_status st = trailing_comma(s, err);
    return st != WEFT_OK ? st : parse_ranges(s, row, to, err);
}

static enum weft_status set_cidrs(void *target, const struct weft_option *row, const char *value,
                                  struct weft_error *err) {
    struct init_cidrs *to = (struct init_cidrs *)(void *)((char *)target + row->offset);
    struct weft_slice s = weft_slice_trim(weft_slice_str(value));
    bool include = row->max == 1;
    if (include && s.len == 0) return bad(err, s, "use *, none or a list of networks");
    to->n = 0;
    to->all = weft_slice_is(s, "*");
    if (to->all && !include)
        return bad(err, s,
                   "name what to exclude; to redirect nothing set the include list to none");
    if (to->all || (include && weft_slice_is(s, "none"))) return WEFT_OK;
    enum weft_status st = trailing_comma(s, err);
    return st != WEFT_OK ? st : parse_cidrs(s, to, err);
}

static enum weft_status set_backend(void *target, const struct weft_option *row, const char *value,
                                    struct weft_error *err) {
    struct init_options *o = target;
    struct weft_slice s = weft_slice_str(value);
    o->backend_forced = !weft_slice_is(s, "auto");
    o->backend = weft_slice_is(s, "legacy") ? INIT_LEGACY : INIT_NFT;
    if (o->backend_forced && o->backend == INIT_NFT && !weft_slice_is(s, "nft"))
        return bad(err, s, "use auto, nft or legacy");
    return WEFT_OK;
}

#define PORTS(setter, member, text)                                                                \
    .metavar = "PORTS", .help = text, .set = setter, .offset = AT(member), .min = 1, .max = 65535
#define IDS(member, text)                                                                          \
    .metavar = "IDS", .help = text, .set = set_exclude, .offset = AT(member), .max = 4294967294

static const struct weft_option rows[] = {
    {.flag = "include-inbound-ports",
     .env = "WEFT_INIT_INCLUDE_INBOUND_PORTS",
     PORTS(set_include, include_inbound_ports,
           "Ports whose incoming connections go to the proxy: *, none or a list such as "
           "80,8000-8999. Default *.")},
    {.flag = "exclude-inbound-ports",
     .env = "WEFT_INIT_EXCLUDE_INBOUND_PORTS",
     PORTS(set_exclude, exclude_inbound_ports,
           "Ports whose incoming connections reach the app directly. Default none.")},
    {.flag = "include-outbound-ports",
     .env = "WEFT_INIT_INCLUDE_OUTBOUND_PORTS",
     PORTS(set_include, include_outbound_ports,
           "Destination ports whose outgoing connections go to the proxy: *, none or a list. "
           "Default *.")},
    {.flag = "exclude-outbound-ports",
     .env = "WEFT_INIT_EXCLUDE_OUTBOUND_PORTS",
     PORTS(set_exclude, exclude_outbound_ports,
           "Destination ports whose outgoing connections leave directly. Default none.")},
    {.flag = "include-outbound-cidrs",
     .env = "WEFT_INIT_INCLUDE_OUTBOUND_CIDRS",
     .metavar = "CIDRS",
     .help = "Destination networks whose connections go to the proxy: *, none or a list such as "
             "10.0.0.0/8,fd00::/8. Default *.",
     .set = set_cidrs,
     .offset = AT(include_outbound_cidrs),
     .max = 1},
    {.flag = "exclude-outbound-cidrs",
     .env = "WEFT_INIT_EXCLUDE_OUTBOUND_CIDRS",
     .metavar = "CIDRS",
     .help = "Destination networks whose connections leave directly. Default none.",
     .set = set_cidrs,
     .offset = AT(exclude_outbound_cidrs)},
    {.flag = "exclude-outbound-uids",
     .env = "WEFT_INIT_EXCLUDE_OUTBOUND_UIDS",
     IDS(exclude_outbound_uids,
         "User ids whose connections leave directly, such as 0,1000-1999. Default none.")},
    {.flag = "exclude-outbound-gids",
     .env = "WEFT_INIT_EXCLUDE_OUTBOUND_GIDS",
     IDS(exclude_outbound_gids, "Group ids whose connections leave directly. Default none.")},
    {.flag = "proxy-uid",
     .env = "WEFT_INIT_PROXY_UID",
     .metavar = "UID",
     .help = "User id of the proxy, whose own connections are never redirected. Default 1337.",
     .set = weft_option_u64,
     .offset = AT(proxy_uid),
     .min = 1,
     .max = 4294967294},
    {.flag = "proxy-gid",
     .env = "WEFT_INIT_PROXY_GID",
     .metavar = "GID",
     .help = "Group id of the proxy, exempt likewise. Default 1337.",
     .set = weft_option_u64,
     .offset = AT(proxy_gid),
     .min = 1,
     .max = 4294967294},
    {.flag = "outbound-port",
     .env = "WEFT_INIT_OUTBOUND_PORT",
     .metavar = "PORT",
     .help = "Port on which the proxy takes outgoing connections. Default 15001.",
     .set = weft_option_u64,
     .offset = AT(outbound_port),
     .min = 1,
     .max = 65535},
    {.flag = "inbound-port",
     .env = "WEFT_INIT_INBOUND_PORT",
     .metavar = "PORT",
     .help = "Port on which the proxy takes incoming connections. Default 15006.",
     .set = weft_option_u64,
     .offset = AT(inbound_port),
     .min = 1,
     .max = 65535},
    {.flag = "backend",
     .env = "WEFT_INIT_BACKEND",
     .metavar = "NAME",
     .help = "iptables back end: auto, nft or legacy. auto takes the one that already holds rules "
             "in this network namespace, else nft, else legacy. Default auto.",
     .set = set_backend},
    {.flag = "lock-wait",
     .env = "WEFT_INIT_LOCK_WAIT",
     .metavar = "SECONDS",
     .help = "How long to wait for the xtables lock. Default 30.",
     .set = weft_option_u64,
     .offset = AT(lock_wait_s),
     .min = 1,
     .max = 600},
    {.flag = "dry-run",
     .env = "WEFT_INIT_DRY_RUN",
     .help = "Print what would be restored and change nothing.",
     .set = weft_option_bool,
     .offset = AT(dry_run)},
    {.flag = "cleanup",
     .env = "WEFT_INIT_CLEANUP",
     .help = "Remove everything of ours from both back ends instead.",
     .set = weft_option_bool,
     .offset = AT(cleanup)},
    {.flag = "check",
     .env = "WEFT_INIT_CHECK",
     .help =
         "Change nothing; prove that what these options ask for is in force. Both ports must be "
         "free: before the proxy starts.",
     .set = weft_option_bool,
     .offset = AT(check)},
};

static enum weft_status check_port(const char *flag, uint64_t port, struct weft_error *err) {
    if (port != INIT_ADMIN_PORT && port != INIT_METRICS_PORT && port != INIT_READY_PORT)
        return WEFT_OK;
    return weft_error_set(err, WEFT_INVALID, flag,
                          "\"%llu\": the proxy uses this port for itself (15000 admin, 15020 "
                          "metrics, 15021 readiness)",
                          (unsigned long long)port);
}

static enum weft_status check_together(const struct init_options *o, struct weft_error *err) {
    if (o->check && (o->dry_run || o->cleanup))
        return weft_error_set(err, WEFT_INVALID, "--check",
                              "\"true\": cannot be combined with --dry-run or --cleanup");
    if (o->inbound_port == o->outbound_port)
        return weft_error_set(err, WEFT_INVALID, "--inbound-port",
                              "\"%llu\": must differ from --outbound-port",
                              (unsigned long long)o->inbound_port);
    enum weft_status st = check_port("--inbound-port", o->inbound_port, err);
    return st != WEFT_OK ? st : check_port("--outbound-port", o->outbound_port, err);
}

enum weft_status init_options_parse(int argc, char **argv, struct init_options *ret,
                                    struct weft_option_result *ret_result, struct weft_error *err) {
    *ret = (struct init_options){.proxy_uid = 1337,
                                 .proxy_gid = 1337,
                                 .outbound_port = 15001,
                                 .inbound_port = 15006,
                                 .include_inbound_ports = {.all = true},
                                 .include_outbound_ports = {.all = true},
                                 .include_outbound_cidrs = {.all = true},
                                 .lock_wait_s = 30};
    enum weft_status st =
        weft_options_parse(rows, WEFT_LEN(rows), argc, argv, false, ret, ret_result, err);
    if (st != WEFT_OK) return st;
    if (ret_result->help || ret_result->version) return WEFT_OK;
    if (ret_result->rest < argc)
        return weft_error_set(err, WEFT_INVALID, argv[ret_result->rest],
                              "weft-init takes options only");
    return check_together(ret, err);
}

void init_options_print(FILE *out) {
    weft_options_print(out, rows, WEFT_LEN(rows));
}
