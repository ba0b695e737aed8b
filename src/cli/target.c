#include "cli/target.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "os/file.h"
#include "wire/http1.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { ANSWER_SIZE_MAX = 16 * 1024 * 1024, ASK_TIMEOUT_S = 60 };

const char *target_data_dir(int *argc, char **argv, struct err *err)
{
    const char *data_dir = getenv("PILEUS_DATA");
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strncmp(argv[i], "--data=", 7) == 0) {
            data_dir = argv[i] + 7;
        } else if (strcmp(argv[i], "--data") != 0) {
            argv[kept++] = argv[i];
        } else if (++i < *argc) {
            data_dir = argv[i];
        } else {
            err_set(err, "--data takes a folder");
            return NULL;
        }
    }
    *argc = kept;
    return data_dir && *data_dir ? data_dir : "/var/lib/pileus";
}

const char *target_region(void)
{
    const char *region = getenv("AWS_REGION");
    if (!region || !*region)
        region = getenv("AWS_DEFAULT_REGION");
    return region && *region ? region : "us-east-1";
}

int target_find(const char *data_dir, struct record *record, struct err *err)
{
    int found = record_read(data_dir, record, err);
    if (found < 0)
        return -1;
    for (int i = 0; found && i < RECORD_PROCESSES; i++) {
        auto_fd int fd = process_open(record->processes[i].pid, record->processes[i].start_time);
        if (fd >= 0)
            return 0;
    }
    return err_set(err,
                   "no daemon runs on %s; `sudo pileus start` starts one, --data names another",
                   data_dir);
}

static int connect_to(const char *listen, struct err *err)
{
    char host[32];
    const char *colon = strrchr(listen, ':');
    struct timeval timeout = {.tv_sec = ASK_TIMEOUT_S};
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (!colon)
        return err_set(err, "the daemon's record has no address");
    snprintf(host, sizeof host, "%.*s", (int)(colon - listen), listen);
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    inet_pton(AF_INET, host, &address.sin_addr);
    auto_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return err_sys(err, errno, "connecting to %s", listen);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return fd_take(&fd);
}

/* Sends the request and reads the answer to its end (the request asks to close). */
static int exchange(int fd, const struct buf *request, struct buf *answer, struct err *err)
{
    ssize_t got;
    if (send(fd, request->data, request->size, MSG_NOSIGNAL) != (ssize_t)request->size)
        return err_sys(err, errno, "sending");
    do {
        if (!buf_reserve(answer, 16384))
            return err_set(err, "the answer is too large");
        got = recv(fd, answer->data + answer->size, 16384, 0);
        if (got < 0)
            return err_sys(err, errno, "reading the answer");
        answer->size += (size_t)got;
    } while (got > 0);
    return 0;
}

static json_t *parse_answer(const struct buf *answer, struct err *err)
{
    struct http1_head head;
    int size = http1_parse_response(answer->data, answer->size, 0, false, &head);
    if (size <= 0) {
        err_set(err, "the daemon's answer is not HTTP");
        return NULL;
    }
    json_t *json = json_loadb(answer->data + size, answer->size - (size_t)size, 0, NULL);
    if (json && head.status == 200)
        return json;
    const char *message = json_string_value(json_object_get(json, "message"));
    err_set(err, "%s", message ? message : "the daemon refused");
    json_decref(json);
    return NULL;
}

json_t *target_ask(const struct record *record, const char *path, const json_t *body,
                   struct err *err)
{
    auto_buf request = {0};
    auto_buf answer = {.size_limit = ANSWER_SIZE_MAX};
    auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    auto_fd int fd = connect_to(record->listen, err);
    if (fd < 0)
        return NULL;
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n",
               body ? "POST" : "GET", path, record->listen);
    if (text)
        buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   strlen(text));
    buf_printf(&request, "\r\n%s", text ? text : "");
    if (request.failed || exchange(fd, &request, &answer, err) < 0)
        return NULL;
    return parse_answer(&answer, err);
}
