/* The whole way of one AWS request, and the form of its answer. */
#include "front/exchange.h"
#include "model/decode.h"
#include "model/encode.h"
#include "model/validate.h"
#include "os/log.h"

#include <stdio.h>
#include <string.h>

void front_answer_finish(struct front_answer *answer)
{
    buf_reset(&answer->headers);
    buf_reset(&answer->body);
}

static void write_headers(const struct front_call *call, struct front_answer *answer)
{
    const char *type = call->protocol == MODEL_CBOR   ? "application/cbor"
                       : call->protocol == MODEL_JSON ? call->json_type
                                                      : "text/xml;charset=UTF-8";
    buf_printf(&answer->headers, "x-amzn-RequestId: %s\r\nContent-Type: %s\r\n", call->request_id,
               type);
    if (call->protocol == MODEL_CBOR)
        buf_append_string(&answer->headers, "smithy-protocol: rpc-v2-cbor\r\n");
}

int front_answer_result(const struct front_call *call, const json_t *out, const char *documents,
                        struct front_answer *answer, struct err *err)
{
    const struct encode_kept kept = {call->options->memo, documents};
    answer->body.size_limit = FRONT_ANSWER_SIZE_MAX;
    if (model_encode_result(call->service, call->operation, call->protocol, out, call->request_id,
                            kept.memo && documents ? &kept : NULL, &answer->body, err) < 0) {
        buf_reset(&answer->body);
        return -1;
    }
    answer->status = 200;
    write_headers(call, answer);
    return 0;
}

/* Codes come from our tables and services, but a header must never take a line end. */
static void write_code_header(struct front_answer *answer, const char *name, const char *code,
                              const char *suffix)
{
    if (code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] ==
        0)
        buf_printf(&answer->headers, "%s: %s%s\r\n", name, code, suffix);
}

void front_answer_failure(const struct front_call *call, const struct err *err,
                          struct front_answer *answer)
{
    struct model_failure failure = model_failure_of(call->service, call->protocol, err);
    if (!err->code[0])
        log_error("request %s: %s %s: %s", call->request_id,
                  call->service ? call->service->name : "-", call->action, err->text);
    answer->status = failure.http_status;
    model_encode_failure(call->service, call->protocol, &failure, call->request_id, &answer->body);
    write_headers(call, answer);
    if (call->protocol == MODEL_JSON)
        write_code_header(answer, "x-amzn-ErrorType", failure.shape_name, "");
    bool outside_query = call->protocol == MODEL_JSON || call->protocol == MODEL_CBOR;
    if (outside_query && call->query_mode && call->service && call->service->query_compatible)
        write_code_header(answer, "x-amzn-query-error", failure.code,
                          failure.fault ? ";Receiver" : ";Sender");
}

static int decode(const struct front_call *call, json_t **ret_in, struct err *err)
{
    struct slice body = call->request->body;
    switch (call->protocol) {
    case MODEL_JSON:
        return model_decode_json(call->operation, body.data, body.size, ret_in, err);
    case MODEL_CBOR:
        return model_decode_cbor(call->operation, body.data, body.size, ret_in, err);
    default:
        return model_decode_query(call->operation, call->protocol, &call->params, ret_in, err);
    }
}

static int serve(struct front_call *call, int64_t now_s, struct front_answer *answer,
                 struct err *err)
{
    if (front_read_claim(call, err) < 0 || front_route(call, err) < 0 ||
        front_authenticate(call, now_s, err) < 0 || front_find_operation(call, err) < 0)
        return -1;
    json_t *decoded = NULL;
    if (decode(call, &decoded, err) < 0)
        return -1;
    json_auto_t *in = decoded;
    if (model_validate(call->service, call->operation, call->protocol, in, err) < 0)
        return -1;
    return front_dispatch(call, in, answer, err);
}

void front_serve(const struct front_options *options, const struct front_request *request,
                 int64_t now_s, struct front_answer *answer)
{
    struct front_call call = {.options = options, .request = request};
    const struct call ids = {.world = options->world};
    struct err err = {0};
    call_make_uuid(&ids, call.request_id);
    front_guess_protocol(&call);
    if (serve(&call, now_s, answer, &err) < 0) {
        answer->again = err.again;
        if (!err.again)
            front_answer_failure(&call, &err, answer);
    }
    query_finish(&call.params);
}
