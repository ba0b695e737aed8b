#include "balancer/config_health.h"

#include "balancer/config_reader.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE_MAX = 1024 };

/* The codes that a matcher may name. */
struct codes {
    const char *member, *initial;
    long min, max;
};

/* "200", "200,202", "200-299" and lists of these. */
static int load_codes(const char *text, const struct codes *codes, struct health_settings *health,
                      struct err *err)
{
    for (const char *at = text;; at++) {
        char *end;
        long from = strtol(at, &end, 10), to = from;
        bool empty = end == at;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        if (empty || from < codes->min || to > codes->max || from > to || (*end && *end != ','))
            return err_set(err, "the %s '%s' is not valid", codes->member, text);
        for (long code = from - codes->min; code <= to - codes->min; code++)
            health->matcher[code / 8] |= (uint8_t)(1 << code % 8);
        if (!*end)
            return 0;
        at = end;
    }
}

static int load_matcher(const json_t *matcher, struct health_settings *health, struct err *err)
{
    static const struct codes http = {"HttpCode", "200", 200, 499};
    static const struct codes grpc = {"GrpcCode", "12", 0, 99};
    const struct codes *codes = health->version == TARGETS_GRPC ? &grpc : &http;
    const char *const members[] = {codes->member, NULL};
    const char *text;
    if ((matcher && reader_check(matcher, "Matcher", members, err) < 0) ||
        reader_text(matcher, codes->member, 256, &text, err) < 0)
        return -1;
    return load_codes(text ? text : codes->initial, codes, health, err);
}

static int load_port(const json_t *json, struct health_settings *health, struct err *err)
{
    const char *text = json_string_value(json_object_get(json, "HealthCheckPort"));
    int64_t port = 0;
    if (text && strcmp(text, "traffic-port") == 0)
        return 0;
    if (reader_integer(json, "HealthCheckPort", 1, 65535, 0, &port, err) < 0)
        return -1;
    health->port = (uint16_t)port;
    return 0;
}

static int load_request(struct snapshot *snapshot, const json_t *json,
                        struct health_settings *health, struct err *err)
{
    const char *protocol, *path;
    if (reader_text(json, "HealthCheckProtocol", 16, &protocol, err) < 0 ||
        reader_text(json, "HealthCheckPath", PATH_SIZE_MAX, &path, err) < 0)
        return -1;
    health->https = protocol && strcmp(protocol, "HTTPS") == 0;
    if (protocol && !health->https && strcmp(protocol, "HTTP") != 0)
        return err_set(err, "the HealthCheckProtocol '%s' is not supported", protocol);
    if (!path)
        path = health->version == TARGETS_GRPC ? "/AWS.ALB/healthcheck" : "/";
    if (path[0] != '/' || strpbrk(path, " \r\n\t"))
        return err_set(err, "the HealthCheckPath '%s' is not valid", path);
    health->path = snapshot_text(snapshot, path);
    return load_port(json, health, err);
}

int health_load_settings(struct snapshot *snapshot, const json_t *json, struct target_group *group,
                         struct err *err)
{
    struct health_settings *health = &group->health;
    int64_t interval, timeout, healthy, unhealthy;
    if (reader_integer(json, "HealthCheckIntervalSeconds", 1, 300, 30, &interval, err) < 0 ||
        reader_integer(json, "HealthCheckTimeoutSeconds", 1, 120, 5, &timeout, err) < 0 ||
        reader_integer(json, "HealthyThresholdCount", 2, 10, 5, &healthy, err) < 0 ||
        reader_integer(json, "UnhealthyThresholdCount", 2, 10, 2, &unhealthy, err) < 0)
        return -1;
    if (json_is_false(json_object_get(json, "HealthCheckEnabled")))
        return err_set(err, "HealthCheckEnabled cannot be false");
    health->version = group->version;
    health->interval_ms = interval * 1000;
    health->timeout_ms = timeout * 1000;
    health->healthy_threshold = (int)healthy;
    health->unhealthy_threshold = (int)unhealthy;
    return load_request(snapshot, json, health, err) < 0
               ? -1
               : load_matcher(json_object_get(json, "Matcher"), health, err);
}
