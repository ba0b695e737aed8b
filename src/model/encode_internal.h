/* What the encoders of the three formats share. */
#pragma once

#include "model/encode.h"

/* Encoders of one value; appended to `out`. They return 0, or -1 and err. */
int encode_xml_members(const struct model_shape *shape, const json_t *value,
                       const struct encode_kept *kept, struct buf *out, struct err *err);
int encode_json_value(const struct model_member *member, const json_t *value, struct buf *out,
                      struct err *err);
int encode_cbor_value(const struct model_member *member, const json_t *value, struct buf *out,
                      struct err *err);

/* Appends a JSON string literal. */
void encode_json_string(struct buf *out, const char *text, size_t size);

/* The value of a member, or NULL if it is absent or null. */
static inline const json_t *encode_get(const json_t *object, const struct model_member *member)
{
    const json_t *value = json_object_get(object, member->name);
    return value && !json_is_null(value) ? value : NULL;
}

/* 0 if `value` has the JSON type of the shape, or -1 and err. */
int encode_check_type(const struct model_shape *shape, const json_t *value, struct err *err);
/*
 * 0 if every member of `object` is in the shape, private, or null. `present` is how many non-null
 * members of the shape the encoder found, which makes the usual case quick.
 */
int encode_check_members(const struct model_shape *shape, const json_t *object, size_t present,
                         struct err *err);
/* How many members of the shape `object` has. */
size_t encode_count_members(const struct model_shape *shape, const json_t *object);
