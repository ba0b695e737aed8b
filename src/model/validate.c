#include "model/validate.h"

#include "base/buf.h"
#include "base/map.h"
#include "wire/base64.h"

#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { VIOLATIONS_MAX = 10, SHOWN_VALUE_MAX = 200, PATTERN_TEXT_MAX = 8192 };

struct validator {
    bool ec2;
    struct buf path;     /* where the walk is: "tags.1.member.key", for EC2 "Tag.1.Key" */
    struct buf messages; /* of the violations so far */
    int violations;
    const char *ec2_code; /* of the first violation; its message is in `messages` */
};

/* --- reporting --- */

static void append_value(struct buf *out, const json_t *value)
{
    char *text = json_is_string(value)
                     ? strdup(json_string_value(value))
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (text)
        buf_append(out, text, strnlen(text, SHOWN_VALUE_MAX));
    free(text);
}

/* Adds one violation in the words that every service but EC2 uses. */
static void violate(struct validator *validator, const struct model_shape *shape,
                    const json_t *value, const char *constraint)
{
    if (validator->violations++ >= VIOLATIONS_MAX)
        return;
    struct buf *out = &validator->messages;
    buf_append_string(out, out->size ? "; Value " : "Value ");
    if (value) {
        buf_append_char(out, '\'');
        if (shape->flags & MODEL_SENSITIVE)
            buf_append_string(out, "***");
        else
            append_value(out, value);
        buf_append_char(out, '\'');
    } else {
        buf_append_string(out, "null");
    }
    buf_printf(out, " at '%s' failed to satisfy constraint: %s", validator->path.data, constraint);
}

/* Keeps EC2's first violation. */
static void __attribute__((format(printf, 3, 4)))
violate_ec2(struct validator *validator, const char *code, const char *format, ...)
{
    if (validator->violations++ > 0)
        return;
    validator->ec2_code = code;
    char text[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_append_string(&validator->messages, text);
}

static void missing(struct validator *validator, const struct model_shape *shape)
{
    if (validator->ec2)
        violate_ec2(validator, "MissingParameter", "The request must contain the parameter %s",
                    validator->path.data);
    else
        violate(validator, shape, NULL, "Member must not be null");
}

/* --- single values --- */

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* What `minimum` and `maximum` measure: a number, or the length of anything else. */
static double measure(const struct model_shape *shape, const json_t *value)
{
    switch ((enum model_type)shape->type) {
    case MODEL_STRING:
        return (double)count_characters(json_string_value(value));
    case MODEL_BLOB: {
        size_t size = 0;
        free(base64_decode(json_string_value(value), json_string_length(value), &size));
        return (double)size;
    }
    case MODEL_LIST:
        return (double)json_array_size(value);
    case MODEL_MAP:
        return (double)json_object_size(value);
    default:
        return json_number_value(value);
    }
}

static bool is_number(const struct model_shape *shape)
{
    return shape->type >= MODEL_INTEGER && shape->type <= MODEL_DOUBLE;
}

static void out_of_range(struct validator *validator, const struct model_shape *shape,
                         const json_t *value, bool too_small)
{
    double limit = too_small ? shape->minimum : shape->maximum;
    if (!validator->ec2) {
        char constraint[128];
        snprintf(constraint, sizeof(constraint), "Member must have %s %s than or equal to %.15g",
                 is_number(shape) ? "value" : "length", too_small ? "greater" : "less", limit);
        violate(validator, shape, value, constraint);
    } else if (is_number(shape)) {
        violate_ec2(validator, "InvalidParameterValue",
                    "Value ( %.15g ) for parameter %s is invalid. Expecting a value %s than %.15g.",
                    json_number_value(value), validator->path.data, too_small ? "greater" : "less",
                    limit);
    } else {
        violate_ec2(validator, "InvalidParameterValue",
                    "The length of parameter %s is invalid. Expecting %s %.15g.",
                    validator->path.data, too_small ? "at least" : "at most", limit);
    }
}

static void check_range(struct validator *validator, const struct model_shape *shape,
                        const json_t *value)
{
    if (!(shape->flags & (MODEL_HAS_MIN | MODEL_HAS_MAX)))
        return;
    double size = measure(shape, value);
    if ((shape->flags & MODEL_HAS_MIN) && size < shape->minimum)
        out_of_range(validator, shape, value, true);
    else if ((shape->flags & MODEL_HAS_MAX) && size > shape->maximum)
        out_of_range(validator, shape, value, false);
}

static void check_enum(struct validator *validator, const struct model_shape *shape,
                       const json_t *value)
{
    const char *text = json_string_value(value);
    if (shape->enum_count == 0)
        return;
    for (size_t i = 0; i < shape->enum_count; i++)
        if (strcmp(shape->enum_values[i], text) == 0)
            return;
    if (validator->ec2) {
        violate_ec2(validator, "InvalidParameterValue", "Invalid value '%.200s' for %s.", text,
                    validator->path.data);
        return;
    }
    auto_buf constraint = {0};
    buf_append_string(&constraint, "Member must satisfy enum value set: [");
    for (size_t i = 0; i < shape->enum_count; i++)
        buf_printf(&constraint, "%s%s", i ? ", " : "", shape->enum_values[i]);
    buf_append_char(&constraint, ']');
    if (!constraint.failed)
        violate(validator, shape, value, constraint.data);
}

/* The compiled pattern of a shape, kept for the life of the process. */
static const regex_t *compiled_pattern(const struct model_shape *shape)
{
    static struct map compiled;
    regex_t *regex = map_get(&compiled, shape->pattern);
    if (regex)
        return regex;
    regex = calloc(1, sizeof(*regex));
    if (!regex)
        return NULL;
    if (regcomp(regex, shape->pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        free(regex);
        return NULL;
    }
    if (map_set(&compiled, shape->pattern, regex) < 0) {
        regfree(regex);
        free(regex);
        return NULL;
    }
    return regex;
}

static void check_pattern(struct validator *validator, const struct model_shape *shape,
                          const json_t *value)
{
    const regex_t *regex = shape->pattern ? compiled_pattern(shape) : NULL;
    if (!regex || json_string_length(value) > PATTERN_TEXT_MAX ||
        regexec(regex, json_string_value(value), 0, NULL, 0) == 0)
        return;
    if (validator->ec2) {
        violate_ec2(validator, "InvalidParameterValue", "Invalid value '%.200s' for %s.",
                    json_string_value(value), validator->path.data);
        return;
    }
    auto_buf constraint = {0};
    buf_printf(&constraint, "Member must satisfy regular expression pattern: %s",
               shape->pattern_text);
    if (!constraint.failed)
        violate(validator, shape, value, constraint.data);
}

/* "NaN" and its like come as strings, and no AWS service takes them. */
static void check_finite(struct validator *validator, const struct model_shape *shape,
                         const json_t *value)
{
    if (!json_is_string(value))
        check_range(validator, shape, value);
    else if (validator->ec2)
        violate_ec2(validator, "InvalidParameterValue", "Invalid value '%s' for %s.",
                    json_string_value(value), validator->path.data);
    else
        violate(validator, shape, value, "Member must be a finite number");
}

/* --- the walk --- */

static void check_value(struct validator *validator, const struct model_shape *shape,
                        const json_t *value);

/* Extends the path by "." and a name; returns its size before. */
static size_t path_push(struct validator *validator, const char *name)
{
    size_t size = validator->path.size;
    if (size)
        buf_append_char(&validator->path, '.');
    size_t at = validator->path.size;
    buf_append_string(&validator->path, name);
    if (!validator->ec2 && !validator->path.failed) {
        char *first = &validator->path.data[at];
        if (*first >= 'A' && *first <= 'Z')
            *first = (char)(*first - 'A' + 'a');
    }
    return size;
}

static void path_pop(struct validator *validator, size_t size)
{
    if (validator->path.failed || !validator->path.data)
        return;
    validator->path.size = size;
    validator->path.data[size] = 0;
}

static void check_structure(struct validator *validator, const struct model_shape *shape,
                            const json_t *value)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        const json_t *given = json_object_get(value, member->name);
        if (!given && !(member->flags & MODEL_REQUIRED))
            continue;
        size_t size = path_push(validator, validator->ec2 ? member->query_name : member->name);
        if (given)
            check_value(validator, member->shape, given);
        else if (!(member->flags & MODEL_IDEMPOTENCY_TOKEN)) /* clients may leave it to us */
            missing(validator, member->shape);
        path_pop(validator, size);
    }
}

static void check_list(struct validator *validator, const struct model_shape *shape,
                       const json_t *value)
{
    check_range(validator, shape, value);
    size_t index;
    json_t *item;
    json_array_foreach (value, index, item) {
        char name[40];
        snprintf(name, sizeof(name), validator->ec2 ? "%zu" : "%zu.member", index + 1);
        size_t size = path_push(validator, name);
        check_value(validator, shape->members[0].shape, item);
        path_pop(validator, size);
        if (validator->violations >= VIOLATIONS_MAX)
            return;
    }
}

static void check_map(struct validator *validator, const struct model_shape *shape,
                      const json_t *value)
{
    check_range(validator, shape, value);
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)value, key, item) {
        json_auto_t *key_value = json_string(key);
        size_t size = path_push(validator, key);
        check_value(validator, shape->members[0].shape, key_value);
        check_value(validator, shape->members[1].shape, item);
        path_pop(validator, size);
        if (validator->violations >= VIOLATIONS_MAX)
            return;
    }
}

static void check_value(struct validator *validator, const struct model_shape *shape,
                        const json_t *value)
{
    switch ((enum model_type)shape->type) {
    case MODEL_STRUCTURE:
        check_structure(validator, shape, value);
        break;
    case MODEL_LIST:
        check_list(validator, shape, value);
        break;
    case MODEL_MAP:
        check_map(validator, shape, value);
        break;
    case MODEL_STRING:
        check_range(validator, shape, value);
        check_enum(validator, shape, value);
        check_pattern(validator, shape, value);
        break;
    case MODEL_FLOAT:
    case MODEL_DOUBLE:
        check_finite(validator, shape, value);
        break;
    case MODEL_INTEGER:
    case MODEL_LONG:
    case MODEL_BLOB:
        check_range(validator, shape, value);
        break;
    case MODEL_BOOLEAN:
    case MODEL_TIMESTAMP:
        break;
    }
}

static int report(const struct validator *validator, const struct model_service *service,
                  enum model_protocol protocol, struct err *err)
{
    if (validator->path.failed || validator->messages.failed)
        return err_set(err, "out of memory");
    if (validator->violations == 0)
        return 0;
    if (validator->ec2)
        return err_aws(err, validator->ec2_code, "%s", validator->messages.data);
    bool query_code = protocol == MODEL_QUERY || service->query_compatible;
    return err_aws(err, query_code ? "ValidationError" : "ValidationException",
                   "%d validation error%s detected: %s", validator->violations,
                   validator->violations == 1 ? "" : "s", validator->messages.data);
}

int model_validate(const struct model_service *service, const struct model_operation *operation,
                   enum model_protocol protocol, const json_t *in, struct err *err)
{
    struct validator validator = {.ec2 = protocol == MODEL_EC2};
    if (operation->input)
        check_structure(&validator, operation->input, in);
    int result = report(&validator, service, protocol, err);
    buf_reset(&validator.path);
    buf_reset(&validator.messages);
    return result;
}
