/* SPDX-License-Identifier: Apache-2.0
 * Delta ADS (xDS transport protocol, incremental variant) without I/O: the messages, and who is
 * subscribed to what and holds which version, at both ends. One stream carries four types; a name's
 * prefix tells its type. */
#pragma once
#include <weft/base/arena.h>
#include <weft/base/buf.h>
#include <weft/base/status.h>

#define WEFT_ADS_PATH                                                                              \
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
#define WEFT_SIGN_PATH "/weft.v1.Certificates/Sign"

enum weft_xds_type { WEFT_XDS_DESTINATION, WEFT_XDS_ENDPOINTS, WEFT_XDS_INBOUND, WEFT_XDS_TRUST };
enum { WEFT_XDS_TYPES = 4 };
const char *weft_xds_type_url(enum weft_xds_type t); /* "type.googleapis.com/weft.v1.Inbound" */
bool weft_xds_type_from_url(struct weft_slice url, enum weft_xds_type *ret);
/* "dest/...", "endpoints/...", "inbound/...", "trust". */
bool weft_xds_type_from_name(struct weft_slice name, enum weft_xds_type *ret);

/* The version of all that a subscriber holds: the sum of this over what it asked for and what that
 * implies. Each end reckons it from what it knows, so that the two can be compared. */
uint64_t weft_ads_mix(struct weft_slice name, struct weft_slice version);
void weft_ads_sum_text(uint64_t sum, char ret_hex[17]);

/* Why a resource was rejected, in one word: for counting, where the text is for reading. */
#define WEFT_ADS_REJECT_MAP(X)                                                                     \
    X(OTHER, "other")     /* also: of a proxy that does not say */                                 \
    X(INVALID, "invalid") /* a field has a value that cannot be */                                 \
    X(LIMIT, "limit")     /* something is too long, or there is too much of it */                  \
    X(UNKNOWN, "unknown") /* a kind or value that this proxy's version does not know */            \
    X(REGEX, "regex")     /* a pattern that does not compile, or is too long */                    \
    X(TRUST, "trust")     /* roots that cannot be used with the own certificate */
enum weft_ads_reject {
#define X(name, word) WEFT_ADS_REJECT_##name,
    WEFT_ADS_REJECT_MAP(X)
#undef X
        WEFT_ADS_REJECTS
};
const char *weft_ads_reject_word(enum weft_ads_reject r); /* "other" for what is not in the table */
enum weft_ads_reject weft_ads_reject_of(enum weft_status st);

/* === messages; decoded slices live in the arena === */

struct weft_ads_version {
    struct weft_slice name, version;
};
struct weft_ads_rejection {
    struct weft_slice name, version, reason;
    enum weft_ads_reject kind;
};
struct weft_ads_request {
    struct weft_slice node, type_url, nonce;
    struct weft_slice *subscribe, *unsubscribe;
    struct weft_ads_version *held; /* initial_resource_versions */
    struct weft_ads_rejection *rejected;
    size_t n_subscribe, n_unsubscribe, n_held, n_rejected;
    bool nack;
    struct weft_slice error; /* error_detail.message */
};
struct weft_ads_resource {
    struct weft_slice name, version, value; /* value: the encoded weft.v1 message */
};
struct weft_ads_response {
    struct weft_slice type_url, nonce;
    struct weft_ads_resource *resources;
    struct weft_slice *removed;
    size_t n_resources, n_removed;
};
enum weft_status weft_ads_request_encode(const struct weft_ads_request *r, struct weft_buf *out);
enum weft_status weft_ads_request_decode(struct weft_slice in, struct weft_arena *a,
                                         struct weft_ads_request *ret, struct weft_error *err);
enum weft_status weft_ads_response_encode(const struct weft_ads_response *r, struct weft_buf *out);
enum weft_status weft_ads_response_decode(struct weft_slice in, struct weft_arena *a,
                                          struct weft_ads_response *ret, struct weft_error *err);

/* === the subscriber === */

struct weft_ads_client;
struct weft_ads_client_cb {
    void *ud;
    /* A resource arrived. Anything but OK rejects this one alone, with err as the reason. */
    enum weft_status (*apply)(void *ud, enum weft_xds_type type, const struct weft_ads_resource *r,
                              struct weft_error *err);
    void (*removed)(void *ud, struct weft_slice name);
};
struct weft_ads_client *weft_ads_client_new(struct weft_slice node,
                                            const struct weft_ads_client_cb *cb);
struct weft_ads_client *weft_ads_client_free(struct weft_ads_client *c);
void weft_ads_client_subscribe(struct weft_ads_client *c, struct weft_slice name);
void weft_ads_client_unsubscribe(struct weft_ads_client *c, struct weft_slice name);
/* Held from an earlier life: so the server need not send it again. */
void weft_ads_client_hold(struct weft_ads_client *c, struct weft_slice name,
                          struct weft_slice version);
/* It has to be sent again, e.g. because it was used up with what it belonged to. */
void weft_ads_client_unhold(struct weft_ads_client *c, struct weft_slice name);
/* A new stream begins: everything is told again, with the versions held. */
void weft_ads_client_restart(struct weft_ads_client *c);
/* The next request to send: answers first, then subscriptions. At most `max_new` names that were
 * never told before; *ret_new says how many. False: nothing to send within that allowance. */
bool weft_ads_client_next(struct weft_ads_client *c, size_t max_new, struct weft_buf *out,
                          size_t *ret_new);
/* Names waiting for allowance. */
size_t weft_ads_client_waiting(const struct weft_ads_client *c);
/* Handles a response: applies, and queues ACK or NACK. An error means the stream must end. */
enum weft_status weft_ads_client_receive(struct weft_ads_client *c, struct weft_slice response,
                                         struct weft_error *err);

/* === the publisher's side of one stream === */

struct weft_ads_item { /* a resource as it is now; valid until the publisher changes */
    struct weft_slice version, value;
    const struct weft_slice *implied; /* Endpoints names of a Destination */
    size_t n_implied;
};
struct weft_ads_server;
struct weft_ads_server_cb {
    void *ud;
    /* NULL: there is none, or this subscriber may not have it. */
    const struct weft_ads_item *(*lookup)(void *ud, struct weft_slice name);
    /* First and last interest of this stream in a name. */
    void (*acquire)(void *ud, struct weft_slice name);
    void (*release)(void *ud, struct weft_slice name);
    void (*on_nack)(void *ud, const struct weft_ads_rejection *r);
    /* A subscription was not taken: unknown kind of name, wrong type, or too many. */
    void (*on_refused)(void *ud, struct weft_slice name, const char *why);
};
enum {
    WEFT_ADS_MAX_NAMES = 25000,             /* a proxy's subscriptions, implied ones included */
    WEFT_ADS_MAX_NAME = 512,                /* length of one */
    WEFT_ADS_MAX_IN_FLIGHT = 8,             /* responses not yet answered; later changes coalesce */
    WEFT_ADS_RESPONSE_BYTES = 256 * 1024,   /* a response is cut after this much */
    WEFT_ADS_MAX_REQUEST = 4 * 1024 * 1024, /* one request */
};
struct weft_ads_server *weft_ads_server_new(const struct weft_ads_server_cb *cb);
struct weft_ads_server *weft_ads_server_free(struct weft_ads_server *s); /* releases all names */
/* *ret_names: how many subscriptions the request asked for (for rate limits). An error means the
 * stream must end. */
enum weft_status weft_ads_server_receive(struct weft_ads_server *s, struct weft_slice request,
                                         size_t *ret_names, struct weft_error *err);
/* The publisher has another version of this name (or none any more). */
void weft_ads_server_changed(struct weft_ads_server *s, struct weft_slice name);
/* The next response: Endpoints before the Destinations that need them, what is no longer needed
 * last. False: nothing to send, or too many unanswered. */
bool weft_ads_server_next(struct weft_ads_server *s, struct weft_buf *out);
struct weft_ads_server_stats {
    size_t names;
    uint64_t responses, resources, removed; /* sent so far */
    uint64_t unanswered;                    /* responses */
    uint64_t held; /* sum of weft_ads_mix over what the subscriber said to hold, or accepted */
};
struct weft_ads_server_stats weft_ads_server_stats(const struct weft_ads_server *s);
