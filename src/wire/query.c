#include "wire/query.h"

#include "wire/uri.h"

#include <stdlib.h>
#include <string.h>

/* Decodes name and value of one "name=value" to the end of query->bytes, each with a NUL. */
static int append_param(struct query *query, const char *text, size_t size)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals ? (size_t)(equals - text) : size;
    size_t name_at = query->bytes.size;
    if (!uri_decode(&query->bytes, text, name_size, true))
        return -1;
    buf_append_char(&query->bytes, 0);
    size_t value_at = query->bytes.size;
    if (equals && !uri_decode(&query->bytes, equals + 1, size - name_size - 1, true))
        return -1;
    buf_append_char(&query->bytes, 0);

    const char *name = query->bytes.data + name_at, *value = query->bytes.data + value_at;
    if (query->bytes.failed || strlen(name) != value_at - name_at - 1 ||
        strlen(value) != query->bytes.size - value_at - 1)
        return -1;
    query->params[query->count++] = (struct query_param){name, value};
    return 0;
}

static size_t count_params(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '&';
    return count;
}

/* Decoding never lengthens text, so with this room the bytes never move under the params. */
static int make_room(struct query *query, const char *text, size_t size)
{
    size_t count = count_params(text, size);
    if (count > QUERY_PARAMS_MAX)
        return -1;
    query->params = calloc(count, sizeof(*query->params));
    return query->params && buf_reserve(&query->bytes, size + 2 * count + 1) ? 0 : -1;
}

int query_parse(struct query *query, const char *text, size_t size)
{
    if (size == 0)
        return 0;
    if (make_room(query, text, size) < 0)
        return -1;
    const char *end = text + size;
    while (text <= end) {
        const char *ampersand = text < end ? memchr(text, '&', (size_t)(end - text)) : NULL;
        size_t param_size = (size_t)((ampersand ? ampersand : end) - text);
        if (param_size && append_param(query, text, param_size) < 0)
            return -1;
        text += param_size + 1;
    }
    return 0;
}

const char *query_get(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->params[i].name, name) == 0)
            return query->params[i].value;
    return NULL;
}

void query_finish(struct query *query)
{
    free(query->params);
    buf_reset(&query->bytes);
    *query = (struct query){0};
}
