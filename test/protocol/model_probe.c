/*
 * The model's codecs as a filter for the protocol vectors: each line of stdin is a JSON object,
 * each line of stdout the answer.
 *   {"service", "operation", "protocol", "decode": base64}   -> {"in"} or {"code", "text"}
 *   {"service", "operation", "protocol", "encode": result}   -> {"body": base64} or {"text"}
 *   {"service", "operation", "protocol", "code", "message"}  -> {"body": base64, "status"}
 */
#include "base/cleanup.h"
#include "model/decode.h"
#include "model/encode.h"
#include "wire/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char request_id[] = "00000000-0000-4000-8000-000000000000";

static const char *text_of(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text ? text : "";
}

static enum model_protocol protocol_of(const json_t *line)
{
    const char *name = text_of(line, "protocol");
    return strcmp(name, "ec2") == 0     ? MODEL_EC2
           : strcmp(name, "query") == 0 ? MODEL_QUERY
           : strcmp(name, "json") == 0  ? MODEL_JSON
                                        : MODEL_CBOR;
}

static int decode_body(const struct model_operation *operation, enum model_protocol protocol,
                       const char *body, size_t size, json_t **ret_in, struct err *err)
{
    if (protocol == MODEL_JSON)
        return model_decode_json(operation, body, size, ret_in, err);
    if (protocol == MODEL_CBOR)
        return model_decode_cbor(operation, body, size, ret_in, err);
    auto_query query = {0};
    if (query_parse(&query, body, size) < 0)
        return err_set(err, "malformed query");
    return model_decode_query(operation, protocol, &query, ret_in, err);
}

static json_t *decode(const struct model_operation *operation, const json_t *line)
{
    size_t size = 0;
    const char *text = text_of(line, "decode");
    auto_free char *body = base64_decode(text, strlen(text), &size);
    json_t *in = NULL;
    struct err err = {0};
    if (!body || decode_body(operation, protocol_of(line), body, size, &in, &err) < 0)
        return json_pack("{s:s, s:s}", "code", err.code, "text", err.text);
    return json_pack("{s:o}", "in", in);
}

static json_t *encoded(const struct buf *body, int status)
{
    auto_free char *text = base64_encode(body->size ? body->data : "", body->size);
    return json_pack("{s:s, s:i}", "body", text ? text : "", "status", status);
}

static json_t *encode(const struct model_service *service, const struct model_operation *operation,
                      const json_t *line)
{
    auto_buf body = {0};
    struct err err = {0};
    if (model_encode_result(service, operation, protocol_of(line), json_object_get(line, "encode"),
                            request_id, NULL, &body, &err) < 0)
        return json_pack("{s:s}", "text", err.text);
    return encoded(&body, 200);
}

static json_t *fail(const struct model_service *service, const json_t *line)
{
    auto_buf body = {0};
    struct err err = {0};
    err_aws(&err, text_of(line, "code"), "%s", text_of(line, "message"));
    struct model_failure failure = model_failure_of(service, protocol_of(line), &err);
    model_encode_failure(service, protocol_of(line), &failure, request_id, &body);
    return encoded(&body, failure.http_status);
}

static json_t *answer(const json_t *line)
{
    const struct model_service *service = model_find_service(text_of(line, "service"));
    const struct model_operation *operation =
        service ? model_find_operation(service, text_of(line, "operation")) : NULL;
    if (!operation)
        return json_pack("{s:s}", "text", "no such operation");
    if (json_object_get(line, "decode"))
        return decode(operation, line);
    return json_object_get(line, "encode") ? encode(service, operation, line) : fail(service, line);
}

int main(void)
{
    auto_free char *text = NULL;
    size_t room = 0;
    while (getline(&text, &room, stdin) > 0) {
        json_auto_t *line = json_loads(text, 0, NULL);
        json_auto_t *reply = answer(line);
        if (!reply || json_dumpf(reply, stdout, JSON_COMPACT) < 0)
            return 1;
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
