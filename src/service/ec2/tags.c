#include "service/ec2/tags.h"

#include "service/ec2/ids.h"

#include <string.h>

enum { KEY_CHARACTERS_MAX = 128, VALUE_CHARACTERS_MAX = 256 };

/* Characters of a UTF-8 string. */
static size_t character_count(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static json_t *find_tag(const json_t *tags, const char *key)
{
    size_t i;
    json_t *tag;
    json_array_foreach (tags, i, tag)
        if (!strcmp(ec2_text(tag, "Key"), key))
            return tag;
    return NULL;
}

static int check_tag(const json_t *tag, struct err *err)
{
    const char *key = ec2_text(tag, "Key");
    const char *value = ec2_text(tag, "Value");
    if (!key || !*key)
        return err_aws(err, "InvalidParameterValue", "Tag key cannot be null or empty");
    if (character_count(key) > KEY_CHARACTERS_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Tag key exceeds the maximum length of %d characters", KEY_CHARACTERS_MAX);
    if (!strncmp(key, "aws:", 4))
        return err_aws(err, "InvalidParameterValue",
                       "Tag keys starting with 'aws:' are reserved for internal use");
    if (value && character_count(value) > VALUE_CHARACTERS_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Tag value exceeds the maximum length of %d characters",
                       VALUE_CHARACTERS_MAX);
    return 0;
}

int ec2_tags_check(const json_t *tags, struct err *err)
{
    size_t i;
    const json_t *tag;
    if (json_array_size(tags) > EC2_TAGS_MAX)
        return err_aws(err, "TagLimitExceeded",
                       "The maximum number of Tags for a resource has been reached.");
    json_array_foreach (tags, i, tag) {
        if (check_tag(tag, err) < 0)
            return -1;
        if (find_tag(tags, ec2_text(tag, "Key")) != tag)
            return err_aws(err, "InvalidParameterValue", "Duplicate tag key '%s' specified.",
                           ec2_text(tag, "Key"));
    }
    return 0;
}

void ec2_tags_set(json_t *tags, const char *key, const char *value)
{
    json_t *tag = find_tag(tags, key);
    if (tag)
        json_object_set_new(tag, "Value", json_string(value));
    else
        json_array_append_new(tags, json_pack("{s:s, s:s}", "Key", key, "Value", value));
}

void ec2_tags_remove(json_t *tags, const char *key)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag) {
        if (strcmp(ec2_text(tag, "Key"), key))
            continue;
        json_array_remove(tags, i);
        return;
    }
}

const char *ec2_tags_get(const json_t *tags, const char *key)
{
    return ec2_text(find_tag(tags, key), "Value");
}

/* Tags that Pileus gave do not count. */
static size_t user_tag_count(const json_t *tags)
{
    size_t i, count = 0;
    const json_t *tag;
    json_array_foreach (tags, i, tag)
        count += strncmp(ec2_text(tag, "Key"), "aws:", 4) != 0;
    return count;
}

int ec2_tags_merge(json_t *into, const json_t *tags, struct err *err)
{
    size_t i;
    const json_t *tag;
    json_array_foreach (tags, i, tag) {
        const char *value = ec2_text(tag, "Value");
        ec2_tags_set(into, ec2_text(tag, "Key"), value ? value : "");
    }
    if (user_tag_count(into) > EC2_TAGS_MAX)
        return err_aws(err, "TagLimitExceeded",
                       "The maximum number of Tags for a resource has been reached.");
    return 0;
}

/* Whether `word` is one of the words of `list`, which are separated by spaces. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && !memcmp(at, word, size))
            return true;
        at += length;
    }
    return false;
}

json_t *ec2_tags_on_creation(const struct call *call, const char *resource_type,
                             const char *allowed, struct err *err)
{
    json_auto_t *tags = json_array();
    size_t i;
    const json_t *spec;
    json_array_foreach (json_object_get(call->in, "TagSpecifications"), i, spec) {
        const char *type = ec2_text(spec, "ResourceType");
        const json_t *list = json_object_get(spec, "Tags");
        if (!type) {
            err_aws(err, "InvalidParameterValue",
                    "Tag specification resource type must have a value");
            return NULL;
        }
        if (!has_word(allowed, type)) {
            err_aws(err, "InvalidParameterValue",
                    "'%.100s' is not a valid taggable resource type for this operation.", type);
            return NULL;
        }
        if (ec2_tags_check(list, err) < 0)
            return NULL;
        if (!strcmp(type, resource_type) && ec2_tags_merge(tags, list, err) < 0)
            return NULL;
    }
    return json_incref(tags);
}
