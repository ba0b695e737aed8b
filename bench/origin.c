/*
 * A target that costs as little as can be: answers every request head with the same bytes.
 * usage: bench-origin PORT BODY_SIZE
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 1 << 20 };

static char response[BODY_MAX + 256];
static size_t response_size;

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1024) < 0) {
        perror("bench-origin");
        exit(1);
    }
    return fd;
}

/* Requests here have no body and come whole: as many answers as empty lines. */
static void serve(int fd)
{
    char data[65536];
    ssize_t got = recv(fd, data, sizeof data, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(fd);
        return;
    }
    for (char *at = data, *end; (end = memmem(at, (size_t)(data + got - at), "\r\n\r\n", 4));
         at = end + 4)
        for (size_t sent = 0; sent < response_size;) {
            ssize_t taken = send(fd, response + sent, response_size - sent, MSG_NOSIGNAL);
            if (taken <= 0)
                return;
            sent += (size_t)taken;
        }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t size = strtoul(argv[2], NULL, 10);
    int head = snprintf(response, 256, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    if (size > BODY_MAX)
        return 2;
    memset(response + head, 'x', size);
    response_size = (size_t)head + size;
    int listener = listen_on((int)strtol(argv[1], NULL, 10)), loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(loop, events, 64, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                serve(fd);
                continue;
            }
            event.data.fd = accept(listener, NULL, NULL);
            if (event.data.fd >= 0)
                epoll_ctl(loop, EPOLL_CTL_ADD, event.data.fd, &event);
        }
    }
}
