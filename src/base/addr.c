/* SPDX-License-Identifier: Apache-2.0 */
#include <weft/base/addr.h>

#include <arpa/inet.h>
#include <netinet/in.h>

/* By hand: addresses stand in every line of the access log. */
static char *put_number(char *at, unsigned v) {
    char digits[5];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n) *at++ = digits[--n];
    *at = 0;
    return at;
}

static char *put_ip(char *at, const struct weft_addr *a) {
    *at = 0;
    if (a->family == 6) {
        inet_ntop(AF_INET6, a->ip, at, INET6_ADDRSTRLEN);
        return at + strlen(at);
    }
    for (size_t i = 0; a->family == 4 && i < 4; i++) {
        if (i) *at++ = '.';
        at = put_number(at, a->ip[i]);
    }
    return at;
}

void weft_addr_format_ip(const struct weft_addr *a, char ret[WEFT_ADDR_STR]) {
    put_ip(ret, a);
}

void weft_addr_format(const struct weft_addr *a, char ret[WEFT_ADDR_STR]) {
    char *at = ret;
    if (a->family == 6) *at++ = '[';
    if (a->family)
        at = put_ip(at, a);
    else
        at = (char *)memcpy(at, "none", 4) + 4;
    if (a->family == 6) *at++ = ']';
    *at++ = ':';
    put_number(at, a->port);
}

static void unmap(struct weft_addr *a) {
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a->family != 6 || memcmp(a->ip, prefix, 12) != 0) return;
    a->family = 4;
    memmove(a->ip, a->ip + 12, 4);
    memset(a->ip + 4, 0, 12);
}

bool weft_addr_parse_ip(struct weft_slice s, struct weft_addr *ret) {
    char ip[INET6_ADDRSTRLEN + 1];
    if (s.len == 0 || s.len >= sizeof ip) return false;
    memcpy(ip, s.base, s.len);
    ip[s.len] = 0;
    if (strlen(ip) != s.len) return false;
    *ret = (struct weft_addr){0};
    if (inet_pton(AF_INET, ip, ret->ip) == 1) {
        ret->family = 4;
    } else if (inet_pton(AF_INET6, ip, ret->ip) == 1) {
        ret->family = 6;
        unmap(ret);
    } else {
        return false;
    }
    return true;
}

bool weft_addr_parse(struct weft_slice s, struct weft_addr *ret) {
    struct weft_slice ip = s, port;
    if (s.len && s.base[0] == '[') {
        size_t close = weft_slice_find(s, ']');
        if (close + 1 >= s.len || s.base[close + 1] != ':') return false;
        ip = weft_slice(s.base + 1, close - 1);
        port = weft_slice_from(s, close + 2);
    } else {
        size_t colon = weft_slice_find(s, ':');
        if (colon == s.len) return false;
        ip.len = colon;
        port = weft_slice_from(s, colon + 1);
    }
    uint64_t p;
    if (!weft_slice_u64(port, 65535, &p) || !weft_addr_parse_ip(ip, ret)) return false;
    ret->port = (uint16_t)p;
    return true;
}

void weft_addr_from_sockaddr(const struct sockaddr *sa, struct weft_addr *ret) {
    *ret = (struct weft_addr){0};
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        ret->family = 4;
        ret->port = ntohs(in->sin_port);
        memcpy(ret->ip, &in->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;
        ret->family = 6;
        ret->port = ntohs(in->sin6_port);
        memcpy(ret->ip, &in->sin6_addr, 16);
        unmap(ret);
    }
}

socklen_t weft_addr_to_sockaddr(const struct weft_addr *a, struct sockaddr_storage *ret) {
    memset(ret, 0, sizeof *ret);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)ret;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(a->port);
    memcpy(&in->sin6_addr, a->ip, 16);
    return sizeof *in;
}

bool weft_addr_is_loopback(const struct weft_addr *a) {
    static const uint8_t one[16] = {[15] = 1};
    return a->family == 4 ? a->ip[0] == 127 : a->family == 6 && memcmp(a->ip, one, 16) == 0;
}

bool weft_addr_is_any(const struct weft_addr *a) {
    static const uint8_t zero[16];
    return a->family != 0 && memcmp(a->ip, zero, 16) == 0;
}

uint64_t weft_addr_hash(const struct weft_addr *a) {
    return weft_slice_hash(weft_slice((const char *)a, sizeof *a));
}
