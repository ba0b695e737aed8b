#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char http1_protocol[] = "\x08http/1.1";

void http1_request(struct connection *connection, int64_t due_ns)
{
    char text[512];
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                        connection->options->path, connection->options->port);
    connection->due_ns = due_ns;
    connection->waiting = true;
    connection->head_size = 0;
    connection_send(connection, text, (size_t)size);
}

/* Adds to the head; returns how many of the bytes belong to the body, or -1 while it is not whole.
 */
static ssize_t take_head(struct connection *connection, const char *data, size_t size)
{
    size_t before = connection->head_size, room = sizeof connection->head - 1 - before;
    size_t taken = size < room ? size : room;
    memcpy(connection->head + before, data, taken);
    connection->head_size += taken;
    connection->head[connection->head_size] = 0;
    char *end = strstr(connection->head, "\r\n\r\n");
    if (!end && taken == room)
        fail("the head of an answer is too big");
    if (!end)
        return -1;
    end[2] = 0;
    char *length = strcasestr(connection->head, "\ncontent-length:");
    if (!length)
        fail("an answer without Content-Length");
    connection->body_left = strtoull(length + 16, NULL, 10);
    return (ssize_t)(size - ((size_t)(end + 4 - connection->head) - before));
}

bool http1_received(struct connection *connection, const char *data, size_t size)
{
    if (!connection->waiting)
        fail("an answer that nobody asked for");
    ssize_t body = (ssize_t)size;
    if (!connection->body_left) {
        body = take_head(connection, data, size);
        if (body < 0)
            return true;
    }
    if ((uint64_t)body > connection->body_left)
        fail("more than an answer");
    connection->body_left -= (uint64_t)body;
    if (connection->body_left)
        return true;
    connection->waiting = false;
    bool stays = !strcasestr(connection->head, "\nconnection: close");
    request_done(connection, connection->due_ns, !strncmp(connection->head + 8, " 200", 4));
    return stays;
}
