/* SPDX-License-Identifier: Apache-2.0
 * Every maximum with its reason; options may lower or raise those that say so. */
#pragma once

enum {
    WEFT_MAX_HEAD_BYTES = 64 * 1024,   /* request or response head; --max-head-bytes; 431/502 */
    WEFT_MAX_FIELDS = 128,             /* fields of a head or trailer; --max-head-fields; 431/502 */
    WEFT_MAX_TARGET_BYTES = 16 * 1024, /* request target; --max-target-bytes; 414 */
    WEFT_MAX_EXTENSION_BYTES = 4096,   /* chunk extensions of a body; --max-chunk-extensions; 400 */
    WEFT_MAX_STREAMS = 256,            /* concurrent HTTP/2 streams of one connection */
    WEFT_STREAM_WINDOW = 256 * 1024,   /* HTTP/2 receive window of a stream */
    WEFT_CONN_WINDOW = 4 * 1024 * 1024, /* HTTP/2 receive window of a connection: 16 streams */
    WEFT_STREAM_HIGH = 256 * 1024,      /* queued bytes of a stream at which its source pauses */
    WEFT_STREAM_LOW = 64 * 1024,        /* ... and resumes */
    WEFT_STREAM_FLOOR = 16 * 1024,      /* ... where the connection or the process has too much */
    WEFT_CONN_QUEUED = 4 * 1024 * 1024, /* queued output of one; --max-buffered-per-connection */
    WEFT_MAX_FRAMES = 10000,      /* HTTP/2 frames without content in 10 s; --max-control-frames */
    WEFT_MAX_RESETS = 1000,       /* HTTP/2 streams reset in 10 s; --max-resets */
    WEFT_XPORT_HIGH = 512 * 1024, /* queued bytes of a connection: the codec stops producing */
    WEFT_XPORT_LOW = 128 * 1024,
    WEFT_XPORT_FLOOR = 64 * 1024,    /* ... where the process has too much queued */
    WEFT_REPLAY_BYTES = 64 * 1024,   /* request body kept for retries; --max-retry-body */
    WEFT_REQUEST_ARENA = 512 * 1024, /* all that one request may allocate; --max-request-memory */
    WEFT_ARENA_RESERVE = 128 * 1024, /* ... of which what the peer sends never takes so much */
    WEFT_MAX_NEGATIVE = 10000,       /* cached "nothing of ours" destinations */
    WEFT_MAX_REGEX_BYTES = 1024,     /* pattern length */
    WEFT_MAX_MANIFEST_BYTES = 4 * 1024 * 1024, /* one manifest file */
    WEFT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024, /* one gRPC message between controller and proxy */
    WEFT_MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024,
};
