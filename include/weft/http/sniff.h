/* SPDX-License-Identifier: Apache-2.0
 * What protocol the first bytes of a connection speak. */
#pragma once
#include <weft/base/slice.h>

enum weft_sniff {
    WEFT_SNIFF_MORE, /* undecided: feed a longer prefix */
    WEFT_SNIFF_H1,   /* an HTTP/1 request line begins (also with an unknown, well-formed method) */
    WEFT_SNIFF_H2,   /* the HTTP/2 connection preface */
    WEFT_SNIFF_TLS,  /* a TLS ClientHello record */
    WEFT_SNIFF_OPAQUE, /* anything else */
};
/* Looks at all bytes received so far (from the first). Never returns MORE beyond 8 KiB. */
enum weft_sniff weft_sniff(struct weft_slice first);
/* The same when nothing came for a while: what begins like HTTP is HTTP, so that no caller gets a
 * request past the proxy by sending it slowly; never MORE. */
enum weft_sniff weft_sniff_stalled(struct weft_slice first);
/* Has the TLS record that begins here come to its end? */
bool weft_sniff_record_whole(struct weft_slice first);
/* Server name and ALPN of a ClientHello; slices point into `first`. false: not (yet) complete. */
struct weft_client_hello {
    struct weft_slice sni;
    struct weft_slice alpn; /* the raw ProtocolNameList: length-prefixed names */
};
bool weft_sniff_client_hello(struct weft_slice first, struct weft_client_hello *ret);
/* Is `name` in the list? */
bool weft_sniff_alpn_has(struct weft_slice alpn, struct weft_slice name);
