/*
 * A target that costs as little as can be: "GET /SIZE" is answered with SIZE bytes, any other path
 * with BODY_SIZE, a WebSocket's request with 101. Listens on all of 127/8, so that one process can
 * be many targets. usage: bench-origin PORT BODY_SIZE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_MAX = 1 << 20,
    TOGETHER_MAX = 16384, /* head and body are sent in one piece up to it, else from a file */
    CONNECTIONS_MAX = 1 << 16,
    HEAD_MAX = 128,
};

static char bytes[HEAD_MAX + TOGETHER_MAX];
static size_t default_size;
static int file;                    /* of BODY_MAX bytes */
static off_t left[CONNECTIONS_MAX]; /* of the body that a connection is being sent */

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
        perror("bench-origin");
        exit(1);
    }
    return fd;
}

/* What is left of the body; true if it is gone. */
static bool send_rest(int fd)
{
    while (left[fd]) {
        off_t offset = BODY_MAX - left[fd];
        ssize_t taken = sendfile(fd, file, &offset, (size_t)left[fd]);
        if (taken <= 0)
            return false;
        left[fd] -= taken;
    }
    return true;
}

static size_t body_size(const char *request)
{
    char *end;
    size_t size = strtoul(request + 5, &end, 10); /* "GET /" */
    return end == request + 5 || size > BODY_MAX ? default_size : size;
}

static void answer(int fd, const char *request, size_t request_size)
{
    /* The load always sends a key of 16 zeros; this belongs to it. */
    static const char upgraded[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    if (memmem(request, request_size, "websocket", 9)) {
        send(fd, upgraded, sizeof upgraded - 1, MSG_NOSIGNAL);
        return;
    }
    size_t size = body_size(request);
    char head[HEAD_MAX];
    int head_size =
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    bool together = size <= TOGETHER_MAX;
    char *start = bytes + HEAD_MAX - head_size;
    memcpy(start, head, (size_t)head_size);
    size_t whole = (size_t)head_size + (together ? size : 0);
    ssize_t sent = send(fd, start, whole, MSG_NOSIGNAL | (together ? 0 : MSG_MORE));
    if (sent < 0)
        return;
    left[fd] = together ? (off_t)(whole - (size_t)sent) : (off_t)size;
    send_rest(fd);
}

/* Requests here have no body and come whole, one after the other. */
static void serve(int fd, uint32_t events)
{
    char data[16384];
    if (!send_rest(fd) || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t got = recv(fd, data, sizeof data, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        left[fd] = 0;
        close(fd);
        return;
    }
    if (memmem(data, (size_t)got, "\r\n\r\n", 4))
        answer(fd, data, (size_t)got);
}

static void accept_all(int listener, int loop)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        left[fd] = 0;
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    default_size = strtoul(argv[2], NULL, 10);
    file = memfd_create("body", 0);
    if (default_size > BODY_MAX || file < 0 || ftruncate(file, BODY_MAX) < 0)
        return 2;
    memset(bytes, 'x', sizeof bytes);
    int listener = listen_on((int)strtol(argv[1], NULL, 10)), loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = listener};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(loop, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener, loop);
            else
                serve(events[i].data.fd, events[i].events);
        }
    }
}
