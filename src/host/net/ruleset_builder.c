#include "host/net/ruleset_builder.h"

#include "base/cleanup.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 0xffff, ICMP_ALL = 0xffff };

const char *const ruleset_suffixes[] = {"_in", "_out"};

static void object_free(struct ruleset_object *object)
{
    if (!object)
        return;
    map_each (entry, &object->elements)
        free(entry->value);
    map_finish(&object->elements);
    buf_reset(&object->rules);
    free(object);
}

void ruleset_reset(struct ruleset *ruleset)
{
    map_each (entry, &ruleset->objects)
        object_free(entry->value);
    map_finish(&ruleset->objects);
    memset(ruleset, 0, sizeof(*ruleset));
}

void ruleset_declare(struct ruleset_builder *builder, enum ruleset_kind kind, const char *name,
                     const char *type)
{
    struct ruleset_object *object = calloc(1, sizeof(*object));
    if (!object || map_set(&builder->ruleset->objects, name, object) < 0) {
        object_free(object);
        builder->failed = true;
        return;
    }
    object->kind = kind;
    object->type = type;
}

void ruleset_add_element(struct ruleset_builder *builder, const char *set, const char *key,
                         const char *format, ...)
{
    struct ruleset_object *object = map_get(&builder->ruleset->objects, set);
    auto_buf value = {0};
    va_list arguments;
    char text[RULESET_LINE_SIZE];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buf_append_string(&value, text);
    auto_free char *owned = buf_take(&value);
    char *before = object ? map_get(&object->elements, key) : NULL;
    if (!object || !owned || map_set(&object->elements, key, owned) < 0) {
        builder->failed = true;
        return;
    }
    owned = NULL;
    free(before);
}

void ruleset_name(char name[RULESET_NAME_SIZE], const char *id, const char *suffix)
{
    snprintf(name, RULESET_NAME_SIZE, "%.*s%s", ID_SIZE, id, suffix);
    for (char *byte = name; *byte; byte++)
        if (*byte == '-')
            *byte = '_';
}

struct buf *ruleset_rules(struct ruleset_builder *builder, const char *chain)
{
    static struct buf nowhere = {.size_limit = 1};
    struct ruleset_object *object = map_get(&builder->ruleset->objects, chain);
    return object ? &object->rules : &nowhere;
}

void ruleset_append_protocol(struct buf *line, unsigned protocol, unsigned port_from,
                             unsigned port_to)
{
    bool has_ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
    bool all_ports = port_from == 0 && port_to == PORT_MAX;

    if (has_ports && !all_ports) {
        buf_printf(line, "%s dport ", protocol == IPPROTO_TCP ? "tcp" : "udp");
        if (port_from == port_to)
            buf_printf(line, "%u ", port_from);
        else
            buf_printf(line, "%u-%u ", port_from, port_to);
    } else if (protocol == IPPROTO_ICMP && port_from != ICMP_ALL) {
        buf_printf(line, "icmp type %u ", port_from);
        if (port_to != ICMP_ALL)
            buf_printf(line, "icmp code %u ", port_to);
    } else if (protocol) {
        buf_printf(line, "ip protocol %u ", protocol);
    }
}
