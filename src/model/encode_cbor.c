/* Results as CBOR, with definite lengths. */
#include "model/encode_internal.h"
#include "wire/base64.h"
#include "wire/cbor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CBOR_TAG_EPOCH = 1 };

static int put_blob(const json_t *value, struct buf *out, struct err *err)
{
    size_t size;
    char *bytes = base64_decode(json_string_value(value), json_string_length(value), &size);
    if (!bytes)
        return err_set(err, "a blob is not base64");
    cbor_put_bytes(out, bytes, size);
    free(bytes);
    return 0;
}

static void put_float(const json_t *value, struct buf *out)
{
    if (json_is_string(value))
        cbor_put_double(out, strtod(json_string_value(value), NULL));
    else
        cbor_put_double(out, json_number_value(value));
}

static void put_timestamp(const json_t *value, struct buf *out)
{
    double seconds = json_number_value(value);
    cbor_put_tag(out, CBOR_TAG_EPOCH);
    if (seconds == floor(seconds) && fabs(seconds) < 0x1p53)
        cbor_put_integer(out, (int64_t)seconds);
    else
        cbor_put_double(out, seconds);
}

static int put_structure(const struct model_shape *shape, const json_t *value, struct buf *out,
                         struct err *err)
{
    size_t present = encode_count_members(shape, value);
    cbor_put_map(out, present);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        const json_t *given = encode_get(value, member);
        if (!given)
            continue;
        cbor_put_text(out, member->name, strlen(member->name));
        if (encode_cbor_value(member, given, out, err) < 0)
            return err_wrap(err, "%s", member->name);
    }
    return encode_check_members(shape, value, present, err);
}

static int put_list(const struct model_shape *shape, const json_t *value, struct buf *out,
                    struct err *err)
{
    size_t index;
    json_t *item;
    cbor_put_array(out, json_array_size(value));
    json_array_foreach (value, index, item) {
        if (encode_cbor_value(&shape->members[0], item, out, err) < 0)
            return -1;
    }
    return 0;
}

static int put_map(const struct model_shape *shape, const json_t *value, struct buf *out,
                   struct err *err)
{
    const char *key;
    json_t *item;
    cbor_put_map(out, json_object_size(value));
    json_object_foreach ((json_t *)value, key, item) {
        cbor_put_text(out, key, strlen(key));
        if (encode_cbor_value(&shape->members[1], item, out, err) < 0)
            return -1;
    }
    return 0;
}

int encode_cbor_value(const struct model_member *member, const json_t *value, struct buf *out,
                      struct err *err)
{
    if (encode_check_type(member->shape, value, err) < 0)
        return -1;
    switch ((enum model_type)member->shape->type) {
    case MODEL_STRUCTURE:
        return put_structure(member->shape, value, out, err);
    case MODEL_LIST:
        return put_list(member->shape, value, out, err);
    case MODEL_MAP:
        return put_map(member->shape, value, out, err);
    case MODEL_STRING:
        cbor_put_text(out, json_string_value(value), json_string_length(value));
        return 0;
    case MODEL_BOOLEAN:
        cbor_put_boolean(out, json_is_true(value));
        return 0;
    case MODEL_INTEGER:
    case MODEL_LONG:
        cbor_put_integer(out, json_integer_value(value));
        return 0;
    case MODEL_FLOAT:
    case MODEL_DOUBLE:
        put_float(value, out);
        return 0;
    case MODEL_BLOB:
        return put_blob(value, out, err);
    case MODEL_TIMESTAMP:
        put_timestamp(value, out);
        return 0;
    }
    return err_set(err, "shape %s has no type", member->shape->name);
}
