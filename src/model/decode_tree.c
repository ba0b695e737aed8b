/* Checking a generic tree (from JSON or CBOR) against a shape. */
#include "model/decode.h"
#include "model/timestamp.h"
#include "wire/base64.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "START_OBJECT";
    case JSON_ARRAY:
        return "START_ARRAY";
    case JSON_STRING:
        return "STRING_VALUE";
    case JSON_INTEGER:
        return "NUMBER_VALUE";
    case JSON_REAL:
        return "DECIMAL_VALUE";
    case JSON_TRUE:
        return "TRUE_VALUE";
    case JSON_FALSE:
        return "FALSE_VALUE";
    default:
        return "NULL_VALUE";
    }
}

static json_t *wrong_type(const json_t *value, const char *wanted, struct err *err)
{
    err_aws(err, "SerializationException", "%s can not be converted to %s", type_name(value),
            wanted);
    return NULL;
}

static json_t *read_integer(const json_t *value, const char *wanted, struct err *err)
{
    if (json_is_integer(value))
        return json_incref((json_t *)value);
    double number = json_real_value(value);
    if (json_is_real(value) && number == floor(number) && fabs(number) < 0x1p53)
        return json_integer((json_int_t)number);
    return wrong_type(value, wanted, err);
}

static json_t *read_float(const json_t *value, struct err *err)
{
    static const char *const specials[] = {"NaN", "Infinity", "-Infinity"};
    if (json_is_number(value))
        return json_real(json_number_value(value));
    for (size_t i = 0; json_is_string(value) && i < sizeof(specials) / sizeof(specials[0]); i++)
        if (strcmp(json_string_value(value), specials[i]) == 0)
            return json_incref((json_t *)value);
    return wrong_type(value, "a Double", err);
}

static json_t *read_timestamp(const json_t *value, struct err *err)
{
    double seconds;
    if (json_is_number(value))
        return json_incref((json_t *)value);
    if (json_is_string(value) && timestamp_parse(json_string_value(value), &seconds))
        return json_real(seconds);
    return wrong_type(value, "a Timestamp", err);
}

static json_t *read_blob(const json_t *value, struct err *err)
{
    if (!json_is_string(value))
        return wrong_type(value, "a Blob", err);
    size_t size;
    char *bytes = base64_decode(json_string_value(value), json_string_length(value), &size);
    if (!bytes) {
        err_aws(err, "SerializationException", "Invalid base64 in a Blob");
        return NULL;
    }
    free(bytes);
    return json_incref((json_t *)value);
}

/* Handlers read C strings: what such a string cannot hold is refused here. */
static json_t *read_string(const json_t *value, struct err *err)
{
    if (!json_is_string(value))
        return wrong_type(value, "a String", err);
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        err_aws(err, "SerializationException", "A String must not contain the character U+0000");
        return NULL;
    }
    return json_incref((json_t *)value);
}

static json_t *read_value(const struct model_shape *shape, const json_t *value, int depth,
                          struct err *err);

/* Adds a value to `object`; null means absent. */
static int read_into(json_t *object, const char *name, const struct model_shape *shape,
                     const json_t *value, int depth, struct err *err)
{
    if (!value || json_is_null(value))
        return 0;
    json_t *read = read_value(shape, value, depth, err);
    if (!read)
        return -1;
    return json_object_set_new(object, name, read) < 0 ? err_set(err, "out of memory") : 0;
}

static json_t *read_structure(const struct model_shape *shape, const json_t *value, int depth,
                              struct err *err)
{
    if (!json_is_object(value))
        return wrong_type(value, "a Structure", err);
    json_auto_t *object = json_object();
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        const json_t *given = json_object_get(value, member->wire_name);
        if (!given)
            given = json_object_get(value, member->name);
        if (read_into(object, member->name, member->shape, given, depth + 1, err) < 0)
            return NULL;
    }
    return json_incref(object);
}

static json_t *read_list(const struct model_shape *shape, const json_t *value, int depth,
                         struct err *err)
{
    if (!json_is_array(value))
        return wrong_type(value, "a List", err);
    json_auto_t *array = json_array();
    size_t index;
    json_t *item;
    json_array_foreach (value, index, item) {
        if (json_is_null(item))
            continue;
        json_t *read = read_value(shape->members[0].shape, item, depth + 1, err);
        if (!read || json_array_append_new(array, read) < 0)
            return NULL;
    }
    return json_incref(array);
}

static json_t *read_map(const struct model_shape *shape, const json_t *value, int depth,
                        struct err *err)
{
    if (!json_is_object(value))
        return wrong_type(value, "a Map", err);
    json_auto_t *object = json_object();
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)value, key, item) {
        if (read_into(object, key, shape->members[1].shape, item, depth + 1, err) < 0)
            return NULL;
    }
    return json_incref(object);
}

static json_t *read_value(const struct model_shape *shape, const json_t *value, int depth,
                          struct err *err)
{
    if (depth > MODEL_DEPTH_MAX) {
        err_aws(err, "SerializationException", "The request is nested too deeply");
        return NULL;
    }
    switch ((enum model_type)shape->type) {
    case MODEL_STRUCTURE:
        return read_structure(shape, value, depth, err);
    case MODEL_LIST:
        return read_list(shape, value, depth, err);
    case MODEL_MAP:
        return read_map(shape, value, depth, err);
    case MODEL_STRING:
        return read_string(value, err);
    case MODEL_BOOLEAN:
        return json_is_boolean(value) ? json_incref((json_t *)value)
                                      : wrong_type(value, "a Boolean", err);
    case MODEL_INTEGER:
        return read_integer(value, "an Integer", err);
    case MODEL_LONG:
        return read_integer(value, "a Long", err);
    case MODEL_FLOAT:
    case MODEL_DOUBLE:
        return read_float(value, err);
    case MODEL_BLOB:
        return read_blob(value, err);
    case MODEL_TIMESTAMP:
        return read_timestamp(value, err);
    }
    return wrong_type(value, "anything", err);
}

int model_decode_tree(const struct model_operation *operation, const json_t *tree, json_t **ret_in,
                      struct err *err)
{
    if (!json_is_object(tree)) {
        wrong_type(tree, "a Structure", err);
        return -1;
    }
    *ret_in = operation->input ? read_value(operation->input, tree, 0, err) : json_object();
    return *ret_in ? 0 : -1;
}
