/* SPDX-License-Identifier: Apache-2.0
 * Writes rules in the order and spelling of iptables-save, so that the two can be compared. */
#include <init/render.h>

static void render_range(struct weft_buf *out, const char *flag, struct init_range r, char dash) {
    weft_buf_printf(out, " %s %u", flag, r.first);
    if (r.last != r.first) weft_buf_printf(out, "%c%u", dash, r.last);
}

static void render_match(struct weft_buf *out, const struct init_rule *r) {
    char ip[WEFT_ADDR_STR];
    switch (r->match) {
    case INIT_ANY:
        break;
    case INIT_TCP:
        weft_buf_str(out, " -p tcp");
        break;
    case INIT_LO:
        weft_buf_str(out, " -o lo");
        break;
    case INIT_UID:
        render_range(out, "-m owner --uid-owner", r->range, '-');
        break;
    case INIT_GID:
        render_range(out, "-m owner --gid-owner", r->range, '-');
        break;
    case INIT_PORT:
        render_range(out, "-p tcp -m tcp --dport", r->range, ':');
        break;
    case INIT_NET:
        weft_addr_format_ip(&r->net.addr, ip);
        weft_buf_printf(out, " -d %s/%u", ip, r->net.bits);
        break;
    }
}

static void render_target(struct weft_buf *out, const struct init_rule *r) {
    if (r->to_port)
        weft_buf_printf(out, " -j REDIRECT --to-ports %u", r->to_port);
    else
        weft_buf_printf(out, " -j %s", r->target ? r->target : "RETURN");
}

void init_render_spec(const struct init_rule *r, struct weft_buf *out) {
    weft_buf_str(out, r->chain);
    render_match(out, r);
    render_target(out, r);
}

static void render_rule(struct weft_buf *out, const struct init_rule *r) {
    if (r->op == INIT_DELETE) {
        weft_buf_printf(out, "-D " WEFT_SLICE_FMT "\n", WEFT_SLICE_ARG(r->saved));
        return;
    }
    weft_buf_printf(out, r->op == INIT_HEAD ? "-I %s 1" : "-A %s", r->chain);
    render_match(out, r);
    render_target(out, r);
    weft_buf_char(out, '\n');
}

void init_render(const struct init_plan *plan, struct weft_buf *out) {
    if (!plan->n_chains && !plan->n_rules) return;
    weft_buf_str(out, "*nat\n");
    for (size_t i = 0; i < plan->n_chains; i++)
        weft_buf_printf(out, ":" WEFT_SLICE_FMT " - [0:0]\n", WEFT_SLICE_ARG(plan->chains[i]));
    for (size_t i = 0; i < plan->n_rules; i++) render_rule(out, &plan->rules[i]);
    for (size_t i = 0; i < plan->n_drops; i++)
        weft_buf_printf(out, "-X " WEFT_SLICE_FMT "\n", WEFT_SLICE_ARG(plan->drops[i]));
    weft_buf_str(out, "COMMIT\n");
}
