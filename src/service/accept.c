#include "service/accept.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool asks_for_nothing(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_string_length(value) == 0;
    case JSON_ARRAY:
        return json_array_size(value) == 0;
    case JSON_OBJECT:
        return json_object_size(value) == 0;
    case JSON_FALSE:
    case JSON_NULL:
        return true;
    default:
        return false;
    }
}

/* The value as it is written in a list of members; "" for what cannot be written there. */
static void write_value(const json_t *value, char *out, size_t out_size)
{
    out[0] = '\0';
    if (json_is_string(value))
        snprintf(out, out_size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(out, out_size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_true(value))
        snprintf(out, out_size, "true");
}

/* Whether "Name" or "Name=value" of the list allows this member. */
static bool is_accepted(const char *members, const char *name, const json_t *value)
{
    char text[128];
    size_t name_size = strlen(name);
    write_value(value, text, sizeof text);
    for (const char *word = members; *word;) {
        size_t size = strcspn(word, " ");
        if (size >= name_size && !memcmp(word, name, name_size)) {
            if (size == name_size)
                return true;
            if (word[name_size] == '=' && text[0] && strlen(text) == size - name_size - 1 &&
                !memcmp(word + name_size + 1, text, size - name_size - 1))
                return true;
        }
        word += size;
        word += strspn(word, " ");
    }
    return false;
}

int call_accept(const json_t *object, const char *members, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (asks_for_nothing(value) || is_accepted("DryRun ClientToken", name, value) ||
            is_accepted(members, name, value))
            continue;
        if (json_is_string(value))
            return err_aws(err, "UnsupportedOperation",
                           "The value '%.200s' of the parameter %s is not supported by Pileus yet",
                           json_string_value(value), name);
        return err_aws(err, "UnsupportedOperation",
                       "The parameter %s is not supported by Pileus yet", name);
    }
    return 0;
}
