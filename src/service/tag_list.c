#include "service/tag_list.h"

#include "service/doc.h"

#include <string.h>

bool tag_list_repeats(const json_t *tags)
{
    for (size_t i = 0; i < json_array_size(tags); i++)
        for (size_t j = 0; j < i; j++)
            if (doc_is(json_array_get(tags, j), "Key", doc_text(json_array_get(tags, i), "Key")))
                return true;
    return false;
}

bool tag_list_reserves(const json_t *tags)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag)
        if (strncmp(doc_text(tag, "Key"), "aws:", 4) == 0)
            return true;
    return false;
}

static void remove_key(json_t *tags, const char *key)
{
    for (size_t i = json_array_size(tags); i > 0; i--)
        if (doc_is(json_array_get(tags, i - 1), "Key", key))
            json_array_remove(tags, i - 1);
}

bool tag_list_merge(json_t *into, const json_t *tags)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag) {
        const char *key = doc_text(tag, "Key");
        remove_key(into, key);
        json_array_append_new(into,
                              json_pack("{s:s, s:s}", "Key", key, "Value", doc_text(tag, "Value")));
    }
    return json_array_size(into) <= TAGS_MAX;
}

void tag_list_remove(json_t *from, const json_t *keys)
{
    size_t i;
    const json_t *key;
    json_array_foreach (keys, i, key)
        remove_key(from, json_string_value(key));
}
