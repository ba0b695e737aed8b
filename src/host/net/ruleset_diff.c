/* The nft commands from one ruleset to another. */
#include "host/net/ruleset_builder.h"

#include <string.h>

#define TABLE "ip pileus"

static const char *const kind_names[] = {"set", "map", "chain"};

static const struct ruleset_object *counterpart(const struct ruleset *ruleset, const char *name)
{
    return ruleset ? map_get(&ruleset->objects, name) : NULL;
}

/* Chains first: nft does not find one that was declared after the interval map that names it. */
static void diff_declarations(const struct ruleset *old, const struct ruleset *new, bool chains,
                              struct buf *commands)
{
    map_each (entry, &new->objects) {
        const struct ruleset_object *object = entry->value;
        if (counterpart(old, entry->key) || (object->kind == RULESET_CHAIN) != chains)
            continue;
        buf_printf(commands, "add %s " TABLE " %s", kind_names[object->kind], entry->key);
        if (*object->type)
            buf_printf(commands, " { %s }", object->type);
        buf_append_string(commands, "\n");
    }
}

static void append_rules(struct buf *commands, const char *chain, const struct buf *rules)
{
    const char *line = rules->data, *end = rules->data + rules->size;
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        buf_printf(commands, "add rule " TABLE " %s %.*s\n", chain, (int)(next - line), line);
        line = next + 1;
    }
}

static bool same_rules(const struct ruleset_object *a, const struct ruleset_object *b)
{
    return a->rules.size == b->rules.size &&
           (a->rules.size == 0 || memcmp(a->rules.data, b->rules.data, a->rules.size) == 0);
}

static void diff_chains(const struct ruleset *old, const struct ruleset *new, struct buf *commands)
{
    map_each (entry, &new->objects) {
        const struct ruleset_object *object = entry->value, *before = counterpart(old, entry->key);
        if (object->kind != RULESET_CHAIN || (before && same_rules(before, object)))
            continue;
        if (before)
            buf_printf(commands, "flush chain " TABLE " %s\n", entry->key);
        append_rules(commands, entry->key, &object->rules);
    }
}

/* Writes `verb` for each element of `these` that `those` (may be NULL) lacks or has otherwise. */
static void diff_elements(const char *verb, const char *set, const struct ruleset_object *these,
                          const struct ruleset_object *those, struct buf *commands)
{
    bool open = false;
    map_each (entry, &these->elements) {
        const struct map_entry *match = those ? map_find(&those->elements, entry->key) : NULL;
        const char *value = entry->value;
        if (match && strcmp(match->value, value) == 0)
            continue;
        if (open)
            buf_append_string(commands, ", ");
        else
            buf_printf(commands, "%s element " TABLE " %s { ", verb, set);
        open = true;
        buf_append_string(commands, entry->key);
        if (*value)
            buf_printf(commands, " : %s", value);
    }
    if (open)
        buf_append_string(commands, " }\n");
}

static void diff_removed_elements(const struct ruleset *old, const struct ruleset *new,
                                  struct buf *commands)
{
    map_each (entry, &old->objects) {
        const struct ruleset_object *after = counterpart(new, entry->key);
        if (after)
            diff_elements("delete", entry->key, entry->value, after, commands);
    }
}

/* Chains are emptied first, so that none refers to what goes. */
static void diff_removed_objects(const struct ruleset *old, const struct ruleset *new,
                                 struct buf *commands)
{
    for (int pass = 0; pass < 2; pass++)
        map_each (entry, &old->objects) {
            const struct ruleset_object *object = entry->value;
            if (counterpart(new, entry->key))
                continue;
            if (pass == 1)
                buf_printf(commands, "delete %s " TABLE " %s\n", kind_names[object->kind],
                           entry->key);
            else if (object->kind == RULESET_CHAIN)
                buf_printf(commands, "flush chain " TABLE " %s\n", entry->key);
        }
}

void ruleset_diff(const struct ruleset *old, const struct ruleset *new, struct buf *commands)
{
    if (!old)
        buf_append_string(commands,
                          "add table " TABLE "\ndelete table " TABLE "\nadd table " TABLE "\n");
    diff_declarations(old, new, true, commands);
    diff_declarations(old, new, false, commands);
    diff_chains(old, new, commands);
    if (old)
        diff_removed_elements(old, new, commands);
    map_each (entry, &new->objects)
        diff_elements("add", entry->key, entry->value, counterpart(old, entry->key), commands);
    if (old)
        diff_removed_objects(old, new, commands);
}
