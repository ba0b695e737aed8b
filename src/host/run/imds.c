#include "host/run/imds.h"

#include "base/cleanup.h"
#include "os/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    ANSWER_MAX = 128 * 1024,
    IO_TIMEOUT_S = 2,
    /* A first segment may come before the fabric lets it pass; TCP alone would wait a second. */
    CONNECT_TIMEOUT_MS = 50,
    PATIENCE_MS = 120000,
    RETRY_FIRST_MS = 5,
    RETRY_LAST_MS = 500,
    SWITCHED_OFF = 403, /* the service's answer for an instance that shall not use it */
};

static int connect_service(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    inet_pton(AF_INET, "169.254.169.254", &address.sin_addr);
    auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval timeout = {.tv_sec = IO_TIMEOUT_S};
    struct timeval connect_timeout = {.tv_usec = CONNECT_TIMEOUT_MS * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &connect_timeout, sizeof connect_timeout);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd_take(&fd);
}

/* The connection is closed after each answer, so the answer ends where the stream does. */
static int exchange(const char *request, struct buf *answer)
{
    auto_fd int fd = connect_service();
    if (fd < 0 || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        return -1;
    char part[8192];
    ssize_t got;
    while ((got = recv(fd, part, sizeof part, 0)) > 0)
        buf_append(answer, part, (size_t)got);
    return got < 0 || answer->failed || !answer->size ? -1 : 0;
}

static int ask(const char *method, const char *path, const char *header, struct buf *body)
{
    char request[1024];
    int status;
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n%s\r\n\r\n", method,
             path, header);
    buf_clear(body);
    body->size_limit = ANSWER_MAX;
    if (exchange(request, body) < 0 || sscanf(body->data, "HTTP/1.%*d %d", &status) != 1)
        return -1;
    const char *end = strstr(body->data, "\r\n\r\n");
    if (!end)
        return -1;
    buf_consume(body, (size_t)(end + 4 - body->data));
    return status;
}

int imds_get_token(char token[IMDS_TOKEN_SIZE])
{
    auto_buf body = {0};
    int64_t give_up_ms = clock_mono_ms() + PATIENCE_MS;
    for (int delay_ms = RETRY_FIRST_MS; clock_mono_ms() < give_up_ms;) {
        int status = ask("PUT", "/latest/api/token",
                         "X-aws-ec2-metadata-token-ttl-seconds: 300\r\nContent-Length: 0", &body);
        if (status == 200 && body.size && body.size < IMDS_TOKEN_SIZE) {
            snprintf(token, IMDS_TOKEN_SIZE, "%s", body.data);
            return 0;
        }
        if (status == SWITCHED_OFF)
            return -1;
        poll(NULL, 0, delay_ms);
        delay_ms = delay_ms * 2 < RETRY_LAST_MS ? delay_ms * 2 : RETRY_LAST_MS;
    }
    return -1;
}

int imds_get(const char *token, const char *path, struct buf *body)
{
    char header[IMDS_TOKEN_SIZE + 64];
    snprintf(header, sizeof header, "X-aws-ec2-metadata-token: %s", token);
    return ask("GET", path, header, body);
}
