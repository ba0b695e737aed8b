#include "balancer/conditions.h"

#include "balancer/config_reader.h"

#include <stdlib.h>
#include <string.h>

/* ---- comparing ---- */

static bool text_matches(const struct condition_value *value, struct slice text,
                         const struct request_facts *facts)
{
    return value->regex ? regex_matches(value->regex, text.data, text.size, facts->scratch)
                        : glob_matches(&value->glob, text.data, text.size);
}

static bool host_matches(const struct rule_condition *condition,
                         const struct condition_value *value, const struct request_facts *facts)
{
    (void)condition;
    return text_matches(value, facts->host, facts);
}

static bool path_matches(const struct rule_condition *condition,
                         const struct condition_value *value, const struct request_facts *facts)
{
    (void)condition;
    return text_matches(value, facts->path, facts);
}

static bool method_matches(const struct rule_condition *condition,
                           const struct condition_value *value, const struct request_facts *facts)
{
    (void)condition;
    return facts->method.size == value->text.size &&
           memcmp(facts->method.data, value->text.data, value->text.size) == 0;
}

static bool is_name(struct slice name, struct slice lower)
{
    return name.size == lower.size && strncasecmp(name.data, lower.data, name.size) == 0;
}

/* A tab is the only control character that a header's value may have: wildcards do not take it. */
static bool header_matches(const struct rule_condition *condition,
                           const struct condition_value *value, const struct request_facts *facts)
{
    const struct http1_head *head = facts->head;
    for (int i = 0; i < head->header_count; i++) {
        struct slice text = head->headers[i].value;
        if (is_name(head->headers[i].name, condition->header_name) &&
            !memchr(text.data, '\t', text.size) && text_matches(value, text, facts))
            return true;
    }
    return false;
}

/* Whether "key=value" is what the condition asks for. What has no "=" is a key without value. */
static bool pair_matches(const struct condition_value *value, const char *pair, size_t size)
{
    const char *equals = memchr(pair, '=', size);
    size_t key_size = equals ? (size_t)(equals - pair) : size;
    const char *text = equals ? equals + 1 : pair + size;
    return (!value->key.size || glob_matches(&value->key, pair, key_size)) &&
           glob_matches(&value->glob, text, (size_t)(pair + size - text));
}

static bool query_matches(const struct rule_condition *condition,
                          const struct condition_value *value, const struct request_facts *facts)
{
    (void)condition;
    const char *at = facts->query.data, *end = at + facts->query.size;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        stop = stop ? stop : end;
        if (stop > at && pair_matches(value, at, (size_t)(stop - at)))
            return true;
        at = stop + 1;
    }
    return false;
}

static bool source_matches(const struct rule_condition *condition,
                           const struct condition_value *value, const struct request_facts *facts)
{
    (void)condition;
    const struct rule_block *block = &value->block;
    int whole = block->prefix / 8, rest = block->prefix % 8;
    if (memcmp(block->address, facts->address, (size_t)whole) != 0)
        return false;
    return !rest || (block->address[whole] ^ facts->address[whole]) >> (8 - rest) == 0;
}

/* How a kind is compared, and what a comparison costs: those of a rule are made in that order. */
static const struct {
    bool (*matches)(const struct rule_condition *, const struct condition_value *,
                    const struct request_facts *);
    int cost;
} kinds[RULE_FIELDS] = {
    [RULE_METHOD] = {method_matches, 0}, [RULE_SOURCE] = {source_matches, 1},
    [RULE_HOST] = {host_matches, 2},     [RULE_PATH] = {path_matches, 3},
    [RULE_QUERY] = {query_matches, 4},   [RULE_HEADER] = {header_matches, 5},
};

bool condition_matches(const struct rule_condition *condition, const struct request_facts *facts)
{
    for (int i = 0; i < condition->value_count; i++)
        if (kinds[condition->field].matches(condition, &condition->values[i], facts))
            return true;
    return false;
}

/* ---- loading ---- */

/* The text, kept; of hosts in lower case, as requests are made to be. */
static struct slice keep(struct snapshot *snapshot, enum rule_field field, const char *text)
{
    char *kept = snapshot_text(snapshot, text);
    for (char *at = kept; field == RULE_HOST && *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    return (struct slice){kept, strlen(kept)};
}

static unsigned glob_flags(enum rule_field field)
{
    switch (field) {
    case RULE_QUERY:
        return GLOB_IGNORE_CASE | GLOB_ESCAPE;
    case RULE_HEADER:
        return GLOB_IGNORE_CASE;
    default:
        return 0;
    }
}

static int load_value(struct snapshot *snapshot, const json_t *json, enum rule_field field,
                      struct condition_value *value, struct err *err)
{
    const char *text = json_string_value(json);
    if (!text || strlen(text) != json_string_length(json))
        return err_set(err, "a value of %s must be a string", rule_field_kinds[field].name);
    if (rule_check_value(field, text, err) < 0)
        return -1;
    value->text = keep(snapshot, field, text);
    glob_init(&value->glob, value->text.data, value->text.size, glob_flags(field));
    return field == RULE_SOURCE ? rule_parse_block(text, &value->block, err) : 0;
}

static int load_pair(struct snapshot *snapshot, const json_t *json, struct condition_value *value,
                     struct rule_totals *totals, struct err *err)
{
    static const char *const members[] = {"Key", "Value", NULL};
    const char *key, *text;
    if (reader_check(json, "a value of query-string", members, err) < 0 ||
        reader_text(json, "Key", RULE_VALUE_SIZE_MAX, &key, err) < 0 ||
        reader_required_text(json, "Value", RULE_VALUE_SIZE_MAX, &text, err) < 0 ||
        rule_check_pair(key, text, totals, err) < 0)
        return -1;
    if (key && *key) {
        struct slice kept = keep(snapshot, RULE_QUERY, key);
        glob_init(&value->key, kept.data, kept.size, glob_flags(RULE_QUERY));
    }
    return load_value(snapshot, json_object_get(json, "Value"), RULE_QUERY, value, err);
}

static int load_regex(struct snapshot *snapshot, const json_t *json, enum rule_field field,
                      struct condition_value *value, struct rule_totals *totals, struct err *err)
{
    const char *text = json_string_value(json);
    unsigned flags = rule_field_kinds[field].nocase ? REGEX_IGNORE_CASE : 0;
    if (!text || strlen(text) != json_string_length(json))
        return err_set(err, "a regular expression must be a string");
    if (rule_check_regex(field, text, totals, err) < 0)
        return -1;
    value->regex = snapshot_regex(snapshot, text, flags, err);
    return value->regex ? 0 : -1;
}

static int load_values(struct snapshot *snapshot, const json_t *values, const json_t *regexes,
                       struct rule_condition *condition, struct rule_totals *totals,
                       struct err *err)
{
    size_t count = json_array_size(values) + json_array_size(regexes), index;
    enum rule_field field = condition->field;
    const json_t *json;
    if ((values && !json_is_array(values)) || (regexes && !json_is_array(regexes)) ||
        (values && regexes) || count < 1 || count > RULE_VALUES_MAX)
        return err_set(err, "a condition must have 1 to %d Values, or as many RegexValues",
                       RULE_VALUES_MAX);
    json_array_foreach (values, index, json) {
        struct condition_value *value = &condition->values[condition->value_count++];
        if (field == RULE_QUERY) {
            if (load_pair(snapshot, json, value, totals, err) < 0)
                return -1;
        } else if (load_value(snapshot, json, field, value, err) < 0 ||
                   rule_count_value(field, value->text.data, totals, err) < 0) {
            return -1;
        }
    }
    json_array_foreach (regexes, index, json)
        if (load_regex(snapshot, json, field, &condition->values[condition->value_count++], totals,
                       err) < 0)
            return -1;
    return 0;
}

static int load_header_name(struct snapshot *snapshot, const json_t *config,
                            struct rule_condition *condition, struct err *err)
{
    const char *name;
    if (reader_required_text(config, "HttpHeaderName", RULE_NAME_SIZE_MAX, &name, err) < 0 ||
        rule_check_header_name(name, err) < 0)
        return -1;
    condition->header_name = keep(snapshot, RULE_HEADER, name);
    return 0;
}

/*
 * Values stand in the kind's own member or, of old, in the condition itself; what the API answers
 * has them in both places, and then they are the same.
 */
static int load_condition(struct snapshot *snapshot, const json_t *json,
                          struct rule_condition *condition, struct rule_totals *totals,
                          struct err *err)
{
    const char *name;
    if (reader_required_text(json, "Field", 64, &name, err) < 0)
        return -1;
    int field = rule_field_find(name);
    if (field < 0)
        return err_set(err, "the condition field '%s' is not supported", name);
    const struct rule_field_kind *kind = &rule_field_kinds[field];
    const char *const members[] = {"Field", kind->config, "Values", "RegexValues", NULL};
    const char *const config_members[] = {"Values", kind->regex ? "RegexValues" : "Values",
                                          field == RULE_HEADER ? "HttpHeaderName" : "Values", NULL};
    const json_t *config = json_object_get(json, kind->config);
    const json_t *plain = json_object_get(json, "Values");
    const json_t *plain_regexes = json_object_get(json, "RegexValues");
    condition->field = (enum rule_field)field;
    if (reader_check(json, "a condition", members, err) < 0 ||
        (config && reader_check(config, kind->config, config_members, err) < 0) ||
        rule_count_condition(condition->field, totals, err) < 0)
        return -1;
    if ((!config && !kind->plain) || (field == RULE_HEADER && !config))
        return err_set(err, "%s is missing", kind->config);
    if (field == RULE_HEADER && load_header_name(snapshot, config, condition, err) < 0)
        return -1;
    const json_t *values = json_object_get(config, "Values");
    const json_t *regexes = json_object_get(config, "RegexValues");
    if (config && ((plain && !json_equal(plain, values)) ||
                   (plain_regexes && regexes && !json_equal(plain_regexes, regexes))))
        return err_set(err, "You cannot specify both 'Values' and '%s' for a condition",
                       kind->config);
    return load_values(snapshot, config ? values : plain, regexes ? regexes : plain_regexes,
                       condition, totals, err);
}

static int by_cost(const void *a, const void *b)
{
    const struct rule_condition *x = a, *y = b;
    int x_cost = kinds[x->field].cost + (x->values[0].regex ? RULE_FIELDS : 0);
    int y_cost = kinds[y->field].cost + (y->values[0].regex ? RULE_FIELDS : 0);
    return x_cost - y_cost;
}

int conditions_load(struct snapshot *snapshot, const json_t *conditions, struct rule *rule,
                    struct err *err)
{
    size_t count = json_array_size(conditions), index;
    struct rule_totals totals = {0};
    if (count < 1 || count > RULE_VALUES_MAX)
        return err_set(err, "a rule must have 1 to %d conditions", RULE_VALUES_MAX);
    rule->conditions = snapshot_alloc(snapshot, count * sizeof *rule->conditions);
    const json_t *json;
    json_array_foreach (conditions, index, json) {
        if (load_condition(snapshot, json, &rule->conditions[rule->condition_count++], &totals,
                           err) < 0)
            return -1;
    }
    qsort(rule->conditions, count, sizeof *rule->conditions, by_cost);
    return 0;
}
