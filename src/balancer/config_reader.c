#include "balancer/config_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Members of the API's shapes that say nothing about what the balancer does. */
static const char *const descriptive[] = {
    "ListenerArn",
    "LoadBalancerArn",
    "LoadBalancerArns",
    "RuleArn",
    "IsDefault",
    "VpcId",
    "IpAddressType",
    "Tags",
    "Order",
    "TargetType",
    "DNSName",
    "TargetGroupName",
    "TargetGroupArn",
    NULL,
};

static bool is_in(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

int reader_check(const json_t *object, const char *what, const char *const *names, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, "%s must be an object", what);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
        if (name[0] != '_' && !is_in(name, names) && !is_in(name, descriptive))
            return err_set(err, "%s has the member '%s', which is not supported", what, name);
    }
    return 0;
}

int reader_integer_value(const json_t *value, const char *name, int64_t min, int64_t max,
                         int64_t *out, struct err *err)
{
    int64_t number = json_integer_value(value);
    bool sound = json_is_integer(value);
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        char *end;
        errno = 0;
        number = strtoll(text, &end, 10);
        sound = *text && !*end && !errno;
    }
    if (!sound || number < min || number > max)
        return err_set(err, "%s must be a whole number from %lld to %lld", name, (long long)min,
                       (long long)max);
    *out = number;
    return 0;
}

int reader_integer(const json_t *object, const char *name, int64_t min, int64_t max,
                   int64_t missing, int64_t *out, struct err *err)
{
    const json_t *value = json_object_get(object, name);
    *out = missing;
    return value ? reader_integer_value(value, name, min, max, out, err) : 0;
}

int reader_text(const json_t *object, const char *name, size_t size_max, const char **out,
                struct err *err)
{
    const json_t *value = json_object_get(object, name);
    *out = json_string_value(value);
    if (value && (!*out || strlen(*out) != json_string_length(value)))
        return err_set(err, "%s must be a string", name);
    if (*out && strlen(*out) > size_max)
        return err_set(err, "%s must have at most %zu characters", name, size_max);
    return 0;
}

int reader_required_text(const json_t *object, const char *name, size_t size_max, const char **out,
                         struct err *err)
{
    if (reader_text(object, name, size_max, out, err) < 0)
        return -1;
    return *out && **out ? 0 : err_set(err, "%s is missing", name);
}

int reader_flag(const json_t *object, const char *name, bool *out, struct err *err)
{
    const json_t *value = json_object_get(object, name);
    *out = json_is_true(value);
    return !value || json_is_boolean(value) ? 0 : err_set(err, "%s must be true or false", name);
}

int reader_address(const char *text, uint32_t *out, struct err *err)
{
    struct in_addr address;
    if (!text || inet_pton(AF_INET, text, &address) != 1)
        return err_set(err, "'%s' is not an IPv4 address", text ? text : "");
    *out = ntohl(address.s_addr);
    return 0;
}

int reader_block(const char *text, uint32_t *network, uint32_t *mask, struct err *err)
{
    char address[INET_ADDRSTRLEN + 4] = "";
    const char *slash = text ? strchr(text, '/') : NULL;
    char *end = NULL;
    long prefix = slash ? strtol(slash + 1, &end, 10) : -1;
    if (!slash || end == slash + 1 || *end || prefix < 0 || prefix > 32 ||
        (size_t)(slash - text) >= sizeof address)
        return err_set(err, "'%s' is not a CIDR block", text ? text : "");
    memcpy(address, text, (size_t)(slash - text));
    *mask = prefix ? 0xffffffffU << (32 - prefix) : 0;
    if (reader_address(address, network, err) < 0)
        return -1;
    *network &= *mask;
    return 0;
}
