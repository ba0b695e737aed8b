/* Results as XML: the same rules for ec2 and query, only the tables differ. */
#include "model/encode_internal.h"
#include "model/timestamp.h"
#include "wire/xml.h"

#include <string.h>

/* Where XML goes, and what need not be written anew. */
struct xml {
    struct buf *out;
    const struct encode_kept *kept; /* may be NULL */
};

static int encode_element(const char *name, const struct model_member *member, const json_t *value,
                          const struct xml *xml, struct err *err);
static int encode_members(const struct model_shape *shape, const json_t *value,
                          const struct xml *xml, struct err *err);

static void append_number(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) /* "NaN" and its like */
        buf_append_string(out, json_string_value(value));
    else if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        buf_printf(out, "%.17g", json_real_value(value));
}

static void append_timestamp(struct buf *out, enum model_time format, double seconds)
{
    if (format == MODEL_TIME_RFC822)
        timestamp_rfc822(out, seconds);
    else if (format == MODEL_TIME_UNIX)
        timestamp_unix(out, seconds);
    else
        timestamp_iso8601(out, seconds);
}

static void append_scalar(const struct model_member *member, const json_t *value, struct buf *out)
{
    switch ((enum model_type)member->shape->type) {
    case MODEL_BOOLEAN:
        buf_append_string(out, json_is_true(value) ? "true" : "false");
        break;
    case MODEL_TIMESTAMP:
        append_timestamp(out, (enum model_time)member->time, json_number_value(value));
        break;
    case MODEL_STRING:
    case MODEL_BLOB:
        xml_text(out, json_string_value(value), json_string_length(value));
        break;
    default:
        append_number(out, value);
    }
}

/* An item of a list; `list` is the member that the list is. */
static int encode_item(const char *name, const struct model_member *list, const json_t *value,
                       const struct xml *xml, struct err *err)
{
    const struct model_member *item = &list->shape->members[0];
    const struct encode_kept *kept = xml->kept;
    if (!kept || strcmp(kept->list, list->name) != 0)
        return encode_element(name, item, value, xml, err);
    size_t before = xml->out->size;
    if (encode_memo_append(kept->memo, list, value, xml->out))
        return 0;
    if (encode_element(name, item, value, xml, err) < 0)
        return -1;
    if (!xml->out->failed)
        encode_memo_put(kept->memo, list, value, xml->out->data + before, xml->out->size - before);
    return 0;
}

static int encode_list(const char *name, const struct model_member *member, const json_t *value,
                       const struct xml *xml, struct err *err)
{
    struct buf *out = xml->out;
    const struct model_member *item = &member->shape->members[0];
    bool flat = member->flags & MODEL_FLATTENED;
    const char *item_name = flat ? name : item->flags & MODEL_RENAMED ? item->wire_name : "member";
    if (json_array_size(value) == 0) {
        if (!flat)
            xml_empty(out, name);
        return 0;
    }
    if (!flat)
        xml_open(out, name);
    size_t index;
    json_t *element;
    json_array_foreach (value, index, element) {
        if (encode_item(item_name, member, element, xml, err) < 0)
            return -1;
    }
    if (!flat)
        xml_close(out, name);
    return 0;
}

static int encode_map(const char *name, const struct model_member *member, const json_t *value,
                      const struct xml *xml, struct err *err)
{
    struct buf *out = xml->out;
    const struct model_member *key_member = &member->shape->members[0];
    const struct model_member *value_member = &member->shape->members[1];
    bool flat = member->flags & MODEL_FLATTENED;
    const char *entry_name = flat ? name : "entry";
    if (!flat)
        xml_open(out, name);
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)value, key, item) {
        xml_open(out, entry_name);
        xml_element(out, key_member->wire_name, key);
        if (encode_element(value_member->wire_name, value_member, item, xml, err) < 0)
            return -1;
        xml_close(out, entry_name);
    }
    if (!flat)
        xml_close(out, name);
    return 0;
}

static int encode_structure(const char *name, const struct model_member *member,
                            const json_t *value, const struct xml *xml, struct err *err)
{
    xml_open(xml->out, name);
    if (encode_members(member->shape, value, xml, err) < 0)
        return -1;
    xml_close(xml->out, name);
    return 0;
}

static int encode_element(const char *name, const struct model_member *member, const json_t *value,
                          const struct xml *xml, struct err *err)
{
    if (encode_check_type(member->shape, value, err) < 0)
        return err_wrap(err, "%s", name);
    switch ((enum model_type)member->shape->type) {
    case MODEL_STRUCTURE:
        return encode_structure(name, member, value, xml, err);
    case MODEL_LIST:
        return encode_list(name, member, value, xml, err);
    case MODEL_MAP:
        return encode_map(name, member, value, xml, err);
    default:
        xml_open(xml->out, name);
        append_scalar(member, value, xml->out);
        xml_close(xml->out, name);
        return 0;
    }
}

static int encode_members(const struct model_shape *shape, const json_t *value,
                          const struct xml *xml, struct err *err)
{
    size_t present = 0;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        const json_t *given = encode_get(value, member);
        if (!given)
            continue;
        present++;
        if (encode_element(member->wire_name, member, given, xml, err) < 0)
            return -1;
    }
    return encode_check_members(shape, value, present, err);
}

int encode_xml_members(const struct model_shape *shape, const json_t *value,
                       const struct encode_kept *kept, struct buf *out, struct err *err)
{
    const struct xml xml = {out, kept};
    return encode_members(shape, value, &xml, err);
}
