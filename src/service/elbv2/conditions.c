#include "service/elbv2/conditions.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/resource.h"
#include "wire/rule_pattern.h"

#include <stdio.h>
#include <string.h>

/* The field that a condition names, or whose configuration it has; -1 and err if none. */
static int find_field(const json_t *condition, struct err *err)
{
    const char *name = doc_text(condition, "Field");
    int field = rule_field_find(name);
    for (int i = 0; !*name && field < 0 && i < RULE_FIELDS; i++)
        if (json_object_get(condition, rule_field_kinds[i].config))
            field = i;
    if (field >= 0)
        return field;
    return err_aws(err, "ValidationError",
                   "Condition field '%.100s' must be one of '[http-request-method, host-header, "
                   "http-header, source-ip, query-string, path-pattern]'",
                   name);
}

static int check_members(const json_t *condition, const struct rule_field_kind *kind,
                         struct err *err)
{
    char members[128];
    const json_t *config = json_object_get(condition, kind->config);
    snprintf(members, sizeof members, "Field %s%s%s", kind->config, kind->plain ? " Values" : "",
             kind->regex ? " RegexValues" : "");
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)condition, name, value)
        if (strcmp(name, "Values") == 0 && json_array_size(value) > 0 && !kind->plain)
            return err_aws(err, "ValidationError", "You must specify '%s' for a '%s' condition",
                           kind->config, kind->name);
    if (call_accept(condition, members, err) < 0)
        return -1;
    return call_accept(config, kind->regex ? "Values RegexValues HttpHeaderName" : "Values", err);
}

/*
 * The list that a condition has in its configuration or in itself; NULL if in neither. In both it
 * must be the same.
 */
static int find_list(const json_t *condition, const json_t *config, const char *name,
                     const json_t **ret_list, struct err *err)
{
    const json_t *plain = json_object_get(condition, name), *inner = json_object_get(config, name);
    if (json_array_size(plain) > 0 && json_array_size(inner) > 0 && !json_equal(plain, inner))
        return err_aws(err, "ValidationError",
                       "You cannot specify different '%s' in a condition and in its configuration",
                       name);
    *ret_list = json_array_size(inner) > 0 ? inner : json_array_size(plain) > 0 ? plain : NULL;
    return 0;
}

static int check_value(enum rule_field field, const json_t *value, struct rule_totals *totals,
                       struct err *err)
{
    const char *text = json_string_value(value);
    if (field == RULE_QUERY) {
        const char *pair_value = doc_text(value, "Value");
        return rule_check_pair(doc_text(value, "Key"), pair_value, totals, err);
    }
    if (rule_check_value(field, text, err) < 0)
        return -1;
    return rule_count_value(field, text, totals, err);
}

static int check_lists(enum rule_field field, const json_t *values, const json_t *regexes,
                       struct rule_totals *totals, struct err *err)
{
    size_t i;
    const json_t *value;
    if (!values == !regexes)
        return err_set(err, values ? "You cannot specify both 'Values' and 'RegexValues' for a "
                                     "condition"
                                   : "A condition value must be specified");
    json_array_foreach (values, i, value)
        if (check_value(field, value, totals, err) < 0)
            return -1;
    json_array_foreach (regexes, i, value)
        if (rule_check_regex(field, json_string_value(value), totals, err) < 0)
            return -1;
    return 0;
}

/* A condition as AWS shows it: a new object; NULL and err if it is wrong. */
static json_t *show_condition(const json_t *condition, struct rule_totals *totals, struct err *err)
{
    int field = find_field(condition, err);
    const struct rule_field_kind *kind = field >= 0 ? &rule_field_kinds[field] : NULL;
    const json_t *values, *regexes;
    if (!kind || check_members(condition, kind, err) < 0)
        return NULL;
    const json_t *config = json_object_get(condition, kind->config);
    const char *header = doc_text(config, "HttpHeaderName");
    if (find_list(condition, config, "Values", &values, err) < 0 ||
        find_list(condition, config, "RegexValues", &regexes, err) < 0)
        return NULL;
    if (rule_count_condition((enum rule_field)field, totals, err) < 0 ||
        (field == RULE_HEADER && rule_check_header_name(header, err) < 0) ||
        check_lists((enum rule_field)field, values, regexes, totals, err) < 0) {
        elb_invalid(err);
        return NULL;
    }
    const char *list = values ? "Values" : "RegexValues";
    json_t *shown = json_pack("{s:s, s:{s:O}}", "Field", kind->name, kind->config, list,
                              values ? values : regexes);
    if (kind->plain)
        json_object_set(shown, list, (json_t *)(uintptr_t)(values ? values : regexes));
    if (field == RULE_HEADER)
        json_object_set_new(json_object_get(shown, kind->config), "HttpHeaderName",
                            json_string(header));
    return shown;
}

json_t *elb_conditions(const json_t *conditions, struct err *err)
{
    json_auto_t *shown = json_array();
    struct rule_totals totals = {0};
    size_t i;
    const json_t *condition;
    json_array_foreach (conditions, i, condition) {
        json_t *object = show_condition(condition, &totals, err);
        if (!object)
            return NULL;
        json_array_append_new(shown, object);
    }
    if (json_array_size(shown) == 0) {
        err_aws(err, "ValidationError", "At least one condition must be specified");
        return NULL;
    }
    return json_incref(shown);
}
