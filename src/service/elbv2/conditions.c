#include "service/elbv2/conditions.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/limits.h"

#include <ctype.h>
#include <string.h>

static const struct field {
    const char *name, *config;
    const char *accepted;   /* members of a condition */
    const char *characters; /* allowed besides letters and digits; NULL: not implemented */
} fields[] = {
    {"host-header", "HostHeaderConfig", "Field Values HostHeaderConfig", "-.*?_"},
    {"path-pattern", "PathPatternConfig", "Field Values PathPatternConfig", "_-.$/~\"'@:+&*?\\%"},
    {"http-header", "HttpHeaderConfig", "", NULL},
    {"http-request-method", "HttpRequestMethodConfig", "", NULL},
    {"query-string", "QueryStringConfig", "", NULL},
    {"source-ip", "SourceIpConfig", "", NULL},
};

/* The field that a condition names, or whose configuration it has. */
static const struct field *find_field(const json_t *condition, struct err *err)
{
    const char *name = doc_text(condition, "Field");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct field *field = &fields[i];
        if (*name ? strcmp(name, field->name) != 0 : !json_object_get(condition, field->config))
            continue;
        if (field->characters)
            return field;
        err_aws(err, "UnsupportedOperation",
                "Conditions on the field '%s' are not supported by Pileus yet", field->name);
        return NULL;
    }
    err_aws(err, "ValidationError",
            "Condition field '%s' must be one of '[http-request-method, host-header, http-header, "
            "source-ip, query-string, path-pattern]'",
            name);
    return NULL;
}

static int check_value(const struct field *field, const char *value, struct err *err)
{
    size_t size = strlen(value);
    if (size == 0)
        return err_aws(err, "ValidationError", "A condition value must be specified");
    if (size > ELB_CONDITION_LENGTH_MAX)
        return err_aws(err, "ValidationError",
                       "Condition value '%s' cannot be longer than '%d' characters", value,
                       ELB_CONDITION_LENGTH_MAX);
    for (const char *c = value; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(field->characters, *c))
            return err_aws(err, "ValidationError",
                           "Condition value '%s' contains a character that is not valid", value);
    return 0;
}

static size_t count_wildcards(const char *value)
{
    size_t count = 0;
    for (const char *c = value; *c; c++)
        count += *c == '*' || *c == '?';
    return count;
}

struct totals {
    size_t values, wildcards;
};

static int check_values(const struct field *field, const json_t *values, struct totals *totals,
                        struct err *err)
{
    size_t i;
    const json_t *value;
    json_array_foreach (values, i, value) {
        if (check_value(field, json_string_value(value), err) < 0)
            return -1;
        totals->values++;
        totals->wildcards += count_wildcards(json_string_value(value));
    }
    if (json_array_size(values) == 0)
        return err_aws(err, "ValidationError", "A condition value must be specified");
    if (totals->values > ELB_CONDITION_VALUES_MAX)
        return err_aws(err, "ValidationError", "A rule can only have '%d' condition values",
                       ELB_CONDITION_VALUES_MAX);
    if (totals->wildcards > ELB_CONDITION_WILDCARDS_MAX)
        return err_aws(err, "ValidationError", "A rule can only have '%d' condition wildcards",
                       ELB_CONDITION_WILDCARDS_MAX);
    return 0;
}

/* A condition as AWS shows it: a new object; NULL and err if it is wrong. */
static json_t *show_condition(const json_t *condition, struct totals *totals, struct err *err)
{
    const struct field *field = find_field(condition, err);
    if (!field)
        return NULL;
    const json_t *config = json_object_get(condition, field->config);
    json_t *values = json_object_get(config ? config : condition, "Values");
    if (call_accept(condition, field->accepted, err) < 0 || call_accept(config, "Values", err) < 0)
        return NULL;
    if (config && json_array_size(json_object_get(condition, "Values")) > 0 &&
        !json_equal(values, json_object_get(condition, "Values"))) {
        err_aws(err, "ValidationError", "You cannot specify both 'Values' and '%s' for a condition",
                field->config);
        return NULL;
    }
    if (check_values(field, values, totals, err) < 0)
        return NULL;
    return json_pack("{s:s, s:O, s:{s:O}}", "Field", field->name, "Values", values, field->config,
                     "Values", values);
}

static bool has_field(const json_t *conditions, const char *field)
{
    size_t i;
    const json_t *condition;
    json_array_foreach (conditions, i, condition)
        if (doc_is(condition, "Field", field))
            return true;
    return false;
}

json_t *elb_conditions(const json_t *conditions, struct err *err)
{
    json_auto_t *shown = json_array();
    struct totals totals = {0};
    size_t i;
    const json_t *condition;
    json_array_foreach (conditions, i, condition) {
        json_auto_t *object = show_condition(condition, &totals, err);
        if (!object)
            return NULL;
        if (has_field(shown, doc_text(object, "Field"))) {
            err_aws(err, "ValidationError", "A rule can only have one '%s' condition",
                    doc_text(object, "Field"));
            return NULL;
        }
        json_array_append(shown, object);
    }
    if (json_array_size(shown) == 0) {
        err_aws(err, "ValidationError", "At least one condition must be specified");
        return NULL;
    }
    return json_incref(shown);
}
