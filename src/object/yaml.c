/* SPDX-License-Identifier: Apache-2.0
 * YAML documents to JSON by libyaml's events. Beside each value a tree of the same shape keeps
 * line numbers: a scalar is its line; a mapping is {"": line, key: ...}; a sequence is
 * [line, item, ...]. Depth, size after expansion of aliases, and the number of anchors are capped,
 * so that no file can blow up. */
#include "object_internal.h"

#include <stdio.h>
#include <weft/base/alloc.h>
#include <yaml.h>

enum { MAX_DEPTH = 64, MAX_NODES = 400000, MAX_ANCHORS = 256 };

struct node {
    json_t *value, *lines; /* both NULL: an error was set */
    size_t nodes;          /* after expansion */
};
struct anchor {
    char *name;
    struct node node;
};
struct builder {
    yaml_parser_t parser;
    struct weft_error *err;
    enum weft_status status;
    size_t nodes;
    struct anchor anchors[MAX_ANCHORS];
    size_t n_anchors;
};

static struct node fail(struct builder *b, enum weft_status st, size_t line, const char *what) {
    if (b->status == WEFT_OK) {
        b->status = weft_error_set(b->err, st, "", "%s", what);
        if (b->err) b->err->line = (int)line + 1;
    }
    return (struct node){0};
}

static bool next_event(struct builder *b, yaml_event_t *e) {
    if (yaml_parser_parse(&b->parser, e)) return true;
    char what[200];
    const char *problem = b->parser.problem ? b->parser.problem : "not YAML";
    snprintf(what, sizeof what, "%s%s%s", b->parser.context ? b->parser.context : "",
             b->parser.context ? ": " : "", problem);
    fail(b, WEFT_INVALID, b->parser.problem_mark.line, what);
    return false;
}

static void node_drop(struct node *n) {
    json_decref(n->value);
    json_decref(n->lines);
    *n = (struct node){0};
}

static void anchors_drop(struct builder *b) {
    for (size_t i = 0; i < b->n_anchors; i++) {
        free(b->anchors[i].name);
        node_drop(&b->anchors[i].node);
    }
    b->n_anchors = 0;
}

static bool spend(struct builder *b, size_t nodes, size_t line) {
    b->nodes += nodes;
    if (b->nodes <= MAX_NODES) return true;
    fail(b, WEFT_LIMIT, line, "too large after its aliases are expanded; split the file");
    return false;
}

static bool anchor_keep(struct builder *b, const yaml_char_t *name, const struct node *n,
                        size_t line) {
    if (!name || !n->value) return true;
    if (b->n_anchors == MAX_ANCHORS) {
        fail(b, WEFT_LIMIT, line, "more than 256 anchors in one document");
        return false;
    }
    if (!spend(b, n->nodes, line)) return false; /* the copy below */
    struct anchor *a = &b->anchors[b->n_anchors++];
    a->name = weft_strdup((const char *)name);
    a->node = (struct node){json_deep_copy(n->value), json_incref(n->lines), n->nodes};
    return true;
}

static struct node from_alias(struct builder *b, const yaml_event_t *e) {
    size_t line = e->start_mark.line;
    for (size_t i = b->n_anchors; i-- > 0;) {
        const struct anchor *a = &b->anchors[i];
        if (strcmp(a->name, (const char *)e->data.alias.anchor) != 0) continue;
        if (!spend(b, a->node.nodes, line)) return (struct node){0};
        return (struct node){json_deep_copy(a->node.value), json_copy(a->node.lines),
                             a->node.nodes};
    }
    return fail(b, WEFT_INVALID, line, "alias without an anchor before it");
}

static struct node from_scalar(struct builder *b, const yaml_event_t *e) {
    struct weft_slice s = weft_slice((const char *)e->data.scalar.value, e->data.scalar.length);
    size_t line = e->start_mark.line;
    const char *tag = (const char *)e->data.scalar.tag;
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!tag || !strcmp(tag, "!"));
    if (tag && (!strcmp(tag, YAML_INT_TAG) || !strcmp(tag, YAML_BOOL_TAG) ||
                !strcmp(tag, YAML_FLOAT_TAG) || !strcmp(tag, YAML_NULL_TAG)))
        plain = true;
    if (!spend(b, 1, line)) return (struct node){0};
    if (s.len && memchr(s.base, 0, s.len))
        return fail(b, WEFT_INVALID, line, "a NUL character cannot stand in a value");
    json_t *value = plain ? weft_yaml_plain(s) : json_stringn(s.base, s.len);
    if (!value) return fail(b, WEFT_INVALID, line, "this value has no form in JSON");
    return (struct node){value, json_integer((json_int_t)line + 1), 1};
}

static struct node build(struct builder *b, yaml_event_t *e, int depth);

static struct node from_sequence(struct builder *b, const yaml_event_t *start, int depth) {
    struct node n = {json_array(), json_array(), 1};
    json_array_append_new(n.lines, json_integer((json_int_t)start->start_mark.line + 1));
    yaml_event_t e;
    while (next_event(b, &e)) {
        if (e.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&e);
            return n;
        }
        struct node item = build(b, &e, depth + 1);
        if (!item.value) break;
        json_array_append_new(n.value, item.value);
        json_array_append_new(n.lines, item.lines);
        n.nodes += item.nodes;
    }
    node_drop(&n);
    return n;
}

/* "<<": members of the mapping (or list of mappings) that are not set yet. */
static void merge(struct node *into, json_t *from) {
    size_t i;
    json_t *item;
    if (json_is_array(from)) {
        json_array_foreach(from, i, item) if (json_is_object(item)) merge(into, item);
        return;
    }
    const char *key;
    json_object_foreach(from, key, item) {
        if (!json_object_get(into->value, key)) json_object_set(into->value, key, item);
    }
}

/* What a key holds begins at the key, not at its first item below. */
static void begin_at(json_t *lines, size_t line) {
    json_t *at = json_integer((json_int_t)line + 1);
    if (json_is_object(lines))
        json_object_set_new(lines, "", at);
    else if (json_is_array(lines))
        json_array_set_new(lines, 0, at);
    else
        json_decref(at);
}

static bool put_member(struct builder *b, struct node *map, const char *key, struct node item,
                       size_t line) {
    if (json_object_get(map->value, key)) {
        char what[160];
        snprintf(what, sizeof what, "the key \"%.100s\" stands here twice", key);
        fail(b, WEFT_INVALID, line, what);
        node_drop(&item);
        return false;
    }
    if (json_object_set_new(map->value, key, item.value) != 0) {
        json_decref(item.lines);
        fail(b, WEFT_INVALID, line, "a key is not valid UTF-8");
        return false;
    }
    begin_at(item.lines, line);
    if (*key)
        json_object_set_new(map->lines, key, item.lines);
    else
        json_decref(item.lines);
    map->nodes += item.nodes;
    return true;
}

static bool member(struct builder *b, struct node *map, yaml_event_t *key, struct node *merged,
                   int depth) {
    size_t line = key->start_mark.line;
    if (key->type != YAML_SCALAR_EVENT) {
        yaml_event_delete(key);
        fail(b, WEFT_INVALID, line, "keys must be plain words");
        return false;
    }
    WEFT_FREE char *name = weft_strdup((const char *)key->data.scalar.value);
    bool merge_key = key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !strcmp(name, "<<");
    yaml_event_delete(key);
    yaml_event_t e;
    if (!next_event(b, &e)) return false;
    struct node item = build(b, &e, depth + 1);
    if (!item.value) return false;
    if (!merge_key) return put_member(b, map, name, item, line);
    if (merged->value || (!json_is_object(item.value) && !json_is_array(item.value))) {
        node_drop(&item);
        fail(b, WEFT_INVALID, line, "\"<<\" takes one mapping, or one list of mappings");
        return false;
    }
    *merged = item;
    return true;
}

static struct node from_mapping(struct builder *b, const yaml_event_t *start, int depth) {
    struct node n = {json_object(), json_object(), 1}, merged = {0};
    json_object_set_new(n.lines, "", json_integer((json_int_t)start->start_mark.line + 1));
    yaml_event_t e;
    while (next_event(b, &e)) {
        if (e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            if (merged.value) merge(&n, merged.value);
            n.nodes += merged.nodes;
            node_drop(&merged);
            return n;
        }
        if (!member(b, &n, &e, &merged, depth)) break;
    }
    node_drop(&merged);
    node_drop(&n);
    return n;
}

/* Takes over `e`. */
static struct node build(struct builder *b, yaml_event_t *e, int depth) {
    struct node n = {0};
    const yaml_char_t *anchor = NULL;
    size_t line = e->start_mark.line;
    if (depth > MAX_DEPTH) {
        n = fail(b, WEFT_LIMIT, line, "nested more than 64 levels deep");
    } else if (e->type == YAML_ALIAS_EVENT) {
        n = from_alias(b, e);
    } else if (e->type == YAML_SCALAR_EVENT) {
        anchor = e->data.scalar.anchor;
        n = from_scalar(b, e);
    } else if (e->type == YAML_SEQUENCE_START_EVENT) {
        anchor = e->data.sequence_start.anchor;
        n = spend(b, 1, line) ? from_sequence(b, e, depth) : n;
    } else if (e->type == YAML_MAPPING_START_EVENT) {
        anchor = e->data.mapping_start.anchor;
        n = spend(b, 1, line) ? from_mapping(b, e, depth) : n;
    } else {
        n = fail(b, WEFT_INVALID, line, "not YAML");
    }
    if (!anchor_keep(b, anchor, &n, line)) node_drop(&n);
    yaml_event_delete(e);
    return n;
}

static bool document(struct builder *b, weft_document_fn *fn, void *ud) {
    yaml_event_t e;
    if (!next_event(b, &e)) return false;
    int line = (int)e.start_mark.line + 1;
    struct node n = build(b, &e, 0);
    anchors_drop(b);
    if (!n.value) return false;
    if (json_is_null(n.value))
        node_drop(&n); /* "---" without content */
    else
        fn(ud, n.value, n.lines, line);
    return true;
}

enum weft_status weft_yaml_parse(struct weft_slice text, weft_document_fn *fn, void *ud,
                                 struct weft_error *err) {
    WEFT_FREE struct builder *b = weft_new0(struct builder);
    b->err = err;
    if (!yaml_parser_initialize(&b->parser))
        return weft_error_set(err, WEFT_INTERNAL, "", "no YAML parser");
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)(text.base ? text.base : ""),
                                 text.len);
    yaml_event_t e;
    while (next_event(b, &e)) {
        yaml_event_type_t type = e.type;
        yaml_event_delete(&e);
        if (type == YAML_STREAM_END_EVENT) break;
        if (type == YAML_DOCUMENT_START_EVENT && !document(b, fn, ud)) break;
    }
    anchors_drop(b);
    yaml_parser_delete(&b->parser);
    return b->status;
}
