#include "balancer/config_attributes.h"

#include "balancer/config_reader.h"

#include <stdio.h>
#include <string.h>

enum kind {
    SECONDS, /* int64_t, in ms */
    NUMBER,  /* int; "off" is 0 where the range begins with 0 */
    FLAG,    /* bool */
    CHOICE,  /* int: index into choices */
    ANY,     /* says nothing about the data path */
    FIXED,   /* only choices[0] (or an empty value) is supported */
};

struct attribute {
    const char *key;
    enum kind kind;
    size_t offset;
    int64_t min, max, missing;
    const char *choices[4];
};

#define LB(member) offsetof(struct balancer_attributes, member)

static const struct attribute balancer_table[] = {
    {"idle_timeout.timeout_seconds", SECONDS, LB(idle_timeout_ms), 1, 4000, 60},
    {"client_keep_alive.seconds", SECONDS, LB(client_keep_alive_ms), 60, 604800, 3600},
    {"routing.http.desync_mitigation_mode",
     CHOICE,
     LB(desync_mode),
     0,
     0,
     0,
     {"defensive", "monitor", "strictest"}},
    {"routing.http.xff_header_processing.mode",
     CHOICE,
     LB(xff_mode),
     0,
     0,
     0,
     {"append", "preserve", "remove"}},
    {"routing.http.xff_client_port.enabled", FLAG, LB(xff_client_port), 0, 0, 0},
    {"routing.http.drop_invalid_header_fields.enabled", FLAG, LB(drop_invalid_headers), 0, 0, 0},
    {"routing.http.preserve_host_header.enabled", FLAG, LB(preserve_host), 0, 0, 0},
    {"routing.http2.enabled", FLAG, LB(http2), 0, 0, 1},
    {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", ANY},
    {"waf.fail_open.enabled", ANY},
    {"deletion_protection.enabled", ANY},
    {"load_balancing.cross_zone.enabled", FIXED, 0, 0, 0, 0, {"true"}},
    {"access_logs.s3.enabled", FLAG, LB(access_log)},
    {"access_logs.s3.bucket", ANY},
    {"access_logs.s3.prefix", ANY},
    {"connection_logs.s3.enabled", FLAG, LB(connection_log)},
    {"connection_logs.s3.bucket", ANY},
    {"connection_logs.s3.prefix", ANY},
    {"health_check_logs.s3.enabled", FIXED, 0, 0, 0, 0, {"false"}},
    {"health_check_logs.s3.bucket", ANY},
    {"health_check_logs.s3.prefix", ANY},
    {"ipv6.deny_all_igw_traffic", ANY},
    {"zonal_shift.config.enabled", FIXED, 0, 0, 0, 0, {"false"}},
    {NULL},
};

/* The value as the API writes it: everything is a string there. */
static int value_text(const json_t *value, const char *key, char *out, size_t size, struct err *err)
{
    if (json_is_string(value) && json_string_length(value) < size)
        snprintf(out, size, "%s", json_string_value(value));
    else if (json_is_boolean(value))
        snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_integer(value))
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
    else
        return err_set(err, "the value of %s is not valid", key);
    return 0;
}

static int set_choice(const struct attribute *attribute, const char *text, int *out,
                      struct err *err)
{
    for (int i = 0; i < 4 && attribute->choices[i]; i++) {
        if (strcmp(attribute->choices[i], text) == 0) {
            *out = i;
            return 0;
        }
    }
    return err_set(err, "the value '%s' of %s is not supported", text, attribute->key);
}

static int set_number(const struct attribute *attribute, const char *text, int64_t *out,
                      struct err *err)
{
    json_auto_t *value = json_string(strcmp(text, "off") == 0 ? "0" : text);
    return reader_integer_value(value, attribute->key, attribute->min, attribute->max, out, err);
}

static int set(const struct attribute *attribute, const char *text, char *out, struct err *err)
{
    const struct attribute flag = {.key = attribute->key, .choices = {"false", "true"}};
    int64_t number = 0;
    int choice = 0;
    switch (attribute->kind) {
    case SECONDS:
    case NUMBER:
        if (set_number(attribute, text, &number, err) < 0)
            return -1;
        if (attribute->kind == SECONDS)
            *(int64_t *)(void *)(out + attribute->offset) = number * 1000;
        else
            *(int *)(void *)(out + attribute->offset) = (int)number;
        return 0;
    case FLAG:
        if (set_choice(&flag, text, &choice, err) < 0)
            return -1;
        *(bool *)(out + attribute->offset) = choice;
        return 0;
    case CHOICE:
        return set_choice(attribute, text, (int *)(void *)(out + attribute->offset), err);
    case FIXED:
        return *text ? set_choice(attribute, text, &choice, err) : 0;
    case ANY:
        return 0;
    }
    return 0;
}

static int set_defaults(const struct attribute *table, char *out, struct err *err)
{
    for (; table->key; table++) {
        char text[24];
        bool flag = table->kind == FLAG;
        snprintf(text, sizeof text, "%lld", (long long)table->missing);
        if ((flag || table->kind == SECONDS || table->kind == NUMBER) &&
            set(table, flag ? (table->missing ? "true" : "false") : text, out, err) < 0)
            return -1;
    }
    return 0;
}

static int load(const json_t *object, const struct attribute *table, void *out, struct err *err)
{
    if (set_defaults(table, out, err) < 0)
        return -1;
    if (object && !json_is_object(object))
        return err_set(err, "Attributes must be an object");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const struct attribute *attribute = table;
        while (attribute->key && strcmp(attribute->key, key) != 0)
            attribute++;
        if (!attribute->key)
            return err_set(err, "the attribute '%s' is not supported", key);
        char text[1100];
        if (value_text(value, key, text, sizeof text, err) < 0 ||
            set(attribute, text, out, err) < 0)
            return -1;
    }
    return 0;
}

int attributes_load_balancer(const json_t *object, struct balancer_attributes *out, struct err *err)
{
    return load(object, balancer_table, out, err);
}
