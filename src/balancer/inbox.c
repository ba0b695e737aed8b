#include "balancer/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct task *take_all(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    struct task *task = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    pthread_mutex_unlock(&inbox->mutex);
    return task;
}

static void on_post(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct inbox *inbox = watch->owner;
    uint64_t count;
    if (read(watch->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort();
    for (struct task *task = take_all(inbox), *next; task; task = next) {
        next = task->next;
        task->run(task, inbox->owner);
    }
}

int inbox_open(struct inbox *inbox, struct loop *loop, void *owner, struct err *err)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "eventfd");
    pthread_mutex_init(&inbox->mutex, NULL);
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->loop = loop;
    inbox->owner = owner;
    inbox->watch = (struct loop_watch){.fd = -1, .on_event = on_post, .owner = inbox};
    if (loop_watch(loop, &inbox->watch, fd, EPOLLIN, err) < 0) {
        close(fd);
        return -1;
    }
    return 0;
}

void inbox_close(struct inbox *inbox)
{
    int fd = inbox->watch.fd;
    loop_unwatch(inbox->loop, &inbox->watch);
    close(fd);
    for (struct task *task = take_all(inbox), *next; task; task = next) {
        next = task->next;
        free(task);
    }
    pthread_mutex_destroy(&inbox->mutex);
}

void inbox_post(struct inbox *inbox, struct task *task)
{
    static const uint64_t one = 1;
    task->next = NULL;
    pthread_mutex_lock(&inbox->mutex);
    *inbox->last = task;
    inbox->last = &task->next;
    pthread_mutex_unlock(&inbox->mutex);
    if (write(inbox->watch.fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort();
}
