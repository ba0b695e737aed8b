/*
 * Flat parameters ("Filter.1.Value.2=x") to a tree of their dotted names, and the tree to the
 * input by its shape.
 */
#include "base/map.h"
#include "model/decode.h"
#include "model/timestamp.h"
#include "wire/base64.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_SIZE_MAX = 512, INDEX_DIGITS_MAX = 6 };

struct node {
    const char *name;  /* the whole dotted name, as the client wrote it */
    const char *value; /* NULL: only a part of longer names */
    struct map children;
    bool used;
};

struct decoder {
    enum model_protocol protocol;
    struct err *err;
};

static void node_free(struct node *node)
{
    map_each (entry, &node->children)
        node_free(entry->value);
    map_finish(&node->children);
    free(node);
}

static struct node *node_child(struct node *node, const char *name)
{
    struct node *child = map_get(&node->children, name);
    if (child)
        return child;
    child = calloc(1, sizeof(*child));
    if (child && map_set(&node->children, name, child) < 0) {
        free(child);
        return NULL;
    }
    return child;
}

/* Adds one parameter. Returns 0, or -1 if its name is too long or deep, or memory ran out. */
static int add_param(struct node *root, const struct query_param *param)
{
    char name[NAME_SIZE_MAX];
    size_t size = strlen(param->name);
    if (size >= sizeof(name))
        return -1;
    memcpy(name, param->name, size + 1);
    struct node *node = root;
    int depth = 0;
    for (char *part = name, *rest; part; part = rest) {
        rest = strchr(part, '.');
        if (rest)
            *rest++ = 0;
        node = depth++ < 3 * MODEL_DEPTH_MAX ? node_child(node, part) : NULL;
        if (!node)
            return -1;
        node->name = param->name;
    }
    node->value = param->value;
    return 0;
}

/* Parameters that belong to the protocol or the signature, not to the operation. */
static bool is_protocol_param(const char *name)
{
    static const char *const names[] = {"Action",    "Version",         "AWSAccessKeyId",
                                        "Signature", "SignatureMethod", "SignatureVersion",
                                        "Timestamp", "Expires",         "SecurityToken"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncasecmp(name, "X-Amz-", 6) == 0;
}

static json_t *fail(const struct decoder *decoder, const struct node *node, const char *value)
{
    if (decoder->protocol == MODEL_EC2)
        err_aws(decoder->err, "InvalidParameterValue", "Invalid value '%s' for %s", value,
                node->name);
    else
        err_aws(decoder->err, "MalformedInput", "Invalid value '%s' for %s", value, node->name);
    return NULL;
}

/* --- scalars --- */

static json_t *read_integer(const struct decoder *decoder, const struct node *node, bool is_long)
{
    char *end;
    errno = 0;
    long long number = strtoll(node->value, &end, 10);
    bool fits = errno == 0 && (is_long || (number >= INT32_MIN && number <= INT32_MAX));
    if (end == node->value || *end || !fits)
        return fail(decoder, node, node->value);
    return json_integer(number);
}

static json_t *read_float(const struct decoder *decoder, const struct node *node)
{
    char *end;
    double number = strtod(node->value, &end);
    if (end == node->value || *end)
        return fail(decoder, node, node->value);
    if (!isfinite(number))
        return json_string(isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
    return json_real(number);
}

static json_t *read_boolean(const struct decoder *decoder, const struct node *node)
{
    if (strcasecmp(node->value, "true") == 0 || strcmp(node->value, "1") == 0)
        return json_true();
    if (strcasecmp(node->value, "false") == 0 || strcmp(node->value, "0") == 0)
        return json_false();
    return fail(decoder, node, node->value);
}

static json_t *read_timestamp(const struct decoder *decoder, const struct node *node)
{
    double seconds;
    if (!timestamp_parse(node->value, &seconds))
        return fail(decoder, node, node->value);
    return json_real(seconds);
}

static json_t *read_blob(const struct decoder *decoder, const struct node *node)
{
    size_t size;
    char *bytes = base64_decode(node->value, strlen(node->value), &size);
    if (!bytes)
        return fail(decoder, node, "(not base64)");
    free(bytes);
    return json_string(node->value);
}

static json_t *read_string(const struct decoder *decoder, const struct node *node)
{
    json_t *string = json_string(node->value);
    return string ? string : fail(decoder, node, "(not UTF-8)");
}

static json_t *read_scalar(const struct decoder *decoder, const struct node *node,
                           const struct model_shape *shape)
{
    if (!node->value)
        return fail(decoder, node, "");
    switch ((enum model_type)shape->type) {
    case MODEL_BOOLEAN:
        return read_boolean(decoder, node);
    case MODEL_INTEGER:
    case MODEL_LONG:
        return read_integer(decoder, node, shape->type == MODEL_LONG);
    case MODEL_FLOAT:
    case MODEL_DOUBLE:
        return read_float(decoder, node);
    case MODEL_TIMESTAMP:
        return read_timestamp(decoder, node);
    case MODEL_BLOB:
        return read_blob(decoder, node);
    default:
        return read_string(decoder, node);
    }
}

/* --- lists and maps --- */

static json_t *read_value(const struct decoder *decoder, struct node *node,
                          const struct model_member *member);

struct indexed {
    long index;
    struct node *node;
};

static int compare_indices(const void *left, const void *right)
{
    const struct indexed *a = left, *b = right;
    return (a->index > b->index) - (a->index < b->index);
}

/* The numbered children, in the order of their numbers (gaps are allowed); NULL on failure. */
static struct indexed *indexed_children(const struct decoder *decoder, struct node *node)
{
    struct indexed *items = calloc(node->children.count + 1, sizeof(*items));
    size_t count = 0;
    map_each (entry, &node->children) {
        size_t digits = strspn(entry->key, "0123456789");
        if (!items || digits == 0 || digits > INDEX_DIGITS_MAX || entry->key[digits]) {
            fail(decoder, entry->value, entry->key);
            free(items);
            return NULL;
        }
        items[count++] = (struct indexed){strtol(entry->key, NULL, 10), entry->value};
    }
    if (items)
        qsort(items, count, sizeof(*items), compare_indices);
    return items;
}

static bool is_flat(const struct decoder *decoder, const struct model_member *member)
{
    return decoder->protocol == MODEL_EC2 || (member->flags & MODEL_FLATTENED);
}

/* The node whose children are numbered: the list's own, or one that names the items. */
static struct node *item_parent(const struct decoder *decoder, struct node *node,
                                const struct model_member *member, const char *item_name)
{
    if (is_flat(decoder, member))
        return node;
    struct node *parent = map_get(&node->children, item_name);
    if (parent)
        parent->used = true;
    return parent;
}

/* "List=" is an empty list; a value there is an error. */
static json_t *read_empty(const struct decoder *decoder, const struct node *node, json_t *empty)
{
    if (node->children.count == 0 && (!node->value || !*node->value))
        return empty;
    json_decref(empty);
    return fail(decoder, node, node->value ? node->value : "");
}

static json_t *read_list(const struct decoder *decoder, struct node *node,
                         const struct model_member *member)
{
    const struct model_member *item = &member->shape->members[0];
    const char *item_name = item->flags & MODEL_RENAMED ? item->wire_name : "member";
    struct node *parent = item_parent(decoder, node, member, item_name);
    if (!parent || parent->children.count == 0)
        return read_empty(decoder, parent ? parent : node, json_array());
    struct indexed *items = indexed_children(decoder, parent);
    if (!items)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; array && i < parent->children.count; i++) {
        json_t *value = read_value(decoder, items[i].node, item);
        if (!value || json_array_append_new(array, value) < 0) {
            json_decref(array);
            array = NULL;
        }
    }
    free(items);
    return array;
}

/* One "entry.N" with its key and value. Returns 0 or -1. */
static int read_entry(const struct decoder *decoder, struct node *node,
                      const struct model_shape *map, json_t *object)
{
    const struct model_member *key = &map->members[0], *value = &map->members[1];
    struct node *key_node = map_get(&node->children, key->wire_name);
    struct node *value_node = map_get(&node->children, value->wire_name);
    if (!key_node || !key_node->value || !value_node) {
        fail(decoder, node, "(a map entry without key or value)");
        return -1;
    }
    key_node->used = true;
    json_t *read = read_value(decoder, value_node, value);
    if (!read)
        return -1;
    if (json_object_set_new(object, key_node->value, read) == 0)
        return 0;
    fail(decoder, key_node, "(not UTF-8)");
    return -1;
}

static json_t *read_map(const struct decoder *decoder, struct node *node,
                        const struct model_member *member)
{
    struct node *parent = item_parent(decoder, node, member, "entry");
    if (!parent || parent->children.count == 0)
        return read_empty(decoder, parent ? parent : node, json_object());
    struct indexed *items = indexed_children(decoder, parent);
    if (!items)
        return NULL;
    json_t *object = json_object();
    for (size_t i = 0; object && i < parent->children.count; i++) {
        if (read_entry(decoder, items[i].node, member->shape, object) < 0) {
            json_decref(object);
            object = NULL;
        }
        items[i].node->used = true;
    }
    free(items);
    return object;
}

/* --- structures --- */

static json_t *read_structure(const struct decoder *decoder, struct node *node,
                              const struct model_shape *shape)
{
    json_auto_t *object = json_object();
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        struct node *child = map_get(&node->children, member->query_name);
        if (!child)
            continue;
        json_t *value = read_value(decoder, child, member);
        if (!value || json_object_set_new(object, member->name, value) < 0)
            return NULL;
    }
    return json_incref(object);
}

static json_t *read_value(const struct decoder *decoder, struct node *node,
                          const struct model_member *member)
{
    node->used = true;
    switch ((enum model_type)member->shape->type) {
    case MODEL_STRUCTURE:
        return read_structure(decoder, node, member->shape);
    case MODEL_LIST:
        return read_list(decoder, node, member);
    case MODEL_MAP:
        return read_map(decoder, node, member);
    default:
        return read_scalar(decoder, node, member->shape);
    }
}

/* The first parameter that no member took, or NULL. */
static const struct node *find_unused(const struct node *node)
{
    map_each (entry, &node->children) {
        const struct node *child = entry->value;
        const struct node *unused = child->used ? find_unused(child) : child;
        if (unused)
            return unused;
    }
    return NULL;
}

static int build_tree(struct node *root, const struct query *query, struct err *err)
{
    for (size_t i = 0; i < query->count; i++)
        if (!is_protocol_param(query->params[i].name) && add_param(root, &query->params[i]) < 0)
            return err_aws(err, "MalformedQueryString", "The parameter name '%.100s' is malformed",
                           query->params[i].name);
    return 0;
}

int model_decode_query(const struct model_operation *operation, enum model_protocol protocol,
                       const struct query *query, json_t **ret_in, struct err *err)
{
    static const struct model_shape nothing = {.type = MODEL_STRUCTURE};
    const struct decoder decoder = {.protocol = protocol, .err = err};
    struct node *root = calloc(1, sizeof(*root));
    if (!root)
        return err_set(err, "out of memory");
    json_t *in = NULL;
    if (build_tree(root, query, err) == 0)
        in = read_structure(&decoder, root, operation->input ? operation->input : &nothing);
    const struct node *unused = in && protocol == MODEL_EC2 ? find_unused(root) : NULL;
    if (unused) {
        err_aws(err, "UnknownParameter", "The parameter %s is not recognized", unused->name);
        json_decref(in);
        in = NULL;
    }
    node_free(root);
    *ret_in = in;
    return in ? 0 : -1;
}
