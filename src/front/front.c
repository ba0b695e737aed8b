#include "front/front.h"

#include "base/list.h"
#include "front/exchange.h"
#include "front/inflate.h"
#include "http/server.h"
#include "model/encode_memo.h"
#include "os/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CONNECTIONS_MAX = 1000,
    HEAD_TIMEOUT_MS = 10 * 1000,
    BODY_TIMEOUT_MS = 30 * 1000,
    IDLE_TIMEOUT_MS = 120 * 1000,
};

struct front {
    struct front_options options;
    struct http_server *server;
    struct list waiting; /* struct waiting.link, as they came */
};

/* A request that has no answer yet. There are never more than connections. */
struct waiting {
    struct list link;
    struct http_exchange *exchange;
};

static struct front_request read_request(const struct http_exchange *exchange)
{
    const struct http1_head *head = http_request_head(exchange);
    struct slice target = head->target;
    const char *question = target.size ? memchr(target.data, '?', target.size) : NULL;
    size_t path_size = question ? (size_t)(question - target.data) : target.size;
    struct slice body = http_request_body(exchange);
    return (struct front_request){
        .signed_part = {.method = head->method,
                        .path = {target.data, path_size},
                        .query = {question ? question + 1 : "",
                                  question ? target.size - path_size - 1 : 0},
                        .headers = head->headers,
                        .header_count = head->header_count,
                        .body = body},
        .body = body,
    };
}

static void respond(struct http_exchange *exchange, struct front_answer *answer)
{
    if (answer->headers.failed || answer->body.failed || !answer->headers.data)
        http_respond(exchange, 500, "", "", 0);
    else
        http_respond(exchange, answer->status, answer->headers.data,
                     answer->body.data ? answer->body.data : "", answer->body.size);
    front_answer_finish(answer);
}

/* An error of ours that needs no more than the headers of the request. */
static void answer_refusal(const struct front_options *options, const struct front_request *request,
                           enum front_failure failure, const char *text,
                           struct front_answer *answer)
{
    struct front_call call = {.options = options, .request = request};
    const struct call ids = {.world = options->world};
    struct err err = {0};
    call_make_uuid(&ids, call.request_id);
    front_guess_protocol(&call);
    if (text)
        front_fail(&call, failure, &err, "%s", text);
    else
        front_fail(&call, failure, &err, NULL);
    front_answer_failure(&call, &err, answer);
}

static bool is_gzip(const struct front_request *request)
{
    struct slice coding = front_header(request, "content-encoding");
    return coding.size == 4 && strncasecmp(coding.data, "gzip", 4) == 0;
}

/* Whether there was an answer. */
static bool serve(const struct front *front, struct http_exchange *exchange)
{
    struct front_request request = read_request(exchange);
    struct front_answer answer = {0};
    auto_buf plain = {.size_limit = FRONT_BODY_SIZE_MAX};
    bool readable = true;
    if (is_gzip(&request)) {
        readable = front_gunzip(request.body.data, request.body.size, &plain) == 0;
        request.body = (struct slice){plain.data ? plain.data : "", plain.size};
    }
    if (!readable)
        answer_refusal(&front->options, &request, plain.failed ? FRONT_TOO_LARGE : FRONT_MALFORMED,
                       plain.failed ? NULL : "The body is not valid gzip.", &answer);
    else if (front_is_from_foreign_page(&request))
        answer_refusal(&front->options, &request, FRONT_UNSIGNED,
                       "Requests of other sites' web pages, and under other sites' names, are "
                       "refused.",
                       &answer);
    else if (front->options.control && front_is_control(request.signed_part.path))
        front_serve_control(&front->options, &request, &answer);
    else if (!front_serve_certificate(&front->options, &request, &answer))
        front_serve(&front->options, &request, clock_wall_ms() / 1000, &answer);
    if (answer.again)
        return false;
    respond(exchange, &answer);
    return true;
}

static void on_request(struct http_exchange *exchange, void *owner)
{
    struct front *front = owner;
    if (serve(front, exchange))
        return;
    struct waiting *waiting = malloc(sizeof *waiting);
    if (!waiting) {
        http_respond(exchange, 500, "", "", 0);
        return;
    }
    waiting->exchange = exchange;
    list_append(&front->waiting, &waiting->link);
}

void front_go_on(struct front *front)
{
    list_each_safe (waiting, &front->waiting, struct waiting, link) {
        if (!serve(front, waiting->exchange))
            return;
        list_remove(&waiting->link);
        free(waiting);
    }
}

static void on_refused(struct http_exchange *exchange, int status, void *owner)
{
    const struct front *front = owner;
    const struct front_request request = read_request(exchange);
    struct front_answer answer = {0};
    if (status == 413)
        answer_refusal(&front->options, &request, FRONT_TOO_LARGE, NULL, &answer);
    else if (status == 408)
        answer_refusal(&front->options, &request, FRONT_TIMED_OUT, NULL, &answer);
    else
        answer_refusal(&front->options, &request, FRONT_MALFORMED, "The request is not valid HTTP.",
                       &answer);
    answer.status = status;
    respond(exchange, &answer);
}

static struct tls_server *find_tls(void *owner, struct slice name)
{
    const struct front *front = owner;
    return front_certificates_find(front->options.certificates, name);
}

struct front *front_create(const struct front_options *options, struct loop *loop, int listen_fd,
                           struct err *err)
{
    struct front *front = calloc(1, sizeof(*front));
    if (!front) {
        err_set(err, "out of memory");
        return NULL;
    }
    front->options = *options;
    front->options.memo = encode_memo_create();
    list_init(&front->waiting);
    const struct http_server_options http = {
        .body_size_max = FRONT_BODY_SIZE_MAX,
        .connections_max = CONNECTIONS_MAX,
        .peer_connections_max = options->peer_connections_max,
        .head_timeout_ms = HEAD_TIMEOUT_MS,
        .body_timeout_ms = BODY_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .server_name = "pileus",
        .tls = options->certificates ? front_certificates_thread(options->certificates) : NULL,
        .find_tls = find_tls,
        .on_request = on_request,
        .on_refused = on_refused,
    };
    front->server = http_server_create(loop, listen_fd, &http, front, err);
    if (!front->server) {
        encode_memo_destroy(front->options.memo);
        free(front);
        return NULL;
    }
    return front;
}

void front_destroy(struct front *front)
{
    if (!front)
        return;
    http_server_destroy(front->server);
    list_each_safe (waiting, &front->waiting, struct waiting, link)
        free(waiting);
    encode_memo_destroy(front->options.memo);
    free(front);
}
