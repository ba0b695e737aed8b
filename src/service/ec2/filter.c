#include "service/ec2/filter.h"

#include "base/buf.h"
#include "model/timestamp.h"
#include "wire/glob.h"

#include <stdio.h>
#include <string.h>

enum { FILTER_VALUES_MAX = 200, FILTERS_MAX = 50 };

/* What is looked for at a path. */
struct search {
    bool (*matches)(const void *arg, const char *text); /* called for each value; true ends it */
    const void *arg;
    bool is_time;
};

static bool any_number(const json_t *value, const struct search *search)
{
    auto_buf text = {0};
    if (search->is_time)
        timestamp_iso8601(&text, json_number_value(value));
    else
        buf_printf(&text, "%.15g", json_number_value(value));
    return !text.failed && search->matches(search->arg, text.data);
}

static bool any_scalar(const json_t *value, const struct search *search)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return search->matches(search->arg, json_string_value(value));
    case JSON_TRUE:
        return search->matches(search->arg, "true");
    case JSON_FALSE:
        return search->matches(search->arg, "false");
    case JSON_INTEGER:
    case JSON_REAL:
        return any_number(value, search);
    default:
        return false;
    }
}

static bool any_value(const json_t *value, const char *path, const struct search *search)
{
    if (!value)
        return false;
    if (json_is_array(value)) {
        size_t i;
        const json_t *item;
        json_array_foreach (value, i, item)
            if (any_value(item, path, search))
                return true;
        return false;
    }
    if (!*path)
        return any_scalar(value, search);
    size_t size = strcspn(path, ".");
    const char *rest = path + size + (path[size] == '.');
    return any_value(json_object_getn(value, path, size), rest, search);
}

static bool equals(const void *arg, const char *text)
{
    return !strcmp(arg, text);
}

bool ec2_path_has(const json_t *doc, const char *path, const char *text)
{
    return any_value(doc, path, &(struct search){.matches = equals, .arg = text});
}

/* Whether any of the patterns of the array `arg` matches. */
static bool matches_patterns(const void *arg, const char *text)
{
    size_t i;
    const json_t *pattern;
    json_array_foreach ((const json_t *)arg, i, pattern)
        if (glob_match(json_string_value(pattern), json_string_length(pattern), text, strlen(text)))
            return true;
    return false;
}

/* Network interfaces call their tags TagSet. */
static const json_t *tags_of(const json_t *doc)
{
    const json_t *tags = json_object_get(doc, "Tags");
    return tags ? tags : json_object_get(doc, "TagSet");
}

static bool tag_matches(const char *key, const json_t *patterns, const json_t *doc)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags_of(doc), i, tag)
        if (!strcmp(json_string_value(json_object_get(tag, "Key")), key) &&
            matches_patterns(patterns, json_string_value(json_object_get(tag, "Value"))))
            return true;
    return false;
}

static bool one_matches(const json_t *filter, const struct ec2_filter *table, const json_t *doc)
{
    const char *name = json_string_value(json_object_get(filter, "Name"));
    const json_t *patterns = json_object_get(filter, "Values");
    struct search search = {.matches = matches_patterns, .arg = patterns};
    for (const struct ec2_filter *row = table; row->name; row++) {
        search.is_time = row->is_time;
        if (!strcmp(row->name, name) && any_value(doc, row->path, &search))
            return true;
    }
    search.is_time = false;
    if (!strncmp(name, "tag:", 4))
        return tag_matches(name + 4, patterns, doc);
    if (!strcmp(name, "tag-key"))
        return any_value(tags_of(doc), "Key", &search);
    if (!strcmp(name, "tag-value"))
        return any_value(tags_of(doc), "Value", &search);
    return false;
}

bool ec2_filters_match(const json_t *filters, const struct ec2_filter *table, const json_t *doc)
{
    size_t i;
    const json_t *filter;
    json_array_foreach (filters, i, filter)
        if (!one_matches(filter, table, doc))
            return false;
    return true;
}

static bool is_known(const char *name, const struct ec2_filter *table)
{
    for (const struct ec2_filter *row = table; row->name; row++)
        if (!strcmp(row->name, name))
            return true;
    return !strncmp(name, "tag:", 4) || !strcmp(name, "tag-key") || !strcmp(name, "tag-value");
}

static int check_values(const char *name, const json_t *values, struct err *err)
{
    if (json_array_size(values) == 0)
        return err_aws(err, "InvalidParameterValue", "The filter '%.200s' has no values", name);
    if (json_array_size(values) > FILTER_VALUES_MAX)
        return err_aws(err, "FilterLimitExceeded",
                       "The maximum number of filter values specified on a single call is %d",
                       FILTER_VALUES_MAX);
    size_t i;
    const json_t *value;
    json_array_foreach (values, i, value)
        if (!json_is_string(value))
            return err_aws(err, "InvalidParameterValue",
                           "The values of filter '%.200s' must be strings", name);
    return 0;
}

int ec2_filters_check(const json_t *filters, const struct ec2_filter *table, struct err *err)
{
    if (json_array_size(filters) > FILTERS_MAX)
        return err_aws(err, "FilterLimitExceeded",
                       "The maximum number of filters specified on a single call is %d",
                       FILTERS_MAX);
    size_t i;
    const json_t *filter;
    json_array_foreach (filters, i, filter) {
        const char *name = json_string_value(json_object_get(filter, "Name"));
        if (!name)
            return err_aws(err, "InvalidParameterValue", "The filter 'null' is invalid");
        if (!is_known(name, table))
            return err_aws(err, "InvalidParameterValue", "The filter '%.200s' is invalid", name);
        if (check_values(name, json_object_get(filter, "Values"), err) < 0)
            return -1;
    }
    return 0;
}
