#include "balancer/rules.h"

#include "balancer/config_reader.h"
#include "wire/glob.h"

#include <ctype.h>
#include <string.h>

enum { VALUES_MAX = 5, VALUE_SIZE_MAX = 128, WILDCARDS_MAX = 6 };

struct condition_type {
    const char *field;
    const char *config; /* the member with the values in the newer form */
    bool (*accepts)(unsigned char byte);
    bool (*matches)(struct slice value, const struct request_facts *facts);
};

struct rule_condition {
    const struct condition_type *type;
    struct slice values[VALUES_MAX];
    int value_count;
};

static bool in_host_pattern(unsigned char byte)
{
    return isalnum(byte) || strchr("-._*?", byte);
}

static bool host_matches(struct slice value, const struct request_facts *facts)
{
    return glob_match_nocase(value.data, value.size, facts->host.data, facts->host.size);
}

static bool in_path_pattern(unsigned char byte)
{
    return isalnum(byte) || strchr("_-.$/~\"'@:+&*?\\", byte);
}

static bool path_matches(struct slice value, const struct request_facts *facts)
{
    return glob_match(value.data, value.size, facts->path.data, facts->path.size);
}

static const struct condition_type condition_types[] = {
    {"host-header", "HostHeaderConfig", in_host_pattern, host_matches},
    {"path-pattern", "PathPatternConfig", in_path_pattern, path_matches},
};

static bool condition_matches(const struct rule_condition *condition,
                              const struct request_facts *facts)
{
    for (int i = 0; i < condition->value_count; i++)
        if (condition->type->matches(condition->values[i], facts))
            return true;
    return false;
}

const struct action *rules_action(const struct listener *listener,
                                  const struct request_facts *facts)
{
    for (int i = 0; i < listener->rule_count; i++) {
        const struct rule *rule = &listener->rules[i];
        int met = 0;
        while (met < rule->condition_count && condition_matches(&rule->conditions[met], facts))
            met++;
        if (met == rule->condition_count)
            return &rule->action;
    }
    return &listener->default_action;
}

static int load_value(struct snapshot *snapshot, const json_t *json,
                      struct rule_condition *condition, struct err *err)
{
    const char *text = json_string_value(json), *field = condition->type->field;
    if (!text || !*text || strlen(text) > VALUE_SIZE_MAX)
        return err_set(err, "a value of %s must have 1 to %d characters", field, VALUE_SIZE_MAX);
    int wildcards = 0;
    for (const char *at = text; *at; at++) {
        wildcards += *at == '*' || *at == '?';
        if (!condition->type->accepts((unsigned char)*at))
            return err_set(err, "the value '%s' of %s has a character that is not valid", text,
                           field);
    }
    if (wildcards > WILDCARDS_MAX)
        return err_set(err, "the value '%s' of %s has too many wildcards", text, field);
    condition->values[condition->value_count++] =
        (struct slice){snapshot_text(snapshot, text), strlen(text)};
    return 0;
}

static int load_condition(struct snapshot *snapshot, const json_t *json,
                          struct rule_condition *condition, struct err *err)
{
    const char *field = json_string_value(json_object_get(json, "Field"));
    for (size_t i = 0; field && i < sizeof condition_types / sizeof condition_types[0]; i++)
        if (strcmp(condition_types[i].field, field) == 0)
            condition->type = &condition_types[i];
    if (!condition->type)
        return err_set(err, "the condition field '%s' is not supported", field ? field : "");
    const char *const members[] = {"Field", "Values", condition->type->config, NULL};
    if (reader_check(json, "a condition", members, err) < 0)
        return -1;
    const json_t *config = json_object_get(json, condition->type->config);
    const json_t *values = json_object_get(config ? config : json, "Values"), *value;
    size_t index, count = json_array_size(values);
    if (count < 1 || count > VALUES_MAX)
        return err_set(err, "a condition must have 1 to %d values", VALUES_MAX);
    json_array_foreach (values, index, value) {
        if (load_value(snapshot, value, condition, err) < 0)
            return -1;
    }
    return 0;
}

int rules_load_conditions(struct snapshot *snapshot, const json_t *conditions, struct rule *rule,
                          struct err *err)
{
    size_t count = json_array_size(conditions), index;
    if (count < 1 || count > 10)
        return err_set(err, "a rule must have 1 to 10 conditions");
    rule->conditions = snapshot_alloc(snapshot, count * sizeof *rule->conditions);
    const json_t *json;
    json_array_foreach (conditions, index, json) {
        if (load_condition(snapshot, json, &rule->conditions[rule->condition_count++], err) < 0)
            return -1;
    }
    return 0;
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Decodes %XX of characters that never need encoding (RFC 3986, 2.3). */
static size_t decode_unreserved(struct slice path, char *out)
{
    size_t size = 0;
    for (size_t i = 0; i < path.size; i++) {
        char byte = path.data[i];
        if (byte == '%' && i + 2 < path.size) {
            int high = hex_value(path.data[i + 1]), low = hex_value(path.data[i + 2]);
            int decoded = high >= 0 && low >= 0 ? high * 16 + low : 0;
            if (decoded && decoded < 0x80 && (isalnum(decoded) || strchr("-._~", decoded))) {
                byte = (char)decoded;
                i += 2;
            }
        }
        out[size++] = byte;
    }
    return size;
}

/* Removes "." and ".." segments in place (RFC 3986, 5.2.4); the path begins with "/". */
static size_t remove_dots(char *path, size_t size)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        const char *slash = memchr(path + at + 1, '/', size - at - 1);
        size_t end = slash ? (size_t)(slash - path) : size;
        size_t length = end - at; /* of "/segment" */
        bool one = length == 2 && path[at + 1] == '.';
        bool two = length == 3 && path[at + 1] == '.' && path[at + 2] == '.';
        if (two)
            while (out > 0 && path[--out] != '/')
                ;
        if (!one && !two) {
            memmove(path + out, path + at, length);
            out += length;
        } else if (end == size) {
            path[out++] = '/';
        }
        at = end;
    }
    return out;
}

size_t rules_normalise_path(struct slice path, char *out)
{
    if (!path.size || path.data[0] != '/') {
        memcpy(out, path.data, path.size);
        return path.size;
    }
    return remove_dots(out, decode_unreserved(path, out));
}

struct slice rules_host_name(struct slice host)
{
    size_t size = host.size;
    if (size && host.data[0] == '[') {
        const char *end = memchr(host.data, ']', size);
        return end ? (struct slice){host.data, (size_t)(end - host.data) + 1} : host;
    }
    const char *colon = memchr(host.data, ':', size);
    return colon ? (struct slice){host.data, (size_t)(colon - host.data)} : host;
}
