/* SPDX-License-Identifier: Apache-2.0
 * The exchange's state machine: its shape stands in docs/internals/exchange.md as text, and must be
 * the one in force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sidecar/stream.h>
#include <weft/base/alloc.h>

static void every_state_can_end(void **state) {
    for (unsigned s = 0; s < PROXY_ST_COUNT; s++) {
        unsigned to = proxy_stream_allowed((enum proxy_stream_state)s);
        if (s == PROXY_ST_FINISH)
            assert_int_equal(to, 0);
        else
            assert_true(to & (1u << PROXY_ST_FINISH));
        assert_false(to & (1u << PROXY_ST_HEAD));
    }
}

/* Once a response head went out there is no way back to another attempt. */
static void no_attempt_after_the_head(void **state) {
    const unsigned attempts = 1u << PROXY_ST_CONNECT | 1u << PROXY_ST_SEND | 1u << PROXY_ST_BACKOFF;
    assert_false(proxy_stream_allowed(PROXY_ST_RELAY) & attempts);
    assert_false(proxy_stream_allowed(PROXY_ST_LINGER) & attempts);
}

static void the_document_is_true(void **state) {
    FILE *f = fopen(WEFT_SOURCE_DIR "/docs/internals/exchange.md", "re");
    assert_non_null(f);
    WEFT_FREE char *text = weft_alloc0(65536);
    size_t n = fread(text, 1, 65535, f);
    fclose(f);
    text[n] = 0;
    int edges = 0;
    for (unsigned from = 0; from < PROXY_ST_COUNT; from++) {
        for (unsigned to = 0; to < PROXY_ST_COUNT; to++) {
            char edge[64];
            snprintf(edge, sizeof edge, "    %s -> %s;",
                     proxy_stream_state_name((enum proxy_stream_state)from),
                     proxy_stream_state_name((enum proxy_stream_state)to));
            bool allowed = proxy_stream_allowed((enum proxy_stream_state)from) & (1u << to);
            if ((strstr(text, edge) != NULL) != allowed) fail_msg("document and code: %s", edge);
            edges += allowed;
        }
    }
    assert_true(edges > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_can_end),
        cmocka_unit_test(no_attempt_after_the_head),
        cmocka_unit_test(the_document_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
