/* SPDX-License-Identifier: Apache-2.0
 * --check without a network: differences between what is in force and what is asked for, and which
 * destination must be redirected. */
#include <init/compare.h>
#include <init/render.h>

#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

static struct init_options o; /* large */

/* `line`: words separated by blanks. */
static void options(const char *line) {
    char text[256], *argv[16] = {(char *)(uintptr_t) "weft-init"};
    int argc = 1;
    assert_true(strlen(line) < sizeof text);
    memcpy(text, line, strlen(line) + 1);
    for (char *save, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    struct weft_option_result r;
    struct weft_error err = {0};
    if (init_options_parse(argc, argv, &o, &r, &err) != WEFT_OK) fail_msg("%s", err.message);
}

#define RULES                                                                                      \
    "-A WEFT_OUT -o lo -j RETURN\n"                                                                \
    "-A WEFT_OUT -m owner --uid-owner 1337 -j RETURN\n"                                            \
    "-A WEFT_OUT -m owner --gid-owner 1337 -j RETURN\n"                                            \
    "-A WEFT_OUT -p tcp -m tcp --dport 15020 -j RETURN\n"                                          \
    "-A WEFT_OUT -p tcp -m tcp --dport 15021 -j RETURN\n"                                          \
    "-A WEFT_OUT -j WEFT_OUT_NET\n"                                                                \
    "-A WEFT_OUT_NET -j WEFT_OUT_REDIRECT\n"                                                       \
    "-A WEFT_OUT_REDIRECT -p tcp -j REDIRECT --to-ports 15001\n"                                   \
    "-A WEFT_IN -p tcp -m tcp --dport 15000 -j RETURN\n"                                           \
    "-A WEFT_IN -p tcp -m tcp --dport 15020 -j RETURN\n"                                           \
    "-A WEFT_IN -p tcp -m tcp --dport 15021 -j RETURN\n"                                           \
    "-A WEFT_IN -j WEFT_IN_REDIRECT\n"
#define LAST "-A WEFT_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006\n"
#define CHAINS                                                                                     \
    "*nat\n:OUTPUT ACCEPT [0:0]\n:WEFT_OUT - [0:0]\n:WEFT_OUT_NET - [0:0]\n"                       \
    ":WEFT_OUT_REDIRECT - [0:0]\n:WEFT_IN - [0:0]\n:WEFT_IN_REDIRECT - [0:0]\n"
#define JUMPS "-A PREROUTING -p tcp -j WEFT_IN\n-A OUTPUT -p tcp -j WEFT_OUT\n"

static const struct difference {
    const char *options, *saved, *expected;
} differences[] = {
    {"", CHAINS JUMPS RULES LAST, ""},
    {"", "", "there are no rules of weft-init\n"},
    {"", CHAINS RULES LAST,
     "not at the head of OUTPUT, once: the jump to WEFT_OUT\n"
     "not at the head of PREROUTING, once: the jump to WEFT_IN\n"},
    {"",
     CHAINS
     "-A PREROUTING -p tcp -j WEFT_IN\n-A OUTPUT -j ACCEPT\n-A OUTPUT -p tcp -j WEFT_OUT\n" RULES
         LAST,
     "out of place: -A OUTPUT -p tcp -j WEFT_OUT\n"
     "not at the head of OUTPUT, once: the jump to WEFT_OUT\n"},
    {"", CHAINS JUMPS RULES,
     "missing: -A "
     "WEFT_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006\n"},
    {"--inbound-port 16006", CHAINS JUMPS RULES LAST,
     "missing: -A WEFT_IN_REDIRECT -p tcp -j REDIRECT --to-ports 16006\n"
     "instead or beside: -A WEFT_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006\n"},
    {"", CHAINS JUMPS RULES LAST "-A WEFT_IN_REDIRECT -j ACCEPT\n",
     "instead or beside: -A WEFT_IN_REDIRECT -j ACCEPT\n"},
    {"", CHAINS ":WEFT_OLD - [0:0]\n" JUMPS RULES LAST, "of another version: chain WEFT_OLD\n"},
    {"", "*nat\n:WEFT_OUT - [0:0]\n" JUMPS RULES LAST,
     "missing: chain WEFT_OUT_NET\nmissing: chain WEFT_OUT_REDIRECT\nmissing: chain WEFT_IN\n"
     "missing: chain WEFT_IN_REDIRECT\n"},
    {"--exclude-outbound-ports 22", CHAINS JUMPS RULES LAST,
     "missing: -A WEFT_OUT -p tcp -m tcp --dport 22 -j RETURN\n"
     "instead or beside: -A WEFT_OUT -j WEFT_OUT_NET\n"},
};

static void test_differences(void **state) {
    for (size_t i = 0; i < WEFT_LEN(differences); i++) {
        const struct difference *d = &differences[i];
        struct weft_arena a;
        struct weft_buf out;
        struct init_saved saved;
        weft_arena_init(&a, 0);
        weft_buf_init(&out, 0);
        options(d->options);
        init_saved_parse(&a, weft_slice_str(d->saved), &saved);
        init_compare(&a, &o, &saved, 4, &out);
        weft_buf_char(&out, 0);
        assert_string_equal(weft_buf_slice(&out).base, d->expected);
        weft_buf_done(&out);
        weft_arena_done(&a);
    }
}

/* What is rendered is what is compared: nothing differs from itself, whatever the options. */
static void test_own_rules_are_the_same(void **state) {
    static const char *const lines[] = {
        "--exclude-outbound-cidrs 10.0.0.0/8,fd00::/8 --exclude-outbound-uids 0,1000-1999",
        "--include-inbound-ports 80,8000-8999 --include-outbound-cidrs 10.1.2.3,2001:db8::/32",
        "--include-outbound-ports none --include-inbound-ports none",
    };
    for (size_t i = 0; i < 2 * WEFT_LEN(lines); i++) {
        struct weft_arena a;
        struct weft_buf text, out;
        struct init_saved saved = {0};
        struct init_plan plan;
        int family = i % 2 ? 6 : 4;
        weft_arena_init(&a, 0);
        weft_buf_init(&text, 0);
        weft_buf_init(&out, 0);
        options(lines[i / 2]);
        init_plan_apply(&a, &o, &saved, family, &plan);
        init_render(&plan, &text);
        weft_buf_str(&text, "*nat\n" JUMPS);
        init_saved_parse(&a, weft_buf_slice(&text), &saved);
        init_compare(&a, &o, &saved, family, &out);
        weft_buf_char(&out, 0);
        assert_string_equal(weft_buf_slice(&out).base, "");
        weft_buf_done(&text);
        weft_buf_done(&out);
        weft_arena_done(&a);
    }
}

static const struct target {
    const char *options, *expected; /* address and port, or the reason */
    int family;
    uint32_t uid, gid;
} targets[] = {
    {"", "192.0.2.1:80", 4, 0, 0},
    {"", "[2001:db8::1]:80", 6, 0, 0},
    {"--exclude-outbound-ports 80-90", "192.0.2.1:91", 4, 0, 0},
    {"--include-outbound-ports 22", "192.0.2.1:22", 4, 0, 0},
    {"--include-outbound-ports 15020-15022", "192.0.2.1:15022", 4, 0, 0},
    {"--include-outbound-ports none", "no port is included", 4, 0, 0},
    {"--exclude-outbound-ports 1-65535", "no port is included", 4, 0, 0},
    {"--exclude-outbound-cidrs 192.0.2.0/24", "198.51.100.1:80", 4, 0, 0},
    {"--exclude-outbound-cidrs 192.0.2.0/31", "198.51.100.1:80", 4, 0, 0},
    {"--exclude-outbound-cidrs 192.0.2.2/31", "192.0.2.1:80", 4, 0, 0},
    {"--exclude-outbound-cidrs 2001:db8::/32", "[3fff::1]:80", 6, 0, 0},
    {"--include-outbound-cidrs 10.0.0.0/8", "no documentation address is included", 4, 0, 0},
    {"--include-outbound-cidrs 0.0.0.0/0", "192.0.2.1:80", 4, 0, 0},
    {"--include-outbound-cidrs 0.0.0.0/0", "no documentation address is included", 6, 0, 0},
    {"--exclude-outbound-uids 0", "the user id of this process is exempt", 4, 0, 0},
    {"--exclude-outbound-gids 5-7", "the group id of this process is exempt", 4, 0, 6},
    {"", "the user id of this process is exempt", 4, 1337, 0},
};

static void test_targets(void **state) {
    for (size_t i = 0; i < WEFT_LEN(targets); i++) {
        const struct target *t = &targets[i];
        struct weft_addr to;
        char text[WEFT_ADDR_STR];
        options(t->options);
        const char *why = init_compare_target(&o, t->family, t->uid, t->gid, &to);
        if (!why) weft_addr_format(&to, text);
        assert_string_equal(why ? why : text, t->expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_own_rules_are_the_same),
        cmocka_unit_test(test_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
