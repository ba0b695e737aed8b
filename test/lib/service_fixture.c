#include "service_fixture.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/decode.h"
#include "model/encode.h"
#include "model/validate.h"
#include "os/zoneinfo.h"
#include "store/series.h"
#include "wire/certificate.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

/* splitmix64: the same bytes in every run. */
static void fixture_random(void *arg, void *out, size_t size)
{
    struct service_fixture *fixture = arg;
    unsigned char *bytes = out;
    for (size_t i = 0; i < size; i++) {
        uint64_t z = fixture->random_state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        bytes[i] = (unsigned char)(z ^ z >> 31);
    }
}

static char *fixture_console(void *arg, const char *instance_id, size_t *ret_size)
{
    (void)arg;
    char text[96];
    int size = snprintf(text, sizeof text, "console of %s\n", instance_id);
    *ret_size = (size_t)size;
    return strdup(text);
}

static int64_t fixture_real_ms(void *arg)
{
    struct service_fixture *fixture = arg;
    return fixture->real_ms;
}

static char *fixture_rsa_key(void *arg, int count, struct err *err)
{
    struct service_fixture *fixture = arg;
    if (fixture->rsa_keys < count) {
        err_again(err);
        return NULL;
    }
    return certificate_new_key("RSA_2048", err);
}

static const void *fixture_time_zone(void *arg, const char *name, size_t *ret_size)
{
    const struct service_fixture *fixture = arg;
    return zoneinfo_find(fixture->zoneinfo, name, ret_size);
}

struct service_fixture *fixture_create(void)
{
    struct service_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->store = store_open(NULL, &fixture->err);
    assert_non_null(fixture->store);
    fixture->series = series_open(NULL, &fixture->err);
    assert_non_null(fixture->series);
    fixture->world = (struct service_world){
        .arg = fixture,
        .random = fixture_random,
        .read_console = fixture_console,
        .real_ms = fixture_real_ms,
        .rsa_key = fixture_rsa_key,
        .vcpu_share = 1.0,
        .packet_log = true,
        .world = 0,
        .time_zone = fixture_time_zone,
        .endpoint = "http://127.0.0.1:4566",
    };
    fixture->zoneinfo = zoneinfo_load("/usr/share/zoneinfo");
    fixture->rsa_keys = INT_MAX;
    fixture->region = "us-east-1";
    fixture->now_ms = fixture->real_ms = 1767323045000; /* 2026-01-02T03:04:05Z */
    return fixture;
}

void fixture_destroy(struct service_fixture *fixture)
{
    store_close(fixture->store);
    series_close(fixture->series);
    zoneinfo_free(fixture->zoneinfo);
    free(fixture);
}

struct call fixture_context(struct service_fixture *fixture, struct txn *txn)
{
    return (struct call){
        .world = &fixture->world,
        .txn = txn,
        .store = fixture->store,
        .series = fixture->series,
        .account = "000000000000",
        .region = fixture->region,
        .user_arn = "arn:aws:iam::000000000000:root",
        .access_key = "test",
        .request_id = "00000000-0000-4000-8000-000000000000",
        .now_ms = fixture->now_ms,
    };
}

/* One of the protocols that a service speaks. */
static enum model_protocol some_protocol(const struct model_service *model)
{
    return (enum model_protocol)(model->protocols & -model->protocols);
}

static json_t *parse_input(const char *format, va_list args)
{
    auto_free char *text = NULL;
    json_error_t error;
    assert_true(vasprintf(&text, format, args) >= 0);
    for (char *quote = strchr(text, '\''); quote; quote = strchr(quote, '\''))
        *quote = '"';
    json_t *in = json_loads(text, 0, &error);
    if (!in)
        fail_msg("bad JSON in a test: %s in %s", error.text, text);
    return in;
}

/* What front/ does before a handler is called: types, required members, ranges. Takes over `in`. */
static json_t *check_input(struct service_fixture *fixture, const char *service,
                           const char *operation, json_t *in)
{
    const struct model_service *model = model_find_service(service);
    const struct model_operation *row = model ? model_find_operation(model, operation) : NULL;
    json_auto_t *taken = in;
    json_t *decoded = NULL;
    if (!row)
        fail_msg("the model has no operation %s of %s", operation, service);
    if (model_decode_tree(row, taken, &decoded, &fixture->err) < 0)
        return NULL;
    if (model_validate(model, row, some_protocol(model), decoded, &fixture->err) < 0) {
        json_decref(decoded);
        return NULL;
    }
    return decoded;
}

/* What a handler returned must be encodable: a member that AWS does not have is a bug. */
static void check_output(const char *service, const char *operation, const json_t *out)
{
    struct err err;
    auto_buf body = {0};
    const struct model_service *model = model_find_service(service);
    if (model_encode_result(model, model_find_operation(model, operation), some_protocol(model),
                            out, "request", NULL, &body, &err) < 0)
        fail_msg("the answer of %s cannot be encoded: %s", operation, err.text);
}

static json_t *call_json(struct service_fixture *fixture, const char *service,
                         const char *operation, json_t *in)
{
    auto_txn *txn = txn_begin(fixture->store);
    struct call call = fixture_context(fixture, txn);
    json_t *out = NULL;
    fixture->err = (struct err){0};
    json_t *checked = check_input(fixture, service, operation, in);
    if (!checked)
        return NULL;
    if (service_prepare_region(&call, &fixture->err) < 0) {
        json_decref(checked);
        return NULL;
    }
    if (service_call(&call, service, operation, checked, &out, &fixture->err) < 0)
        return NULL;
    check_output(service, operation, out);
    assert_int_equal(txn_commit(txn, &fixture->err), 0);
    txn = NULL;
    return out;
}

json_t *fixture_call(struct service_fixture *fixture, const char *service, const char *operation,
                     const char *in, ...)
{
    va_list args;
    va_start(args, in);
    json_t *parsed = parse_input(in, args);
    va_end(args);
    return call_json(fixture, service, operation, parsed);
}

json_t *fixture_ok(struct service_fixture *fixture, const char *service, const char *operation,
                   const char *in, ...)
{
    va_list args;
    va_start(args, in);
    json_t *out = call_json(fixture, service, operation, parse_input(in, args));
    va_end(args);
    if (!out)
        fail_msg("%s failed: %s: %s", operation, fixture->err.code, fixture->err.text);
    return out;
}

void fixture_fails(struct service_fixture *fixture, const char *code, const char *service,
                   const char *operation, const char *in, ...)
{
    va_list args;
    va_start(args, in);
    json_auto_t *out = call_json(fixture, service, operation, parse_input(in, args));
    va_end(args);
    if (out)
        fail_msg("%s succeeded; expected %s", operation, code);
    if (strcmp(fixture->err.code, code))
        fail_msg("%s: expected %s, got %s: %s", operation, code, fixture->err.code,
                 fixture->err.text);
}

const json_t *fixture_at(const json_t *doc, const char *path)
{
    while (doc && *path) {
        size_t size = strcspn(path, ".");
        if (json_is_array(doc))
            doc = json_array_get(doc, strtoul(path, NULL, 10));
        else
            doc = json_object_getn(doc, path, size);
        path += size + (path[size] == '.');
    }
    return doc;
}

const char *fixture_text(const json_t *doc, const char *path)
{
    static char text[64];
    const json_t *value = fixture_at(doc, path);
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
    else
        fail_msg("no text at %s", path);
    return text;
}
