/* SPDX-License-Identifier: Apache-2.0
 * Checked reading of decoded messages. The first error sticks and names its field; everything read
 * after it is empty, so that decoders read straight down and look once at the end. */
#pragma once
#include "proto_util.h"

struct weft_decode {
    struct weft_arena *arena; /* of the resource being built */
    struct weft_error *err;
    enum weft_status st;
    struct weft_decode_at *at; /* innermost element, for the field path */
};

struct weft_decode_at { /* on the C stack of the decoder of a nested message */
    struct weft_decode_at *up;
    const char *field;
    size_t index; /* WEFT_DECODE_SINGLE: not an element of a list */
};
#define WEFT_DECODE_SINGLE SIZE_MAX

enum {
    WEFT_XDS_MAX_TEXT = 64 * 1024,     /* one text field */
    WEFT_XDS_MAX_BUNDLE = 1024 * 1024, /* the PEM of a trust bundle */
    WEFT_XDS_MAX_ITEMS = 100 * 1000,   /* elements of one repeated field */
};

void weft_decode_enter(struct weft_decode *d, struct weft_decode_at *at, const char *field,
                       size_t index);
void weft_decode_leave(struct weft_decode *d);
void weft_decode_fail(struct weft_decode *d, enum weft_status st, const char *field,
                      const char *what);

/* Copies into the arena. `text` refuses NUL; `line` also CR and LF, for what is written into
 * message heads; `name` is a line that must not be empty. */
struct weft_slice weft_decode_text(struct weft_decode *d, ProtobufCBinaryData in, const char *field,
                                   size_t max);
struct weft_slice weft_decode_line(struct weft_decode *d, ProtobufCBinaryData in,
                                   const char *field);
struct weft_slice weft_decode_name(struct weft_decode *d, ProtobufCBinaryData in,
                                   const char *field);
uint32_t weft_decode_enum(struct weft_decode *d, int value, int last, const char *field);
uint16_t weft_decode_u16(struct weft_decode *d, uint32_t value, const char *field);
/* A zeroed array of n elements, *ret_n set; NULL and 0 when n is 0 or too large. */
void *weft_decode_array(struct weft_decode *d, size_t n, size_t element_size, uint32_t *ret_n,
                        const char *field);
/* Version of a resource: hash of its bytes as hex, in the arena. */
struct weft_slice weft_decode_version(struct weft_decode *d, struct weft_slice bytes);
