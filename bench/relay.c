/*
 * The floor: takes bytes from each client to a target connection of its own and back, and reads
 * nothing into them. What a proxy costs beyond this is its own work. usage: bench-relay PORT
 * TARGET_PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOT_SIZE = 65536 };

struct side {
    int fd;
    struct side *peer;
    char *waiting; /* for this side's socket to take */
    size_t from, to;
    struct pair *pair;
};

struct pair {
    struct side client, target;
    struct pair *next; /* of the dead */
    bool dead;
};

static int loop;
static struct pair *dead; /* freed when no event of this turn can name them */
static char hot[HOT_SIZE];

static struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void end(struct pair *pair)
{
    if (pair->dead)
        return;
    pair->dead = true;
    close(pair->client.fd);
    close(pair->target.fd);
    pair->next = dead;
    dead = pair;
}

static void bury(void)
{
    for (struct pair *pair; (pair = dead);) {
        dead = pair->next;
        free(pair->client.waiting);
        free(pair->target.waiting);
        free(pair);
    }
}

/* False if the socket is full (or broken: then the pair is over). */
static bool flush(struct side *side)
{
    while (side->from < side->to) {
        ssize_t sent =
            send(side->fd, side->waiting + side->from, side->to - side->from, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            end(side->pair);
        if (sent < 0)
            return false;
        side->from += (size_t)sent;
    }
    return true;
}

static bool pass(struct side *to, size_t size)
{
    ssize_t sent = send(to->fd, hot, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        end(to->pair);
        return false;
    }
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    if (taken == size)
        return true;
    if (!to->waiting)
        to->waiting = malloc(HOT_SIZE);
    if (!to->waiting)
        abort();
    memcpy(to->waiting, hot + taken, size - taken);
    to->from = 0;
    to->to = size - taken;
    return false;
}

/* Everything that is there, as long as the other side takes it. */
static void read_from(struct side *side)
{
    ssize_t got = HOT_SIZE;
    while (got == HOT_SIZE && flush(side->peer)) {
        got = recv(side->fd, hot, HOT_SIZE, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            end(side->pair);
        if (got <= 0 || !pass(side->peer, (size_t)got))
            return;
    }
}

static void on_event(struct side *side, uint32_t events)
{
    if (side->pair->dead)
        return;
    if ((events & EPOLLOUT) && side->from < side->to && flush(side))
        read_from(side->peer);
    if (!side->pair->dead && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_from(side);
}

static void watch(struct side *side)
{
    int on = 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = side};
    setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(loop, EPOLL_CTL_ADD, side->fd, &event);
}

static void take(int client, int target_port)
{
    struct sockaddr_in address = local(target_port);
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        abort();
    pair->client = (struct side){.fd = client, .peer = &pair->target, .pair = pair};
    pair->target =
        (struct side){.fd = socket(AF_INET, SOCK_STREAM, 0), .peer = &pair->client, .pair = pair};
    if (connect(pair->target.fd, (struct sockaddr *)&address, sizeof address) < 0) {
        end(pair);
        return;
    }
    fcntl(pair->target.fd, F_SETFL, O_NONBLOCK); /* not before: the connection is there at once */
    watch(&pair->target);
    watch(&pair->client);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct sockaddr_in address = local((int)strtol(argv[1], NULL, 10));
    int target_port = (int)strtol(argv[2], NULL, 10), on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 4096) < 0) {
        perror("bench-relay");
        return 1;
    }
    loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(loop, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                on_event(events[i].data.ptr, events[i].events);
            else
                take(accept4(listener, NULL, NULL, SOCK_NONBLOCK), target_port);
        }
        bury();
    }
}
