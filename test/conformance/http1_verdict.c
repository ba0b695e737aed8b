/*
 * What the HTTP/1 codec makes of the bytes on standard input: "http1-verdict request|response".
 * A line for each message, then how it ended:
 *
 *   message CLASS REASON BODY     BODY: none, LENGTH, chunked, until-close
 *   end | closed | incomplete | refused STATUS CLASS REASON | bad-body
 *
 * "closed": bytes follow a message that ends its connection, and nobody reads them.
 */
#include "wire/http1.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char input[1 << 20];

static void print_class(const struct http1_head *head)
{
    static const char *const names[] = {"Compliant", "Acceptable", "Ambiguous", "Severe"};
    const char *reason = head->classification_reason;
    printf(" %s %s", names[head->classification], *reason ? reason : "Compliant");
}

static void print_message(const struct http1_head *head)
{
    printf("message");
    print_class(head);
    if (head->body == HTTP1_BODY_LENGTH)
        printf(" %" PRIu64 "\n", head->content_length);
    else
        printf(" %s\n", head->body == HTTP1_BODY_NONE      ? "none"
                        : head->body == HTTP1_BODY_CHUNKED ? "chunked"
                                                           : "until-close");
}

/* The bytes that a chunked body takes; -1 if its coding is broken, -2 if it is not whole. */
static ssize_t chunked_size(const char *data, size_t size)
{
    struct http1_chunked chunked = {0};
    const char *at = data;
    while (size && !chunked.done) {
        struct slice piece;
        if (http1_chunked_next(&chunked, &at, &size, &piece) < 0)
            return -1;
    }
    return chunked.done ? at - data : -2;
}

static ssize_t body_size(const struct http1_head *head, const char *data, size_t size)
{
    switch (head->body) {
    case HTTP1_BODY_NONE:
        return 0;
    case HTTP1_BODY_LENGTH:
        return head->content_length <= size ? (ssize_t)head->content_length : -2;
    case HTTP1_BODY_CHUNKED:
        return chunked_size(data, size);
    case HTTP1_BODY_UNTIL_CLOSE:
        return (ssize_t)size;
    }
    return -1;
}

static int parse(bool response, const char *data, size_t size, struct http1_head *head)
{
    return response ? http1_parse_response(data, size, 0, false, head)
                    : http1_parse_request(data, size, 0, head);
}

static const char *verdict(bool response, const char *data, size_t size)
{
    static struct http1_head head;
    while (size) {
        int used = parse(response, data, size, &head);
        if (used == HTTP1_MORE)
            return "incomplete";
        if (used == HTTP1_BAD) {
            printf("refused %d", head.error_status);
            print_class(&head);
            return "";
        }
        print_message(&head);
        ssize_t body = body_size(&head, data + used, size - (size_t)used);
        if (body < 0)
            return body == -1 ? "bad-body" : "incomplete";
        data += used + body;
        size -= (size_t)used + (size_t)body;
        if (head.upgrade) /* what follows is no HTTP */
            break;
        if (size && !head.keep_alive)
            return "closed";
    }
    return "end";
}

int main(int argc, char **argv)
{
    size_t size = fread(input, 1, sizeof input, stdin);
    if (argc != 2)
        return 2;
    puts(verdict(strcmp(argv[1], "response") == 0, input, size));
    return 0;
}
