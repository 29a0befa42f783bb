/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1 (RFC 9112). A head, or the trailer section of a chunked message, is gathered until its
 * empty line (h1_scan.c, which also keeps the line discipline that llhttp leaves open), copied once
 * into the stream's arena and parsed there (h1_parse.c). Bodies go through without a copy (h1.c).
 * The writer is h1_write.c. */
#pragma once
#include "codec_internal.h"

#include <llhttp.h>

enum h1_state {
    H1_HEAD,    /* between messages or inside a head */
    H1_LENGTH,  /* `left` bytes of body */
    H1_CHUNKED, /* llhttp counts */
    H1_TRAILER, /* behind the last chunk */
    H1_CLOSE,   /* body until the end of the connection */
    H1_TUNNEL,  /* raw bytes until then, after a 101 */
    H1_WAIT,    /* message complete, exchange not */
    H1_DISCARD, /* input is swallowed; the connection ends after the output */
};

struct h1_scan {  /* position inside a block */
    size_t start; /* first byte behind skipped empty lines */
    size_t line;  /* start of the current line */
    size_t seen;  /* searched up to here */
    uint32_t lines;
    bool trailer, response;
    enum weft_cap cap; /* the limit that it was refused for */
};

struct h1 {
    struct weft_codec base; /* first */
    llhttp_t parser;
    enum h1_state state;
    struct h1_scan scan;
    struct weft_buf block; /* of an incomplete head or trailer section */
    struct weft_buf out;
    uint64_t appended, pulled; /* bytes of output, ever */
    struct weft_stream *cur;   /* the exchange */
    uint64_t left;
    size_t extension_bytes;   /* of chunks, in this message */
    enum weft_cap too_much;   /* what llhttp was stopped for */
    struct weft_fields *sink; /* where llhttp's fields go */
    bool coded;               /* llhttp takes the head for that of a chunked message */
    bool leftover;            /* feed was not allowed to take everything */
    bool last;                /* no exchange after this one */
    bool asked_close;         /* the request at hand asks for that */
    bool peer_ended;          /* it was complete, and nothing came behind it */
    bool out_chunked;
    bool tunnel;       /* it is one, or was until the peer's side ended */
    bool out_ended;    /* ... and our side has ended */
    bool continue_due; /* the client may wait for a 100 */
    bool last_chunk;   /* llhttp paused for us behind the last chunk's size */
};

static inline struct h1 *h1_of(const struct weft_codec *c) {
    return (struct h1 *)(uintptr_t)c; /* base is the first member; also from const queries */
}

/* Looks at all of `block`, from the first byte of the message on. True when decided: *ret_end is
 * the length including the empty line, or *ret_refused says what is wrong. */
bool h1_scan(struct h1_scan *sc, const struct weft_codec_limits *limits, struct weft_slice block,
             size_t *ret_end, enum weft_reason *ret_refused);

struct h1_message { /* what a head says beyond struct weft_head */
    bool persistent;
};
/* Parses a whole head into `head`, whose slices will point into the arena of s. */
enum weft_reason h1_parse_request(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                                  struct weft_head *head, struct h1_message *ret);
/* Only method and target, for the log, of a head that is refused. */
void h1_parse_refused(struct weft_stream *s, struct weft_slice block, struct weft_head *head);
bool h1_parse_response(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                       struct weft_head *head, struct h1_message *ret);
bool h1_parse_trailers(struct h1 *h, struct weft_stream *s, struct weft_slice block,
                       struct weft_fields *ret);
extern const llhttp_settings_t h1_settings;
/* llhttp's on_body, on_chunk_header and extensions: h1.c. */
int h1_on_body(llhttp_t *p, const char *at, size_t len);
int h1_on_chunk_header(llhttp_t *p);
int h1_on_chunk_extension(llhttp_t *p, const char *at, size_t len);

enum weft_status h1_write_request(struct weft_stream *s, const struct weft_head *head, bool end);
enum weft_status h1_write_head(struct weft_stream *s, const struct weft_head *head, bool end);
void h1_write_data(struct weft_stream *s, struct weft_slice data);
void h1_write_end(struct weft_stream *s, const struct weft_fields *trailers);
void h1_write_error(struct h1 *h); /* a bare 400 */
