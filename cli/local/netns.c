/* SPDX-License-Identifier: Apache-2.0
 * The switch and the pods' network namespaces, through ip(8). */
#include <cli/local/jsonx.h>
#include <cli/local/netns.h>
#include <cli/local/pause.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft/base/alloc.h>

static int open_netns(const char *name) {
    WEFT_FREE char *path = weft_asprintf("/run/netns/%s", name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static enum weft_status add_netns(const char *name, struct local_journal *j, int *ret_fd,
                                  struct weft_error *err) {
    local_journal_netns(j, name, 0);
    const char *argv[] = {"ip", "netns", "add", name, NULL};
    enum weft_status st = local_run(j, -1, argv, WEFT_SLICE_EMPTY, err);
    if (st != WEFT_OK) return st;
    local_journal_netns(j, name, local_netns_inode(name));
    *ret_fd = open_netns(name);
    if (*ret_fd >= 0) return WEFT_OK;
    return weft_error_set(err, WEFT_IO, name, "cannot open: %s", strerror(errno));
}

/* Runs lines of ip(8) commands inside a namespace. */
static enum weft_status ip_batch(const char *netns, struct local_journal *j, struct weft_buf *lines,
                                 struct weft_error *err) {
    const char *argv[] = {"ip", "-n", netns, "-batch", "-", NULL};
    enum weft_status st = local_run(j, -1, argv, weft_buf_slice(lines), err);
    weft_buf_done(lines);
    return st;
}

bool local_has_ipv6(void) {
    return access("/proc/sys/net/ipv6/conf/all/forwarding", R_OK) == 0;
}

static enum weft_status set_sysctls(int netns, const char *script, struct weft_error *err) {
    const char *argv[] = {"sh", "-c", script, NULL};
    return local_run(NULL, netns, argv, WEFT_SLICE_EMPTY, err);
}

/* Forwarding serves pods whose written address lies outside the subnet. */
static const char switch_sysctls[] =
    "cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 0 >ipv4/conf/all/send_redirects;"
    "echo 0 >ipv4/conf/default/send_redirects; if [ -d ipv6 ]; then echo 1 "
    ">ipv6/conf/all/forwarding; fi";
/* As container runtimes do: any uid may listen on port 80. */
static const char pod_sysctls[] =
    "cd /proc/sys/net; echo 0 >ipv4/ip_unprivileged_port_start; if [ -d ipv6 ]; then "
    "echo 0 >ipv6/conf/all/accept_dad; echo 0 >ipv6/conf/default/accept_dad; fi";

/* A bridge without an address of its own takes its lowest port's, and so a new one when that pod
 * goes: everybody would then talk to the old one until ARP has forgotten it. */
enum weft_status local_net_init(struct local_net *n, struct local_journal *j,
                                struct weft_error *err) {
    n->switch_name = weft_asprintf("weft-%s", n->mesh);
    n->switch_fd = -1;
    enum weft_status st = add_netns(n->switch_name, j, &n->switch_fd, err);
    if (st == WEFT_OK) st = set_sysctls(n->switch_fd, switch_sysctls, err);
    if (st != WEFT_OK) return st;
    struct weft_buf b;
    weft_buf_init(&b, 0);
    char gw[WEFT_ADDR_STR];
    weft_addr_format_ip(&n->gateway4, gw);
    (void)weft_buf_printf(&b,
                          "link set lo up\n"
                          "link add br0 address 02:77:65:66:74:01 type bridge forward_delay 0 "
                          "mcast_snooping 0\n"
                          "addr add %s/%u dev br0\n",
                          gw, n->prefix4);
    if (n->gateway6.family) {
        weft_addr_format_ip(&n->gateway6, gw);
        (void)weft_buf_printf(&b, "addr add %s/%u dev br0 nodad\n", gw, n->prefix6);
    }
    (void)weft_buf_str(&b, "link set br0 up\n");
    return ip_batch(n->switch_name, j, &b, err);
}

void local_net_done(struct local_net *n) {
    if (n->switch_fd >= 0) close(n->switch_fd);
    free(n->switch_name);
    *n = (struct local_net){.switch_fd = -1};
}

static bool same_subnet(const struct weft_addr *a, const struct weft_addr *b, unsigned prefix) {
    for (unsigned bit = 0; bit < prefix; bit++)
        if ((a->ip[bit / 8] ^ b->ip[bit / 8]) & (0x80u >> (bit % 8))) return false;
    return true;
}

/* Lines for one address of eth0; `port` gets the switch's side where a route is needed there. */
static void address_lines(const struct local_net *n, const char *ip, struct weft_buf *in_pod,
                          struct weft_buf *in_switch) {
    struct weft_addr a;
    if (!weft_addr_parse_ip(weft_slice_str(ip), &a)) return;
    const struct weft_addr *gw = a.family == 4 ? &n->gateway4 : &n->gateway6;
    if (!gw->family) return;
    unsigned prefix = a.family == 4 ? n->prefix4 : n->prefix6, host = a.family == 4 ? 32 : 128;
    bool inside = same_subnet(&a, gw, prefix);
    char gateway[WEFT_ADDR_STR];
    weft_addr_format_ip(gw, gateway);
    (void)weft_buf_printf(
        in_pod, "addr add %s/%u dev eth0%s\nroute add default via %s dev eth0%s\n", ip,
        inside ? prefix : host, a.family == 6 ? " nodad" : "", gateway, inside ? "" : " onlink");
    if (!inside) (void)weft_buf_printf(in_switch, "route add %s/%u dev br0\n", ip, host);
}

static enum weft_status wire(const struct local_pod_ns *p, const struct local_net *n,
                             struct local_journal *j, const json_t *pod, unsigned serial,
                             struct weft_error *err) {
    struct weft_buf in_switch, in_pod;
    weft_buf_init(&in_switch, 0);
    weft_buf_init(&in_pod, 0);
    (void)weft_buf_printf(&in_switch,
                          "link add p%u type veth peer name eth0 netns %s\n"
                          "link set p%u master br0 up\n",
                          serial, p->netns, serial);
    (void)weft_buf_str(&in_pod, "link set lo up\nlink set eth0 up\n");
    size_t i;
    json_t *ip;
    json_array_foreach(local_get(pod, "status.podIPs"), i, ip)
        address_lines(n, local_str(ip, "ip", ""), &in_pod, &in_switch);
    enum weft_status st = ip_batch(n->switch_name, j, &in_switch, err);
    if (st != WEFT_OK) {
        weft_buf_done(&in_pod);
        return st;
    }
    return ip_batch(p->netns, j, &in_pod, err);
}

enum weft_status local_pod_ns_init(struct local_pod_ns *p, const struct local_net *n,
                                   struct local_journal *j, const json_t *pod, unsigned serial,
                                   const char *folder, struct weft_error *err) {
    *p = (struct local_pod_ns){.ns = LOCAL_NS_NONE};
    p->netns = weft_asprintf("weft-%s-%s.%s", n->mesh, local_str(pod, "metadata.namespace", ""),
                             local_str(pod, "metadata.name", ""));
    enum weft_status st = add_netns(p->netns, j, &p->ns.net, err);
    if (st == WEFT_OK) st = set_sysctls(p->ns.net, pod_sysctls, err);
    if (st == WEFT_OK) st = wire(p, n, j, pod, serial, err);
    if (st == WEFT_OK)
        st = local_pause_start(&p->ns, j, local_str(pod, "metadata.name", ""), folder, &p->pause,
                               err);
    return st;
}

void local_pod_ns_done(struct local_pod_ns *p) {
    if (p->pause > 0) {
        kill(p->pause, SIGKILL);
        waitpid(p->pause, NULL, 0);
    }
    int fds[] = {p->ns.net, p->ns.mnt, p->ns.uts};
    for (size_t i = 0; i < WEFT_LEN(fds); i++)
        if (fds[i] >= 0) close(fds[i]);
    if (p->netns && local_netns_inode(p->netns)) {
        const char *argv[] = {"ip", "netns", "del", p->netns, NULL};
        (void)local_run(NULL, -1, argv, WEFT_SLICE_EMPTY, NULL);
    }
    free(p->netns);
    *p = (struct local_pod_ns){.ns = LOCAL_NS_NONE};
}
