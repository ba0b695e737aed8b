#include "service/doc.h"

#include <string.h>

const char *doc_text(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));
    return text ? text : "";
}

int64_t doc_number(const json_t *doc, const char *key)
{
    const json_t *value = json_object_get(doc, key);
    return json_is_integer(value) ? json_integer_value(value) : (int64_t)json_real_value(value);
}

bool doc_flag(const json_t *doc, const char *key)
{
    return json_is_true(json_object_get(doc, key));
}

bool doc_is(const json_t *doc, const char *key, const char *text)
{
    return !strcmp(doc_text(doc, key), text);
}

static bool find_text(const json_t *list, const char *text, size_t *ret_index)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        const char *value = json_string_value(item);
        if (value && !strcmp(value, text)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

bool doc_list_has(const json_t *list, const char *text)
{
    size_t index;
    return find_text(list, text, &index);
}

void doc_list_remove(json_t *list, const char *text)
{
    size_t index;
    while (find_text(list, text, &index))
        json_array_remove(list, index);
}
