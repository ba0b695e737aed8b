#include "balancer/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STOCK_MAX = 32, STOCK_LOW = 16, BATCH = 16, WAITERS_MAX = 1024 };

struct stock {
    struct list link;
    struct source source;
    int fds[STOCK_MAX];
    int count;
    int asked; /* on their way */
    struct list waiters;
    int waiter_count;
};

struct sockets {
    bool own;
    struct sockets_ops ops;
    struct list stocks;
};

struct sockets *sockets_create(const struct sockets_ops *ops)
{
    struct sockets *sockets = calloc(1, sizeof *sockets);
    if (!sockets)
        return NULL;
    list_init(&sockets->stocks);
    sockets->own = !ops;
    if (ops)
        sockets->ops = *ops;
    return sockets;
}

static void refuse_waiters(struct stock *stock)
{
    while (!list_empty(&stock->waiters)) {
        struct socket_waiter *waiter =
            container_of(stock->waiters.next, struct socket_waiter, link);
        list_remove(&waiter->link);
        stock->waiter_count--;
        waiter->on_socket(waiter, -1);
    }
}

static void drop_stock(struct stock *stock)
{
    list_remove(&stock->link);
    refuse_waiters(stock);
    for (int i = 0; i < stock->count; i++)
        close(stock->fds[i]);
    free(stock);
}

void sockets_destroy(struct sockets *sockets)
{
    if (!sockets)
        return;
    list_each_safe (stock, &sockets->stocks, struct stock, link)
        drop_stock(stock);
    free(sockets);
}

static struct stock *find_stock(struct sockets *sockets, const struct source *source)
{
    list_each (stock, &sockets->stocks, struct stock, link)
        if (stock->source.address == source->address && strcmp(stock->source.vpc, source->vpc) == 0)
            return stock;
    return NULL;
}

static struct stock *get_stock(struct sockets *sockets, const struct source *source)
{
    struct stock *stock = find_stock(sockets, source);
    if (stock)
        return stock;
    stock = calloc(1, sizeof *stock);
    if (!stock)
        return NULL;
    stock->source = *source;
    list_init(&stock->waiters);
    list_append(&sockets->stocks, &stock->link);
    return stock;
}

static void refill(struct sockets *sockets, struct stock *stock)
{
    while (stock->count + stock->asked < STOCK_LOW + stock->waiter_count) {
        stock->asked += BATCH;
        sockets->ops.ask(sockets->ops.owner, &stock->source, BATCH);
    }
}

int sockets_take(struct sockets *sockets, const struct source *source, struct socket_waiter *waiter)
{
    if (sockets->own)
        return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct stock *stock = get_stock(sockets, source);
    if (!stock || stock->waiter_count >= WAITERS_MAX) {
        errno = ENOBUFS;
        return -1;
    }
    int fd = -1;
    if (stock->count) {
        fd = stock->fds[--stock->count];
    } else {
        list_append(&stock->waiters, &waiter->link);
        stock->waiter_count++;
        errno = EAGAIN;
    }
    int number = errno;
    refill(sockets, stock);
    errno = number;
    return fd;
}

void sockets_forget(struct socket_waiter *waiter)
{
    list_remove(&waiter->link);
}

/* Waiters may leave by themselves, so they are counted anew. */
static void count_waiters(struct stock *stock)
{
    stock->waiter_count = 0;
    list_each (waiter, &stock->waiters, struct socket_waiter, link)
        stock->waiter_count++;
}

void sockets_put(struct sockets *sockets, const struct source *source, const int *fds, int count)
{
    struct stock *stock = find_stock(sockets, source);
    for (int i = 0; i < count; i++) {
        if (stock && !list_empty(&stock->waiters)) {
            struct socket_waiter *waiter =
                container_of(stock->waiters.next, struct socket_waiter, link);
            list_remove(&waiter->link);
            waiter->on_socket(waiter, fds[i]);
        } else if (stock && stock->count < STOCK_MAX) {
            stock->fds[stock->count++] = fds[i];
        } else {
            close(fds[i]);
        }
    }
    if (!stock)
        return;
    stock->asked = stock->asked > BATCH ? stock->asked - BATCH : 0;
    if (!count && !stock->asked)
        refuse_waiters(stock);
    count_waiters(stock);
    if (count)
        refill(sockets, stock);
}

void sockets_ask_again(struct sockets *sockets)
{
    list_each (stock, &sockets->stocks, struct stock, link) {
        stock->asked = 0;
        count_waiters(stock);
        refill(sockets, stock);
    }
}

void sockets_trim(struct sockets *sockets,
                  bool (*used)(const struct source *source, const void *context),
                  const void *context)
{
    list_each_safe (stock, &sockets->stocks, struct stock, link)
        if (!used(&stock->source, context))
            drop_stock(stock);
}
