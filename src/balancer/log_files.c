#include "balancer/log_files.h"

#include "base/list.h"
#include "os/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of asking: lines to write, or a file to go on with. */
struct order {
    struct list link;
    enum log_kind kind;
    int fd; /* of lines: -1 */
    bool is_file;
    size_t size;
    char lines[];
};

struct log_files {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t news;
    struct list orders; /* of struct order.link */
    bool ending;
    int fds[LOG_KINDS];     /* of the thread; -1: none */
    size_t lost[LOG_KINDS]; /* bytes, since something could be written */
    void (*taken)(void *owner, size_t size);
    void *owner;
};

/* A part of what did not fit is taken back, so that no line is cut. */
static void write_lines(struct log_files *files, const struct order *order)
{
    int fd = files->fds[order->kind];
    off_t end = lseek(fd, 0, SEEK_END);
    size_t sent = 0;
    while (fd >= 0 && sent < order->size) {
        ssize_t size = write(fd, order->lines + sent, order->size - sent);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        sent += (size_t)size;
    }
    if (sent == order->size) {
        if (files->lost[order->kind])
            log_warn("%zu bytes of a log are lost", files->lost[order->kind]);
        files->lost[order->kind] = 0;
        return;
    }
    if (fd >= 0 && !files->lost[order->kind])
        log_error("writing a log: %s", strerror(errno));
    if (sent && end >= 0 && ftruncate(fd, end) < 0)
        log_error("writing a log: %s", strerror(errno));
    files->lost[order->kind] += order->size;
}

static void go_on_with(struct log_files *files, const struct order *order)
{
    if (files->fds[order->kind] >= 0)
        close(files->fds[order->kind]);
    files->fds[order->kind] = order->fd;
    files->lost[order->kind] = 0;
}

static struct order *next_order(struct log_files *files)
{
    struct order *order = NULL;
    pthread_mutex_lock(&files->mutex);
    while (list_empty(&files->orders) && !files->ending)
        pthread_cond_wait(&files->news, &files->mutex);
    if (!list_empty(&files->orders)) {
        order = container_of(files->orders.next, struct order, link);
        list_remove(&order->link);
    }
    pthread_mutex_unlock(&files->mutex);
    return order;
}

static void *run(void *argument)
{
    struct log_files *files = argument;
    for (struct order *order; (order = next_order(files));) {
        if (order->is_file)
            go_on_with(files, order);
        else
            write_lines(files, order);
        files->taken(files->owner, order->size);
        free(order);
    }
    return NULL;
}

struct log_files *log_files_create(void (*taken)(void *owner, size_t size), void *owner,
                                   struct err *err)
{
    struct log_files *files = calloc(1, sizeof *files);
    if (!files) {
        err_set(err, "out of memory");
        return NULL;
    }
    list_init(&files->orders);
    pthread_mutex_init(&files->mutex, NULL);
    pthread_cond_init(&files->news, NULL);
    memset(files->fds, 0xff, sizeof files->fds);
    files->taken = taken;
    files->owner = owner;
    int number = pthread_create(&files->thread, NULL, run, files);
    if (number) {
        err_sys(err, number, "pthread_create");
        free(files);
        return NULL;
    }
    return files;
}

void log_files_destroy(struct log_files *files)
{
    if (!files)
        return;
    pthread_mutex_lock(&files->mutex);
    files->ending = true;
    pthread_cond_signal(&files->news);
    pthread_mutex_unlock(&files->mutex);
    pthread_join(files->thread, NULL);
    for (int kind = 0; kind < LOG_KINDS; kind++)
        if (files->fds[kind] >= 0)
            close(files->fds[kind]);
    pthread_mutex_destroy(&files->mutex);
    pthread_cond_destroy(&files->news);
    free(files);
}

static void give(struct log_files *files, struct order *order)
{
    pthread_mutex_lock(&files->mutex);
    list_append(&files->orders, &order->link);
    pthread_cond_signal(&files->news);
    pthread_mutex_unlock(&files->mutex);
}

int log_files_open(struct log_files *files, enum log_kind kind, const char *path, struct err *err)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : -1;
    if (path && fd < 0)
        return err_sys(err, errno, "%s", path);
    struct order *order = calloc(1, sizeof *order);
    if (!order)
        abort();
    order->kind = kind;
    order->fd = fd;
    order->is_file = true;
    give(files, order);
    return 0;
}

void log_files_write(struct log_files *files, enum log_kind kind, const char *lines, size_t size)
{
    struct order *order = calloc(1, sizeof *order + size);
    if (!order) {
        files->taken(files->owner, size);
        return;
    }
    order->kind = kind;
    order->size = size;
    memcpy(order->lines, lines, size);
    give(files, order);
}
