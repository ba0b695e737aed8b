/* What a request asks for: protocol, service, region and action. */
#include "front/exchange.h"

#include "base/cleanup.h"
#include "service/ec2/zones.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct slice front_header(const struct front_request *request, const char *lower_name)
{
    size_t size = strlen(lower_name);
    for (int i = 0; i < request->signed_part.header_count; i++) {
        const struct http1_header *header = &request->signed_part.headers[i];
        if (header->name.size == size && strncasecmp(header->name.data, lower_name, size) == 0)
            return header->value;
    }
    return (struct slice){"", 0};
}

static bool slice_equals(struct slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

static bool slice_begins(struct slice slice, const char *text)
{
    return slice.size >= strlen(text) && strncasecmp(slice.data, text, strlen(text)) == 0;
}

void front_guess_protocol(struct front_call *call)
{
    struct slice type = front_header(call->request, "content-type");
    const char *json_type = "application/x-amz-json-1.0";
    if (slice_begins(type, "application/x-amz-json-1.1"))
        json_type = "application/x-amz-json-1.1";
    snprintf(call->json_type, sizeof(call->json_type), "%s", json_type);
    call->query_mode = slice_equals(front_header(call->request, "x-amzn-query-mode"), "true");
    if (slice_equals(front_header(call->request, "smithy-protocol"), "rpc-v2-cbor"))
        call->protocol = MODEL_CBOR;
    else if (slice_begins(type, "application/x-amz-json") ||
             front_header(call->request, "x-amz-target").size)
        call->protocol = MODEL_JSON;
    else
        call->protocol = MODEL_QUERY;
}

static int copy_action(struct front_call *call, struct slice action, struct err *err)
{
    if (action.size == 0 || action.size >= sizeof(call->action))
        return front_fail(call, FRONT_INVALID_ACTION, err, "The action is not valid.");
    memcpy(call->action, action.data, action.size);
    call->action[action.size] = 0;
    return 0;
}

static const struct model_service *service_by_target(struct slice target)
{
    for (size_t i = 0; model_services[i]; i++)
        if (*model_services[i]->target_prefix &&
            slice_equals(target, model_services[i]->target_prefix))
            return model_services[i];
    return NULL;
}

/* NULL `version` fits every version. */
static const struct model_service *service_by_scope(const char *scope, const char *version)
{
    for (size_t i = 0; model_services[i]; i++)
        if (strcmp(scope, model_services[i]->signing_name) == 0 &&
            (!version || strcmp(version, model_services[i]->version) == 0))
            return model_services[i];
    return NULL;
}

static const struct model_service *service_by_version(const char *version)
{
    for (size_t i = 0; version && model_services[i]; i++)
        if (strcmp(version, model_services[i]->version) == 0)
            return model_services[i];
    return NULL;
}

/* The links in messages name an operation that needs no signature, and no Version. */
static const struct model_service *service_by_open_action(const char *action)
{
    for (size_t i = 0; action && model_services[i]; i++) {
        const struct service_operation *row = service_find(model_services[i]->name, action);
        if (row && row->is_open)
            return model_services[i];
    }
    return NULL;
}

static int not_supported(struct front_call *call, const char *what, struct err *err)
{
    return front_fail(call, FRONT_NOT_SUPPORTED, err,
                      "The service %s is not supported by Pileus yet.", what);
}

/* The path ".../service/<Shape>/operation/<Operation>". */
static int route_cbor(struct front_call *call, struct err *err)
{
    struct slice path = call->request->signed_part.path, parts[4];
    for (int i = 3; i >= 0; i--) {
        const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
        if (!slash)
            return front_fail(call, FRONT_INVALID_ACTION, err,
                              "The path must end with /service/NAME/operation/NAME.");
        size_t at = (size_t)(slash - path.data);
        parts[i] = (struct slice){slash + 1, path.size - at - 1};
        path.size = at;
    }
    if (!slice_equals(parts[0], "service") || !slice_equals(parts[2], "operation") ||
        front_header(call->request, "x-amz-target").size)
        return front_fail(call, FRONT_INVALID_ACTION, err,
                          "The request is not a valid rpc-v2-cbor request.");
    call->service = service_by_target(parts[1]);
    if (!call->service)
        return not_supported(call, call->is_signed ? call->claim.service : "of this path", err);
    return copy_action(call, parts[3], err);
}

/* The header "X-Amz-Target: Prefix.Operation". */
static int route_json(struct front_call *call, struct err *err)
{
    struct slice target = front_header(call->request, "x-amz-target");
    const char *dot = target.size ? memrchr(target.data, '.', target.size) : NULL;
    if (!dot)
        return front_fail(call, FRONT_INVALID_ACTION, err, "X-Amz-Target is missing.");
    size_t prefix_size = (size_t)(dot - target.data);
    call->service = service_by_target((struct slice){target.data, prefix_size});
    if (!call->service)
        return not_supported(call, call->is_signed ? call->claim.service : "of this X-Amz-Target",
                             err);
    return copy_action(call, (struct slice){dot + 1, target.size - prefix_size - 1}, err);
}

/* Parameters from the query string, then from a form in the body. */
static int read_params(struct front_call *call, struct err *err)
{
    struct slice query = call->request->signed_part.query, body = call->request->body;
    auto_buf text = {0};
    buf_append(&text, query.data, query.size);
    buf_append_char(&text, '&');
    buf_append(&text, body.data, body.size);
    if (text.failed)
        return err_set(err, "out of memory");
    if (query_parse(&call->params, text.data, text.size) < 0)
        return front_fail(call, FRONT_MALFORMED, err, "The query string is malformed.");
    return 0;
}

static int route_query(struct front_call *call, struct err *err)
{
    if (read_params(call, err) < 0)
        return -1;
    const char *action = query_get(&call->params, "Action");
    const char *version = query_get(&call->params, "Version");
    if (!call->is_signed)
        call->service = version ? service_by_version(version) : service_by_open_action(action);
    else
        call->service = service_by_scope(call->claim.service, version);
    if (!call->service && call->is_signed && service_by_scope(call->claim.service, NULL) && version)
        return not_supported(call, "with this Version", err);
    if (!call->service && call->is_signed)
        return not_supported(call, call->claim.service, err);
    if (!call->service)
        return front_fail(call, FRONT_UNSIGNED, err, NULL);
    if (call->service->protocols & MODEL_EC2)
        call->protocol = MODEL_EC2;
    if (!action)
        return front_fail(call, FRONT_INVALID_ACTION, err,
                          "The request must contain the parameter Action.");
    return copy_action(call, (struct slice){action, strlen(action)}, err);
}

/* The region of the ARN that a link in a message is about; "" if there is none. */
static void region_of_link(const struct front_call *call, char out[FRONT_REGION_SIZE])
{
    const char *arn = query_get(&call->params, "TopicArn");
    if (!arn)
        arn = query_get(&call->params, "SubscriptionArn");
    if (!arn || sscanf(arn, "arn:aws:%*[a-z0-9-]:%64[a-z0-9-]:", out) != 1)
        *out = 0;
}

static int choose_region(struct front_call *call, struct err *err)
{
    char linked[FRONT_REGION_SIZE] = "";
    if (!call->is_signed)
        region_of_link(call, linked);
    const char *region = call->is_signed ? call->claim.region
                         : *linked       ? linked
                                         : call->options->region;
    if (strcmp(region, "aws-global") == 0)
        region = "us-east-1";
    if (strlen(region) >= sizeof(call->region) || !ec2_region_exists(region))
        return front_fail(call, FRONT_INVALID_REGION, err, "The region '%s' is not valid.", region);
    snprintf(call->region, sizeof(call->region), "%s", region);
    return 0;
}

static bool method_is_allowed(const struct front_call *call)
{
    struct slice method = call->request->signed_part.method;
    return slice_equals(method, "POST") ||
           (call->protocol == MODEL_QUERY && slice_equals(method, "GET"));
}

int front_route(struct front_call *call, struct err *err)
{
    if (!method_is_allowed(call) && call->is_signed && !service_by_scope(call->claim.service, NULL))
        return not_supported(call, call->claim.service, err);
    if (!method_is_allowed(call)) {
        front_fail(call, FRONT_INVALID_ACTION, err, "The method is not allowed.");
        err->http_status = 405;
        return -1;
    }
    int routed = call->protocol == MODEL_CBOR   ? route_cbor(call, err)
                 : call->protocol == MODEL_JSON ? route_json(call, err)
                                                : route_query(call, err);
    return routed < 0 ? -1 : choose_region(call, err);
}

int front_find_operation(struct front_call *call, struct err *err)
{
    if (call->service->protocols & call->protocol)
        call->operation = model_find_operation(call->service, call->action);
    if (call->operation)
        return 0;
    if (call->protocol == MODEL_EC2)
        return front_fail(call, FRONT_INVALID_ACTION, err,
                          "The action %s is not valid for this web service.", call->action);
    if (call->protocol == MODEL_QUERY)
        return front_fail(call, FRONT_INVALID_ACTION, err,
                          "Could not find operation %s for version %s", call->action,
                          call->service->version);
    return front_fail(call, FRONT_INVALID_ACTION, err, "The operation %s is unknown.",
                      call->action);
}
