/* SPDX-License-Identifier: Apache-2.0
 * Addresses of one subnet, given out in order and not reused before the subnet was gone through. */
#include <cli/local/pool.h>
#include <string.h>
#include <weft/base/alloc.h>

enum { OFFSET_BITS = 24 };

static unsigned width(const struct local_pool *p) {
    return p->base.family == 4 ? 4 : 16;
}

static uint32_t size_of(const struct local_pool *p) {
    unsigned host = width(p) * 8 - p->prefix;
    return host > OFFSET_BITS ? 1u << OFFSET_BITS : 1u << host;
}

static bool same_prefix(const struct local_pool *p, const struct weft_addr *a) {
    unsigned whole = p->prefix / 8, rest = p->prefix % 8;
    if (a->family != p->base.family || memcmp(a->ip, p->base.ip, whole) != 0) return false;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return rest == 0 || (a->ip[whole] & mask) == (p->base.ip[whole] & mask);
}

enum weft_status local_pool_init(struct local_pool *p, const char *cidr, uint32_t first) {
    *p = (struct local_pool){.next = first};
    struct weft_slice rest = weft_slice_str(cidr);
    struct weft_slice ip = weft_slice_cut(&rest, '/');
    uint64_t prefix;
    if (!weft_addr_parse_ip(ip, &p->base)) return WEFT_INVALID;
    if (!weft_slice_u64(rest, width(p) * 8u - 2, &prefix) || prefix == 0) return WEFT_INVALID;
    p->prefix = (unsigned)prefix;
    for (unsigned bit = p->prefix; bit < width(p) * 8; bit++)
        p->base.ip[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    return WEFT_OK;
}

void local_pool_done(struct local_pool *p) {
    free(p->taken);
    *p = (struct local_pool){0};
}

bool local_pool_contains(const struct local_pool *p, const struct weft_addr *a) {
    return same_prefix(p, a);
}

struct weft_addr local_pool_at(const struct local_pool *p, uint32_t offset) {
    struct weft_addr a = p->base;
    uint64_t carry = offset;
    for (int i = (int)width(p) - 1; i >= 0 && carry; i--) {
        carry += a.ip[i];
        a.ip[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return a;
}

/* The offset of an address of this subnet that lies in the part we use. */
static bool offset_of(const struct local_pool *p, const struct weft_addr *a, uint32_t *ret) {
    if (!same_prefix(p, a)) return false;
    uint32_t off = 0;
    for (unsigned i = width(p) - 4; i < width(p); i++)
        off = off << 8 | (uint8_t)(a->ip[i] ^ p->base.ip[i]);
    struct weft_addr back = local_pool_at(p, off);
    *ret = off;
    return off < size_of(p) && memcmp(back.ip, a->ip, sizeof back.ip) == 0;
}

/* Where `off` is, or would be put. */
static size_t place(const struct local_pool *p, uint32_t off) {
    size_t lo = 0, hi = p->n_taken;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->taken[mid] < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_taken(const struct local_pool *p, uint32_t off) {
    size_t at = place(p, off);
    return at < p->n_taken && p->taken[at] == off;
}

static void insert(struct local_pool *p, uint32_t off) {
    size_t at = place(p, off);
    p->taken = weft_realloc(p->taken, (p->n_taken + 1) * sizeof *p->taken);
    memmove(p->taken + at + 1, p->taken + at, (p->n_taken - at) * sizeof *p->taken);
    p->taken[at] = off;
    p->n_taken++;
}

enum weft_status local_pool_claim(struct local_pool *p, const struct weft_addr *a) {
    uint32_t off;
    if (!offset_of(p, a, &off)) return WEFT_OK;
    if (is_taken(p, off)) return WEFT_EXISTS;
    insert(p, off);
    return WEFT_OK;
}

enum weft_status local_pool_take(struct local_pool *p, struct weft_addr *ret) {
    uint32_t size = size_of(p);
    for (uint32_t tried = 0; tried < size; tried++, p->next++) {
        if (p->next >= size - 1) p->next = 2; /* neither base, gateway nor broadcast */
        if (is_taken(p, p->next)) continue;
        *ret = local_pool_at(p, p->next);
        insert(p, p->next++);
        return WEFT_OK;
    }
    return WEFT_LIMIT;
}

void local_pool_release(struct local_pool *p, const struct weft_addr *a) {
    uint32_t off;
    if (!offset_of(p, a, &off) || !is_taken(p, off)) return;
    size_t at = place(p, off);
    memmove(p->taken + at, p->taken + at + 1, (p->n_taken - at - 1) * sizeof *p->taken);
    p->n_taken--;
}
