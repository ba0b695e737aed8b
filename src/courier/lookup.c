#include "courier/lookup.h"

#include "os/random.h"
#include "wire/dns.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRY_MS = 2000, TRIES = 3 };

static void finish(struct lookup *lookup, uint32_t address)
{
    lookup_end(lookup);
    lookup->found(lookup, address);
}

/* A datagram that is lost is sent again. */
static void try_once(struct lookup *lookup)
{
    lookup->tries++;
    (void)!send(lookup->watch.fd, lookup->query.data, lookup->query.size, MSG_NOSIGNAL);
    loop_timer_set(lookup->loop, &lookup->timer, TRY_MS);
}

static void on_timer(struct loop_timer *timer)
{
    struct lookup *lookup = timer->owner;
    if (lookup->tries < TRIES)
        try_once(lookup);
    else
        finish(lookup, 0);
}

static void on_answer(struct loop_watch *watch, uint32_t events)
{
    struct lookup *lookup = watch->owner;
    uint8_t message[DNS_MESSAGE_SIZE_MAX];
    uint32_t address = 0;
    (void)events;
    ssize_t size = recv(watch->fd, message, sizeof message, 0);
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        finish(lookup, 0); /* nobody answers there */
        return;
    }
    int count = size < 0 ? -1
                         : dns_read_answer(message, (size_t)size, (uint8_t *)lookup->query.data,
                                           lookup->query.size, &address, 1);
    if (count >= 0)
        finish(lookup, count ? address : 0);
}

int lookup_begin(struct lookup *lookup, struct loop *loop, const struct sockaddr_in *resolver,
                 const char *name, struct err *err)
{
    uint16_t id;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    lookup->loop = loop;
    lookup->tries = 0;
    lookup->watch = (struct loop_watch){.fd = -1, .on_event = on_answer, .owner = lookup};
    loop_timer_init(&lookup->timer, on_timer, lookup);
    if (fd < 0 || connect(fd, (const struct sockaddr *)resolver, sizeof *resolver) < 0 ||
        loop_watch(loop, &lookup->watch, fd, EPOLLIN, err) < 0) {
        err_sys(err, errno, "asking the resolver");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    random_bytes(&id, sizeof id);
    dns_write_query(&lookup->query, id, name);
    if (lookup->query.failed) {
        lookup_end(lookup);
        return err_set(err, "%s is no name that can be asked for", name);
    }
    try_once(lookup);
    return 0;
}

void lookup_end(struct lookup *lookup)
{
    if (!lookup->loop)
        return;
    loop_timer_clear(lookup->loop, &lookup->timer);
    loop_close(lookup->loop, &lookup->watch);
    buf_reset(&lookup->query);
    lookup->loop = NULL;
}
