/* Health, and the endpoints that the command line asks, which speak JSON; and certificates. */
#include "front/exchange.h"
#include "service/sns/signing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char pileus_prefix[] = "/_pileus/", localstack_prefix[] = "/_localstack/";

enum { PATH_SIZE_MAX = 256 };

static bool begins(struct slice text, const char *prefix)
{
    return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

static bool equals(struct slice text, const char *other)
{
    return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

bool front_is_control(struct slice path)
{
    return begins(path, pileus_prefix) || begins(path, localstack_prefix);
}

static void answer_json(struct front_answer *answer, int status, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    answer->status = text ? status : 500;
    buf_append_string(&answer->headers, "Content-Type: application/json\r\n");
    buf_append_string(&answer->body, text ? text : "{}");
    free(text);
}

static void answer_refusal(struct front_answer *answer, int status, const char *message)
{
    json_auto_t *body = json_pack("{s:s}", "message", message);
    answer_json(answer, status, body);
}

/* In the form that LocalStack's tools wait for, which serves ours as well. */
static void answer_health(const struct front_options *options, struct front_answer *answer)
{
    json_auto_t *health = json_pack("{s:s, s:s, s:s, s:{}}", "status", "running", "version",
                                    options->version, "edition", "pileus", "services");
    json_t *list = json_object_get(health, "services");
    for (size_t i = 0; services[i]; i++)
        json_object_set_new(list, services[i]->name, json_string("running"));
    answer_json(answer, 200, health);
}

/* A web page can only send what a form can without asking first; JSON is not among that. */
static json_t *read_body(const struct front_request *request, struct front_answer *answer)
{
    struct slice type = front_header(request, "content-type");
    json_t *body = NULL;
    if (type.size >= 16 && strncasecmp(type.data, "application/json", 16) == 0)
        body = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, NULL);
    if (!body)
        answer_refusal(answer, 400, "The body must be JSON, and its Content-Type say so.");
    return body;
}

static void answer_control(const struct front_options *options, const struct front_request *request,
                           struct front_answer *answer)
{
    char path[PATH_SIZE_MAX];
    struct slice target = request->signed_part.path;
    bool is_post = equals(request->signed_part.method, "POST");
    if (!options->control || target.size >= sizeof(path)) {
        answer_refusal(answer, 404, "There is nothing here.");
        return;
    }
    memcpy(path, target.data, target.size);
    path[target.size] = 0;
    json_auto_t *body = is_post ? read_body(request, answer) : NULL;
    if (is_post && !body)
        return;
    struct err err = {0};
    json_auto_t *result = options->control(options->arg, path, body, &err);
    answer->again = err.again;
    if (result)
        answer_json(answer, 200, result);
    else if (!err.again)
        answer_refusal(answer, err.http_status ? err.http_status : 400, err.text);
}

void front_serve_control(const struct front_options *options, const struct front_request *request,
                         struct front_answer *answer)
{
    struct slice path = request->signed_part.path, method = request->signed_part.method;
    if (!equals(method, "GET") && !equals(method, "HEAD") && !equals(method, "POST"))
        answer_refusal(answer, 405, "The method is not allowed.");
    else if (equals(path, "/_pileus/health") || equals(path, "/_localstack/health"))
        answer_health(options, answer);
    else if (begins(path, pileus_prefix))
        answer_control(options, request, answer);
    else
        answer_refusal(answer, 404, "There is nothing here.");
}

bool front_serve_certificate(const struct front_options *options,
                             const struct front_request *request, struct front_answer *answer)
{
    char file[PATH_SIZE_MAX];
    struct slice path = request->signed_part.path;
    if (!equals(request->signed_part.method, "GET") || !begins(path, "/") ||
        path.size > sizeof file)
        return false;
    memcpy(file, path.data + 1, path.size - 1);
    file[path.size - 1] = 0;
    const char *pem = sns_signing_certificate(options->store, file);
    if (!pem)
        return false;
    answer->status = 200;
    buf_append_string(&answer->headers, "Content-Type: application/x-pem-file\r\n");
    buf_append_string(&answer->body, pem);
    return true;
}
