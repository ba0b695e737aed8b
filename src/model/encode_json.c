/* Results as JSON. */
#include "model/encode_internal.h"
#include "model/timestamp.h"

#include <string.h>

void encode_json_string(struct buf *out, const char *text, size_t size)
{
    size_t begin = 0;
    buf_append_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buf_append(out, text + begin, i - begin);
        begin = i + 1;
        if (byte == '"' || byte == '\\')
            buf_printf(out, "\\%c", byte);
        else
            buf_printf(out, "\\u%04x", byte);
    }
    buf_append(out, text + begin, size - begin);
    buf_append_char(out, '"');
}

static void append_number(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        encode_json_string(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        buf_printf(out, "%.17g", json_real_value(value));
}

static void append_timestamp(struct buf *out, enum model_time format, double seconds)
{
    if (format == MODEL_TIME_DEFAULT || format == MODEL_TIME_UNIX) {
        timestamp_unix(out, seconds);
        return;
    }
    buf_append_char(out, '"');
    if (format == MODEL_TIME_ISO8601)
        timestamp_iso8601(out, seconds);
    else
        timestamp_rfc822(out, seconds);
    buf_append_char(out, '"');
}

static int encode_structure(const struct model_shape *shape, const json_t *value, struct buf *out,
                            struct err *err)
{
    size_t present = 0;
    buf_append_char(out, '{');
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        const json_t *given = encode_get(value, member);
        if (!given)
            continue;
        buf_printf(out, "%s\"%s\":", present++ ? "," : "", member->wire_name);
        if (encode_json_value(member, given, out, err) < 0)
            return err_wrap(err, "%s", member->name);
    }
    buf_append_char(out, '}');
    return encode_check_members(shape, value, present, err);
}

static int encode_list(const struct model_shape *shape, const json_t *value, struct buf *out,
                       struct err *err)
{
    size_t index;
    json_t *item;
    buf_append_char(out, '[');
    json_array_foreach (value, index, item) {
        if (index)
            buf_append_char(out, ',');
        if (encode_json_value(&shape->members[0], item, out, err) < 0)
            return -1;
    }
    buf_append_char(out, ']');
    return 0;
}

static int encode_map(const struct model_shape *shape, const json_t *value, struct buf *out,
                      struct err *err)
{
    bool first = true;
    const char *key;
    json_t *item;
    buf_append_char(out, '{');
    json_object_foreach ((json_t *)value, key, item) {
        if (!first)
            buf_append_char(out, ',');
        first = false;
        encode_json_string(out, key, strlen(key));
        buf_append_char(out, ':');
        if (encode_json_value(&shape->members[1], item, out, err) < 0)
            return -1;
    }
    buf_append_char(out, '}');
    return 0;
}

int encode_json_value(const struct model_member *member, const json_t *value, struct buf *out,
                      struct err *err)
{
    if (encode_check_type(member->shape, value, err) < 0)
        return -1;
    switch ((enum model_type)member->shape->type) {
    case MODEL_STRUCTURE:
        return encode_structure(member->shape, value, out, err);
    case MODEL_LIST:
        return encode_list(member->shape, value, out, err);
    case MODEL_MAP:
        return encode_map(member->shape, value, out, err);
    case MODEL_BOOLEAN:
        buf_append_string(out, json_is_true(value) ? "true" : "false");
        return 0;
    case MODEL_STRING:
    case MODEL_BLOB:
        encode_json_string(out, json_string_value(value), json_string_length(value));
        return 0;
    case MODEL_TIMESTAMP:
        append_timestamp(out, (enum model_time)member->time, json_number_value(value));
        return 0;
    default:
        append_number(out, value);
        return 0;
    }
}
