/* CBOR to a generic tree; bytes become base64 strings, what the tags wrap stays. */
#include "model/decode.h"
#include "wire/base64.h"
#include "wire/cbor.h"

#include <math.h>
#include <stdlib.h>

static json_t *malformed(struct err *err)
{
    err_aws(err, "SerializationException", "The request is not valid CBOR");
    return NULL;
}

static json_t *read_item(struct cbor_reader *reader, const struct cbor_item *item, int depth,
                         struct err *err);

static json_t *read_next(struct cbor_reader *reader, int depth, struct err *err)
{
    struct cbor_item item;
    return cbor_next(reader, &item) < 0 ? malformed(err) : read_item(reader, &item, depth, err);
}

static json_t *read_string(struct cbor_reader *reader, const struct cbor_item *item,
                           struct err *err)
{
    auto_buf bytes = {0};
    if (cbor_string(reader, item, &bytes) < 0)
        return malformed(err);
    json_t *string;
    if (item->kind == CBOR_TEXT) {
        string = json_stringn(bytes.size ? bytes.data : "", bytes.size);
    } else {
        char *text = base64_encode(bytes.size ? bytes.data : "", bytes.size);
        string = text ? json_string(text) : NULL;
        free(text);
    }
    return string ? string : malformed(err);
}

static json_t *read_float(double number)
{
    if (isnan(number))
        return json_string("NaN");
    if (isinf(number))
        return json_string(number > 0 ? "Infinity" : "-Infinity");
    return json_real(number);
}

static json_t *read_array(struct cbor_reader *reader, const struct cbor_item *head, int depth,
                          struct err *err)
{
    json_auto_t *array = json_array();
    for (uint64_t i = 0; head->indefinite || i < head->size; i++) {
        struct cbor_item item;
        if (cbor_next(reader, &item) < 0)
            return malformed(err);
        if (head->indefinite && item.kind == CBOR_BREAK)
            break;
        json_t *value = read_item(reader, &item, depth + 1, err);
        if (!value || json_array_append_new(array, value) < 0)
            return NULL;
    }
    return json_incref(array);
}

static json_t *read_map(struct cbor_reader *reader, const struct cbor_item *head, int depth,
                        struct err *err)
{
    json_auto_t *object = json_object();
    for (uint64_t i = 0; head->indefinite || i < head->size; i++) {
        struct cbor_item item;
        if (cbor_next(reader, &item) < 0)
            return malformed(err);
        if (head->indefinite && item.kind == CBOR_BREAK)
            break;
        if (item.kind != CBOR_TEXT)
            return malformed(err);
        auto_buf key = {0};
        if (cbor_string(reader, &item, &key) < 0)
            return malformed(err);
        json_t *value = read_next(reader, depth + 1, err);
        if (!value)
            return NULL;
        if (json_object_set_new(object, key.size ? key.data : "", value) < 0)
            return malformed(err);
    }
    return json_incref(object);
}

static json_t *read_item(struct cbor_reader *reader, const struct cbor_item *item, int depth,
                         struct err *err)
{
    if (depth > CBOR_DEPTH_MAX)
        return malformed(err);
    switch (item->kind) {
    case CBOR_INTEGER:
        return json_integer(item->integer);
    case CBOR_BYTES:
    case CBOR_TEXT:
        return read_string(reader, item, err);
    case CBOR_ARRAY:
        return read_array(reader, item, depth, err);
    case CBOR_MAP:
        return read_map(reader, item, depth, err);
    case CBOR_TAG:
        return read_next(reader, depth + 1, err);
    case CBOR_BOOLEAN:
        return json_boolean(item->boolean);
    case CBOR_NULL:
        return json_null();
    case CBOR_FLOAT:
        return read_float(item->number);
    case CBOR_BREAK:
        break;
    }
    return malformed(err);
}

int model_decode_cbor(const struct model_operation *operation, const void *body, size_t size,
                      json_t **ret_in, struct err *err)
{
    struct cbor_reader reader = {.data = body, .size = size};
    json_auto_t *tree = size ? read_next(&reader, 0, err) : json_object();
    if (!tree)
        return -1;
    if (reader.at != size) {
        malformed(err);
        return -1;
    }
    return model_decode_tree(operation, tree, ret_in, err);
}
