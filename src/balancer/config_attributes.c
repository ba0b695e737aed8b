/* The attributes of load balancers and listeners, read into what the data path is. */
#include "balancer/config_attributes.h"

#include "balancer/response_headers.h"
#include "wire/elb_attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value as the API writes it: everything is a string there. NULL if it cannot be one. */
static json_t *text_of(const json_t *value)
{
    if (json_is_string(value))
        return json_string(json_string_value(value));
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    return json_is_integer(value) ? json_sprintf("%lld", (long long)json_integer_value(value))
                                  : NULL;
}

static int check_one(const struct elb_attribute *attribute, const char *key, const json_t *text,
                     struct err *err)
{
    const char *value = json_string_value(text);
    if (!attribute)
        return err_set(err, "the attribute '%s' is not supported", key);
    if (!value)
        return err_set(err, "the value of %s is not valid", key);
    return elb_attribute_check(attribute, value, err) < 0 ||
                   elb_attribute_works(attribute, value, err) < 0
               ? -1
               : 0;
}

/* The whole table as strings: the values of `object`, defaults for the others. NULL and err. */
static json_t *read_all(const json_t *object, const struct elb_attribute *table, struct err *err)
{
    const char *key;
    json_t *value;
    if (object && !json_is_object(object)) {
        err_set(err, "Attributes must be an object");
        return NULL;
    }
    json_t *texts = json_object();
    for (const struct elb_attribute *row = table; row->key; row++)
        json_object_set_new(texts, row->key, json_string(row->initial));
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        json_auto_t *text = text_of(value);
        if (check_one(elb_attribute_find(table, key), key, text, err) < 0) {
            json_decref(texts);
            return NULL;
        }
        json_object_set(texts, key, text);
    }
    return texts;
}

static const char *value_of(const json_t *texts, const char *key)
{
    return json_string_value(json_object_get(texts, key));
}

static bool is_true(const json_t *texts, const char *key)
{
    return strcmp(value_of(texts, key), "true") == 0;
}

static int64_t milliseconds_of(const json_t *texts, const char *key)
{
    return strtoll(value_of(texts, key), NULL, 10) * 1000;
}

/* The place of the value among the attribute's words. */
static int word_of(const json_t *texts, const char *key)
{
    return elb_attribute_word(elb_attribute_find(elb_load_balancer_attributes, key),
                              value_of(texts, key));
}

int attributes_load_balancer(const json_t *object, struct balancer_attributes *out, struct err *err)
{
    json_auto_t *texts = read_all(object, elb_load_balancer_attributes, err);
    if (!texts)
        return -1;
    *out = (struct balancer_attributes){
        .idle_timeout_ms = milliseconds_of(texts, "idle_timeout.timeout_seconds"),
        .client_keep_alive_ms = milliseconds_of(texts, "client_keep_alive.seconds"),
        .desync_mode = (enum desync_mode)word_of(texts, "routing.http.desync_mitigation_mode"),
        .xff_mode = (enum xff_mode)word_of(texts, "routing.http.xff_header_processing.mode"),
        .access_log = is_true(texts, "access_logs.s3.enabled"),
        .connection_log = is_true(texts, "connection_logs.s3.enabled"),
        .health_check_log = is_true(texts, "health_check_logs.s3.enabled"),
        .xff_client_port = is_true(texts, "routing.http.xff_client_port.enabled"),
        .drop_invalid_headers = is_true(texts, "routing.http.drop_invalid_header_fields.enabled"),
        .preserve_host = is_true(texts, "routing.http.preserve_host_header.enabled"),
        .http2 = is_true(texts, "routing.http2.enabled"),
        .tls_headers = is_true(texts, "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"),
    };
    return 0;
}

/* The name of a request header that the listener renames, or else the one it has. */
static char *name_of(struct snapshot *snapshot, const json_t *texts, const char *key,
                     const char *missing)
{
    const char *name = value_of(texts, key);
    return snapshot_text(snapshot, *name ? name : missing);
}

static void load_response_headers(struct snapshot *snapshot, const json_t *texts,
                                  struct listener_attributes *out)
{
    for (int i = 0; i < RESPONSE_HEADERS; i++) {
        const struct response_header *header = &response_headers[i];
        const char *value = value_of(texts, header->key);
        size_t size = strlen(header->name) + strlen(value) + sizeof ": \r\n";
        if (!*value)
            continue;
        char *line = snapshot_alloc(snapshot, size);
        snprintf(line, size, "%s: %s\r\n", header->name, value);
        out->response_headers[i] = (struct slice){line, size - 1};
        out->sets_response_headers = true;
    }
}

int attributes_load_listener(struct snapshot *snapshot, const json_t *object,
                             struct listener_attributes *out, struct err *err)
{
    json_auto_t *texts = read_all(object, elb_listener_attributes, err);
    if (!texts)
        return -1;
    out->tls_version_name =
        name_of(snapshot, texts, "routing.http.request.x_amzn_tls_version.header_name",
                "x-amzn-tls-version");
    out->tls_cipher_name =
        name_of(snapshot, texts, "routing.http.request.x_amzn_tls_cipher_suite.header_name",
                "x-amzn-tls-cipher-suite");
    out->strips_server = !is_true(texts, "routing.http.response.server.enabled");
    load_response_headers(snapshot, texts, out);
    return 0;
}
