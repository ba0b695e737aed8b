#include "service/sns/filter_policy.h"

#include "service/doc.h"

#include <string.h>
#include <strings.h>

enum {
    TEXT_SIZE_MAX = 256 * 1024,
    KEYS_MAX = 5,
    COMBINATIONS_MAX = 150,
    DEPTH_MAX = 16,
    STRING_SIZE_MAX = 1024
};

static bool matches_condition(const json_t *condition, const json_t *value);

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value) ||
           json_is_null(value);
}

/* ---- the kinds of conditions: {"prefix": "a"} and the others ---- */

static bool begins(const char *text, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static bool matches_prefix(const json_t *operand, const json_t *value)
{
    return json_is_string(value) &&
           begins(json_string_value(value), json_string_length(value), json_string_value(operand));
}

static bool matches_suffix(const json_t *operand, const json_t *value)
{
    size_t size = json_string_length(value), end = json_string_length(operand);
    return json_is_string(value) && size >= end &&
           memcmp(json_string_value(value) + size - end, json_string_value(operand), end) == 0;
}

static bool matches_ignoring_case(const json_t *operand, const json_t *value)
{
    return json_is_string(value) &&
           strcasecmp(json_string_value(value), json_string_value(operand)) == 0;
}

static bool compares(const char *comparison, double left, double right)
{
    bool equal = left == right;
    return comparison[0] == '='   ? equal
           : comparison[0] == '<' ? left < right || (comparison[1] && equal)
                                  : left > right || (comparison[1] && equal);
}

/* [operator, number], once or twice. */
static bool matches_numeric(const json_t *operand, const json_t *value)
{
    for (size_t i = 0; i + 1 < json_array_size(operand); i += 2)
        if (!json_is_number(value) ||
            !compares(json_string_value(json_array_get(operand, i)), json_number_value(value),
                      json_number_value(json_array_get(operand, i + 1))))
            return false;
    return true;
}

/* One of these, or a list of them. */
static bool matches_any(const json_t *operand, const json_t *value,
                        bool (*matches)(const json_t *operand, const json_t *value))
{
    size_t i;
    const json_t *one;
    if (!json_is_array(operand))
        return matches(operand, value);
    json_array_foreach (operand, i, one)
        if (matches(one, value))
            return true;
    return false;
}

static bool matches_anything_but(const json_t *operand, const json_t *value)
{
    const json_t *prefix = json_object_get(operand, "prefix");
    const json_t *suffix = json_object_get(operand, "suffix");
    if (prefix)
        return !matches_any(prefix, value, matches_prefix);
    if (suffix)
        return !matches_any(suffix, value, matches_suffix);
    return !matches_any(operand, value, matches_condition);
}

/* That the value is there at all; what is not there is seen to by matches_key(). */
static bool matches_exists(const json_t *operand, const json_t *value)
{
    (void)value;
    return json_is_true(operand);
}

/* ---- what they may say ---- */

/* refuse(err, "a literal format", ...) */
#define refuse(err, ...)                                                                           \
    err_aws(err, "InvalidParameter", "Invalid parameter: FilterPolicy: " __VA_ARGS__)

static int check_string(const char *name, const json_t *operand, struct err *err)
{
    if (!json_is_string(operand) || json_string_length(operand) > STRING_SIZE_MAX)
        return refuse(err, "%s match pattern must be a string", name);
    return 0;
}

static int check_strings(const char *name, const json_t *operand, struct err *err)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(operand))
        return check_string(name, operand, err);
    json_array_foreach (operand, i, one)
        if (check_string(name, one, err) < 0)
            return -1;
    return json_array_size(operand) ? 0 : refuse(err, "%s match pattern must not be empty", name);
}

static int check_numeric(const char *name, const json_t *operand, struct err *err)
{
    size_t size = json_array_size(operand);
    const char *first = json_string_value(json_array_get(operand, 0));
    const char *second = json_string_value(json_array_get(operand, 2));
    if (size != 2 && size != 4)
        return refuse(err, "%s match pattern must be [operator, number] or a range", name);
    for (size_t i = 0; i < size; i += 2) {
        const char *comparison = json_string_value(json_array_get(operand, i));
        if (!comparison || (strcmp(comparison, "=") != 0 && strcmp(comparison, "<") != 0 &&
                            strcmp(comparison, "<=") != 0 && strcmp(comparison, ">") != 0 &&
                            strcmp(comparison, ">=") != 0))
            return refuse(err, "Unrecognized numeric range operator");
        const json_t *number = json_array_get(operand, i + 1);
        if (!json_is_number(number) || json_number_value(number) < -1e9 ||
            json_number_value(number) > 1e9)
            return refuse(err, "Value of %s must be numeric, from -10^9 to 10^9", comparison);
    }
    if (second && (first[0] != '>' || second[0] != '<' ||
                   json_number_value(json_array_get(operand, 1)) >=
                       json_number_value(json_array_get(operand, 3))))
        return refuse(err, "Bottom must be less than top");
    return 0;
}

static int check_anything_but(const char *name, const json_t *operand, struct err *err)
{
    size_t i;
    const json_t *one;
    if (json_is_object(operand)) {
        const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)operand));
        if (json_object_size(operand) != 1 || (strcmp(kind, "prefix") && strcmp(kind, "suffix")))
            return refuse(err, "Unsupported %s pattern", name);
        return check_strings(kind, json_object_get(operand, kind), err);
    }
    if (is_scalar(operand))
        return 0;
    json_array_foreach (operand, i, one)
        if (!is_scalar(one))
            return refuse(err, "%s list must contain only values", name);
    return json_array_size(operand) ? 0 : refuse(err, "%s list must not be empty", name);
}

static int check_exists(const char *name, const json_t *operand, struct err *err)
{
    return json_is_boolean(operand)
               ? 0
               : refuse(err, "%s match pattern must be either true or false.", name);
}

static const struct kind {
    const char *name;
    bool (*matches)(const json_t *operand, const json_t *value);
    int (*check)(const char *name, const json_t *operand, struct err *err);
} kinds[] = {
    {"prefix", matches_prefix, check_string},
    {"suffix", matches_suffix, check_string},
    {"equals-ignore-case", matches_ignoring_case, check_string},
    {"numeric", matches_numeric, check_numeric},
    {"anything-but", matches_anything_but, check_anything_but},
    {"exists", matches_exists, check_exists},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

/* ---- checking ---- */

struct check {
    bool of_body;
    int keys;
    double combinations;
};

static int check_condition(const json_t *condition, struct err *err)
{
    if (is_scalar(condition))
        return 0;
    if (!json_is_object(condition) || json_object_size(condition) != 1)
        return refuse(err, "Match value must be String, number, true, false, null or one match "
                           "pattern");
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)condition));
    const struct kind *kind = kind_of(name);
    if (!kind)
        return refuse(err, "Unrecognized match type %.100s", name);
    return kind->check(name, json_object_get(condition, name), err);
}

static int check_conditions(struct check *check, const char *key, const json_t *conditions,
                            int depth, struct err *err)
{
    size_t i;
    const json_t *condition;
    if (json_array_size(conditions) == 0)
        return refuse(err, "Empty arrays are not allowed");
    json_array_foreach (conditions, i, condition)
        if (check_condition(condition, err) < 0)
            return -1;
    if (++check->keys > KEYS_MAX)
        return refuse(err, "Filter policy can not have more than %d keys, \"%.60s\" is too many",
                      KEYS_MAX, key);
    check->combinations *= (double)json_array_size(conditions) * depth;
    return 0;
}

static int check_object(struct check *check, const json_t *object, int depth, struct err *err);

static int check_or(struct check *check, const json_t *branches, int depth, struct err *err)
{
    size_t i;
    const json_t *branch;
    if (json_array_size(branches) < 2)
        return refuse(err, "There must have at least 2 Objects in \"$or\" relationship.");
    json_array_foreach (branches, i, branch)
        if (!json_is_object(branch))
            return refuse(err, "Only JSON object is allowed in array of \"$or\" relationship.");
        else if (check_object(check, branch, depth, err) < 0)
            return -1;
    return 0;
}

static int check_object(struct check *check, const json_t *object, int depth, struct err *err)
{
    const char *key;
    json_t *value;
    if (depth > DEPTH_MAX)
        return refuse(err, "Filter policy is nested too deeply");
    if (json_object_size(object) == 0)
        return refuse(err, "Empty objects are not allowed");
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        int result = -1;
        if (!strcmp(key, "$or"))
            result = check_or(check, value, depth, err);
        else if (json_is_array(value))
            result = check_conditions(check, key, value, depth, err);
        else if (!json_is_object(value))
            refuse(err, "\"%.100s\" must be an object or an array", key);
        else if (!check->of_body)
            refuse(err, "Filter policy scope MessageAttributes does not support nested filter "
                        "policy");
        else
            result = check_object(check, value, depth + 1, err);
        if (result < 0)
            return -1;
    }
    return 0;
}

int filter_policy_check(const char *text, bool of_body, struct err *err)
{
    struct check check = {.of_body = of_body, .combinations = 1};
    json_auto_t *policy =
        strlen(text) <= TEXT_SIZE_MAX ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(policy))
        return refuse(err, "failed to parse JSON.");
    /* An empty policy lets everything through. */
    if (json_object_size(policy) && check_object(&check, policy, 1, err) < 0)
        return -1;
    if (check.combinations > COMBINATIONS_MAX)
        return refuse(err, "Filter policy is too complex");
    return 0;
}

/* ---- facts ---- */

static json_t *fact_of(const json_t *attribute)
{
    const char *type = doc_text(attribute, "DataType"), *text = doc_text(attribute, "StringValue");
    if (!strncmp(type, "Binary", 6))
        return NULL;
    if (!strcmp(type, "String.Array"))
        return json_loads(text, JSON_DECODE_ANY, NULL);
    if (!strncmp(type, "Number", 6))
        return json_real(strtod(text, NULL));
    return json_string(text);
}

json_t *filter_policy_facts(const json_t *attributes)
{
    json_t *facts = json_object(), *attribute;
    const char *name;
    json_object_foreach ((json_t *)(uintptr_t)attributes, name, attribute) {
        json_t *fact = fact_of(attribute);
        if (fact)
            json_object_set_new(facts, name, fact);
    }
    return facts;
}

/* ---- matching ---- */

static bool matches_condition(const json_t *condition, const json_t *value)
{
    if (json_is_number(condition))
        return json_is_number(value) && json_number_value(condition) == json_number_value(value);
    if (!json_is_object(condition))
        return json_equal(condition, value);
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)condition));
    return kind_of(name)->matches(json_object_get(condition, name), value);
}

static bool matches_one(const json_t *conditions, const json_t *value)
{
    size_t i;
    const json_t *condition;
    json_array_foreach (conditions, i, condition)
        if (matches_condition(condition, value))
            return true;
    return false;
}

static bool allows_absence(const json_t *conditions)
{
    size_t i;
    const json_t *condition;
    json_array_foreach (conditions, i, condition)
        if (json_is_false(json_object_get(condition, "exists")))
            return true;
    return false;
}

/* Of an array, one item is enough. */
static bool matches_values(const json_t *conditions, const json_t *value)
{
    size_t i;
    const json_t *item;
    if (!value)
        return allows_absence(conditions);
    if (!json_is_array(value))
        return matches_one(conditions, value);
    json_array_foreach (value, i, item)
        if (matches_one(conditions, item))
            return true;
    return false;
}

/* Below a key of a policy that is nested: the object there, or one of an array of them. */
static bool matches_below(const json_t *policy, const json_t *value)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(value))
        return filter_policy_matches(policy, value);
    json_array_foreach (value, i, item)
        if (filter_policy_matches(policy, item))
            return true;
    return false;
}

static bool matches_or(const json_t *branches, const json_t *facts)
{
    size_t i;
    const json_t *branch;
    json_array_foreach (branches, i, branch)
        if (filter_policy_matches(branch, facts))
            return true;
    return false;
}

/* The recursion is bounded, for filter_policy_check() bounds the policy. */
bool filter_policy_matches(const json_t *policy, const json_t *facts)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)policy, key, value) {
        const json_t *fact = json_object_get(facts, key);
        bool matches = !strcmp(key, "$or")    ? matches_or(value, facts)
                       : json_is_array(value) ? matches_values(value, fact)
                                              : matches_below(value, fact);
        if (!matches)
            return false;
    }
    return true;
}
