/* SPDX-License-Identifier: Apache-2.0
 * Birth, sharing and death of resources. A resource lies in its own arena, so the arena is taken
 * out of it before everything is freed. */
#include <weft/base/check.h>
#include <weft/mesh/model.h>

static void *born(struct weft_arena *a, size_t size) {
    weft_arena_init(a, 0);
    return weft_arena_must(a, size);
}

/* A sealed resource is const to everyone, but its count lives inside it. */
static void *counted(const void *p) {
    return (void *)(uintptr_t)p;
}

#define RESOURCE(T)                                                                                \
    struct T *T##_new(void) {                                                                      \
        struct weft_arena arena;                                                                   \
        struct T *r = born(&arena, sizeof *r);                                                     \
        r->arena = arena;                                                                          \
        atomic_init(&r->refs, 1);                                                                  \
        return r;                                                                                  \
    }                                                                                              \
    struct T *T##_ref(const struct T *shared) {                                                    \
        struct T *r = counted(shared);                                                             \
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);                              \
        return r;                                                                                  \
    }                                                                                              \
    struct T *T##_unref(const struct T *shared) {                                                  \
        struct T *r = counted(shared);                                                             \
        if (!r) return NULL;                                                                       \
        unsigned before = atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel);            \
        WEFT_CHECK(before != 0);                                                                   \
        if (before != 1) return NULL;                                                              \
        struct weft_arena arena = r->arena;                                                        \
        weft_arena_done(&arena);                                                                   \
        return NULL;                                                                               \
    }

RESOURCE(weft_destination)
RESOURCE(weft_endpoints)
RESOURCE(weft_inbound)
RESOURCE(weft_trust)

static const char *const protocol_names[] = {
    [WEFT_PROTO_UNKNOWN] = "unknown", [WEFT_PROTO_HTTP] = "http", [WEFT_PROTO_H2C] = "h2c",
    [WEFT_PROTO_GRPC] = "grpc",       [WEFT_PROTO_TLS] = "tls",   [WEFT_PROTO_TCP] = "tcp",
    [WEFT_PROTO_HTTP1] = "http1",
};

const char *weft_protocol_name(enum weft_protocol p) {
    return (size_t)p < WEFT_LEN(protocol_names) ? protocol_names[p] : "unknown";
}

/* Words of appProtocol (Kubernetes' own and the usual ones) and of port names. What speaks
 * something else is opaque; what is in nobody's list is detected. */
static const struct {
    const char *word;
    enum weft_protocol protocol;
} words[] = {
    {"http", WEFT_PROTO_HTTP},
    {"http1", WEFT_PROTO_HTTP1},
    {"grpc-web", WEFT_PROTO_HTTP},
    {"ws", WEFT_PROTO_HTTP1},
    {"kubernetes.io/ws", WEFT_PROTO_HTTP1},
    {"h2c", WEFT_PROTO_H2C},
    {"http2", WEFT_PROTO_H2C},
    {"kubernetes.io/h2c", WEFT_PROTO_H2C},
    {"grpc", WEFT_PROTO_GRPC},
    {"https", WEFT_PROTO_TLS},
    {"tls", WEFT_PROTO_TLS},
    {"wss", WEFT_PROTO_TLS},
    {"kubernetes.io/wss", WEFT_PROTO_TLS},
    {"tcp", WEFT_PROTO_TCP},
    {"amqp", WEFT_PROTO_TCP},
    {"cassandra", WEFT_PROTO_TCP},
    {"dns", WEFT_PROTO_TCP},
    {"ftp", WEFT_PROTO_TCP},
    {"imap", WEFT_PROTO_TCP},
    {"kafka", WEFT_PROTO_TCP},
    {"ldap", WEFT_PROTO_TCP},
    {"memcached", WEFT_PROTO_TCP},
    {"mongo", WEFT_PROTO_TCP},
    {"mongodb", WEFT_PROTO_TCP},
    {"mqtt", WEFT_PROTO_TCP},
    {"mysql", WEFT_PROTO_TCP},
    {"nats", WEFT_PROTO_TCP},
    {"postgres", WEFT_PROTO_TCP},
    {"postgresql", WEFT_PROTO_TCP},
    {"redis", WEFT_PROTO_TCP},
    {"smtp", WEFT_PROTO_TCP},
    {"ssh", WEFT_PROTO_TCP},
    {"thrift", WEFT_PROTO_TCP},
    {"zookeeper", WEFT_PROTO_TCP},
};

static enum weft_protocol protocol_of_word(struct weft_slice word) {
    for (size_t i = 0; i < WEFT_LEN(words); i++)
        if (weft_slice_ieq(word, weft_slice_str(words[i].word))) return words[i].protocol;
    return WEFT_PROTO_UNKNOWN;
}

enum weft_protocol weft_protocol_from(struct weft_slice app_protocol, struct weft_slice port_name) {
    if (app_protocol.len) return protocol_of_word(app_protocol);
    /* grpc-web travels over plain HTTP, whatever its first word says. */
    if (weft_slice_starts(port_name, WEFT_SLICE_LIT("grpc-web"))) return WEFT_PROTO_HTTP;
    return protocol_of_word(weft_slice_cut(&port_name, '-'));
}

const char *weft_route_kind_name(enum weft_route_kind k) {
    return k == WEFT_ROUTES_HTTP ? "HTTPRoute" : k == WEFT_ROUTES_GRPC ? "GRPCRoute" : "";
}

const char *weft_mtls_name(enum weft_mtls_mode m) {
    static const char *const names[] = {
        [WEFT_MTLS_PERMISSIVE] = "permissive",
        [WEFT_MTLS_STRICT] = "strict",
        [WEFT_MTLS_DISABLED] = "disabled",
    };
    return (size_t)m < WEFT_LEN(names) ? names[m] : "permissive";
}
