/* SPDX-License-Identifier: Apache-2.0
 * JSON to YAML: what is written reads back as it was, and reads well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weft/base/alloc.h>
#include <weft/object/json.h>
#include <weft/object/yaml.h>

static void on_value(void *ud, json_t *value, json_t *lines, int line) {
    json_decref(lines);
    *(json_t **)ud = value;
}

static void round_trip(json_t *v) {
    struct weft_buf text;
    struct weft_error err = {0};
    json_t *back = NULL;
    weft_buf_init(&text, 0);
    weft_yaml_write(v, &text);
    if (weft_yaml_parse(weft_buf_slice(&text), on_value, &back, &err) != WEFT_OK ||
        !json_equal(v, back)) {
        WEFT_FREE char *was = json_dumps(v, JSON_ENCODE_ANY);
        fail_msg("%s became\n" WEFT_SLICE_FMT "\n%s", was, WEFT_SLICE_ARG(weft_buf_slice(&text)),
                 err.message);
    }
    json_decref(back);
    weft_buf_done(&text);
}

/* Words that some YAML takes for null, booleans, numbers, dates, or syntax. */
static void odd_strings_stay_strings(void **state) {
    static const char *const words[] = {
        "",           "~",          "null",
        "Null",       "yes",        "No",
        "on",         "OFF",        "true",
        "y",          "n",          "1",
        "-1",         "0x10",       "010",
        "1e3",        ".5",         "1_000",
        ".inf",       ".nan",       "1:30",
        "12:30:45",   "2026-01-02", "2026-01-02T03:04:05Z",
        "-",          "- a",        ":",
        "a:",         "a: b",       "a #b",
        "#a",         "[a]",        "{a}",
        "*a",         "&a",         "!a",
        "|",          ">",          "'a'",
        "\"a\"",      "%a",         "@a",
        "`a",         "=",          "<<",
        "?",          "? a",        " a",
        "a ",         "a\n",        "a\nb\n",
        "a\n\n",      "\na\n",      " a\nb\n",
        "a\tb",       "a\\b",       "\x01",
        "\xc3\xa4",   "---",        "...",
        "a \nb\n",    "0.1.0",      "1.5Gi",
        "100m",       "$(HOME)",    "--kube",
        "10.0.0.0/8", "fd00::/8",   "localhost/a:1",
    };
    for (size_t i = 0; i < WEFT_LEN(words); i++) {
        json_t *v = json_pack("{s:s, s:[s]}", "k", words[i], "l", words[i]);
        assert_non_null(v);
        round_trip(v);
        json_t *key = json_object();
        json_object_set_new(key, words[i], json_integer(1));
        if (*words[i]) round_trip(key);
        json_decref(key);
        json_decref(v);
    }
}

static void other_values_stay_what_they_are(void **state) {
    json_t *v = json_pack("{s:n, s:b, s:b, s:i, s:f, s:{}, s:[], s:[[i], {s:[{s:i}]}]}", "n", "t",
                          1, "f", 0, "i", -5, "r", 1.5, "o", "a", "d", 1, "x", "y", 2);
    assert_non_null(v);
    round_trip(v);
    json_decref(v);
}

static void it_reads_as_people_write_it(void **state) {
    json_t *v =
        json_pack("{s:s, s:{s:[{s:s, s:i}], s:{}}, s:s, s:s}", "kind", "Pod", "spec", "containers",
                  "name", "web", "port", 80, "empty", "text", "a: b\nc\n", "no", "yes");
    struct weft_buf text;
    weft_buf_init(&text, 0);
    weft_yaml_write(v, &text);
    weft_buf_char(&text, 0);
    assert_string_equal(text.base, "kind: Pod\n"
                                   "spec:\n"
                                   "  containers:\n"
                                   "  - name: web\n"
                                   "    port: 80\n"
                                   "  empty: {}\n"
                                   "text: |\n"
                                   "  a: b\n"
                                   "  c\n"
                                   "\"no\": \"yes\"\n");
    weft_buf_done(&text);
    json_decref(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_strings_stay_strings),
        cmocka_unit_test(other_values_stay_what_they_are),
        cmocka_unit_test(it_reads_as_people_write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
