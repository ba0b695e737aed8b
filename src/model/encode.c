#include "model/encode.h"

#include "model/encode_internal.h"
#include "wire/cbor.h"
#include "wire/xml.h"

#include <string.h>

/* --- strictness --- */

static bool has_type(const struct model_shape *shape, const json_t *value)
{
    switch ((enum model_type)shape->type) {
    case MODEL_STRUCTURE:
    case MODEL_MAP:
        return json_is_object(value);
    case MODEL_LIST:
        return json_is_array(value);
    case MODEL_STRING:
    case MODEL_BLOB:
        return json_is_string(value);
    case MODEL_BOOLEAN:
        return json_is_boolean(value);
    case MODEL_INTEGER:
    case MODEL_LONG:
        return json_is_integer(value);
    case MODEL_FLOAT:
    case MODEL_DOUBLE: /* "NaN" and its like are strings */
        return json_is_number(value) || json_is_string(value);
    case MODEL_TIMESTAMP:
        return json_is_number(value);
    }
    return false;
}

int encode_check_type(const struct model_shape *shape, const json_t *value, struct err *err)
{
    if (!has_type(shape, value))
        return err_set(err, "a value of shape %s has the wrong type", shape->name);
    return 0;
}

static size_t count_private(const json_t *object)
{
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        count += key[0] == '_' || json_is_null(value);
    }
    return count;
}

int encode_check_members(const struct model_shape *shape, const json_t *object, size_t present,
                         struct err *err)
{
    size_t size = json_object_size(object);
    if (present == size || present + count_private(object) == size)
        return 0;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        if (key[0] != '_' && !model_find_member(shape, key))
            return err_set(err, "shape %s has no member %s", shape->name, key);
    }
    return 0;
}

size_t encode_count_members(const struct model_shape *shape, const json_t *object)
{
    size_t count = 0;
    for (size_t i = 0; i < shape->member_count; i++)
        count += encode_get(object, &shape->members[i]) != NULL;
    return count;
}

/* --- results --- */

static const char xml_declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

static void open_response(const struct model_service *service,
                          const struct model_operation *operation, struct buf *body)
{
    buf_append_string(body, xml_declaration);
    buf_printf(body, "<%sResponse xmlns=\"%s\">", operation->name,
               service->xml_namespace ? service->xml_namespace : "");
}

static int encode_ec2(const struct model_service *service, const struct model_operation *operation,
                      const json_t *out, const char *request_id, const struct encode_kept *kept,
                      struct buf *body, struct err *err)
{
    open_response(service, operation, body);
    xml_element(body, "requestId", request_id);
    if (!operation->output)
        xml_element(body, "return", "true");
    else if (encode_xml_members(operation->output, out, kept, body, err) < 0)
        return -1;
    buf_printf(body, "</%sResponse>", operation->name);
    return 0;
}

static int encode_query(const struct model_service *service,
                        const struct model_operation *operation, const json_t *out,
                        const char *request_id, const struct encode_kept *kept, struct buf *body,
                        struct err *err)
{
    open_response(service, operation, body);
    if (operation->wrapper)
        xml_open(body, operation->wrapper);
    if (operation->output && encode_xml_members(operation->output, out, kept, body, err) < 0)
        return -1;
    if (operation->wrapper)
        xml_close(body, operation->wrapper);
    xml_open(body, "ResponseMetadata");
    xml_element(body, "RequestId", request_id);
    xml_close(body, "ResponseMetadata");
    buf_printf(body, "</%sResponse>", operation->name);
    return 0;
}

int model_encode_result(const struct model_service *service,
                        const struct model_operation *operation, enum model_protocol protocol,
                        const json_t *out, const char *request_id, const struct encode_kept *kept,
                        struct buf *body, struct err *err)
{
    static const struct model_shape nothing = {.name = "Unit", .type = MODEL_STRUCTURE};
    const struct model_member root = {.shape = operation->output ? operation->output : &nothing};
    int result = -1;
    switch (protocol) {
    case MODEL_EC2:
        result = encode_ec2(service, operation, out, request_id, kept, body, err);
        break;
    case MODEL_QUERY:
        result = encode_query(service, operation, out, request_id, kept, body, err);
        break;
    case MODEL_JSON:
        result = encode_json_value(&root, out, body, err);
        break;
    case MODEL_CBOR:
        result = encode_cbor_value(&root, out, body, err);
        break;
    }
    if (result < 0)
        return err_wrap(err, "encoding the result of %s", operation->name);
    return body->failed ? err_set(err, "the result of %s is too large", operation->name) : 0;
}

/* --- failures --- */

static const struct model_failure internal_failures[] = {
    [MODEL_EC2] = {"InternalError", "InternalError", "An internal error has occurred", 500, true},
    [MODEL_QUERY] = {"InternalFailure", "InternalFailure",
                     "The request processing has failed because of an unknown error, exception or "
                     "failure.",
                     500, true},
    [MODEL_JSON] = {"InternalServerError", "InternalServerError", "An internal error occurred.",
                    500, true},
    [MODEL_CBOR] = {"InternalServerError", "InternalServerError", "An internal error occurred.",
                    500, true},
};

struct model_failure model_failure_of(const struct model_service *service,
                                      enum model_protocol protocol, const struct err *err)
{
    if (!err->code[0])
        return internal_failures[protocol];
    const struct model_error *known = service ? model_find_error(service, err->code) : NULL;
    struct model_failure failure = {
        .code = known ? known->code : err->code,
        .shape_name = known ? known->shape_name : err->code,
        .message = err->text,
        .http_status = err->http_status ? err->http_status
                       : known          ? known->http_status
                                        : 400,
    };
    failure.fault = failure.http_status >= 500;
    return failure;
}

static void encode_ec2_failure(const struct model_failure *failure, const char *request_id,
                               struct buf *body)
{
    buf_append_string(body, xml_declaration);
    buf_append_string(body, "<Response><Errors><Error>");
    xml_element(body, "Code", failure->code);
    xml_element(body, "Message", failure->message);
    buf_append_string(body, "</Error></Errors>");
    xml_element(body, "RequestID", request_id);
    buf_append_string(body, "</Response>");
}

static void encode_query_failure(const struct model_service *service,
                                 const struct model_failure *failure, const char *request_id,
                                 struct buf *body)
{
    buf_append_string(body, xml_declaration);
    if (service && service->xml_namespace)
        buf_printf(body, "<ErrorResponse xmlns=\"%s\"><Error>", service->xml_namespace);
    else
        buf_append_string(body, "<ErrorResponse><Error>");
    xml_element(body, "Type", failure->fault ? "Receiver" : "Sender");
    xml_element(body, "Code", failure->code);
    xml_element(body, "Message", failure->message);
    xml_close(body, "Error");
    xml_element(body, "RequestId", request_id);
    xml_close(body, "ErrorResponse");
}

static void encode_json_failure(const struct model_failure *failure, struct buf *body)
{
    buf_append_string(body, "{\"__type\":");
    encode_json_string(body, failure->shape_name, strlen(failure->shape_name));
    buf_append_string(body, ",\"message\":");
    encode_json_string(body, failure->message, strlen(failure->message));
    buf_append_char(body, '}');
}

/* The type of an error in CBOR is an absolute shape id. */
static void encode_cbor_failure(const struct model_service *service,
                                const struct model_failure *failure, struct buf *body)
{
    auto_buf type = {0};
    buf_printf(&type, "com.amazonaws.%s#%s", service ? service->name : "pileus",
               failure->shape_name);
    cbor_put_map(body, 2);
    cbor_put_text(body, "__type", strlen("__type"));
    cbor_put_text(body, type.data, type.size);
    cbor_put_text(body, "message", strlen("message"));
    cbor_put_text(body, failure->message, strlen(failure->message));
}

void model_encode_failure(const struct model_service *service, enum model_protocol protocol,
                          const struct model_failure *failure, const char *request_id,
                          struct buf *body)
{
    switch (protocol) {
    case MODEL_EC2:
        encode_ec2_failure(failure, request_id, body);
        break;
    case MODEL_QUERY:
        encode_query_failure(service, failure, request_id, body);
        break;
    case MODEL_JSON:
        encode_json_failure(failure, body);
        break;
    case MODEL_CBOR:
        encode_cbor_failure(service, failure, body);
        break;
    }
}
