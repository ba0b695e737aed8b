#include "daemon/rsa_keys.h"

#include "base/cleanup.h"
#include "wire/certificate.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STOCK_MAX = 2 };

struct rsa_keys {
    struct loop *loop;
    void (*on_keys)(void *arg);
    void *arg;
    char *stock[STOCK_MAX];
    int count, wanted;
    bool failed; /* the last one; nobody was told yet */
    /* A thread makes one key and ends; until it is joined, `made` and `error` are its own. */
    bool making;
    pthread_t thread;
    struct loop_watch end_watch; /* of an eventfd that it writes to */
    char *made;
    struct err error;
};

static void *make(void *argument)
{
    struct rsa_keys *keys = argument;
    const uint64_t one = 1;
    keys->made = certificate_new_key("RSA_2048", &keys->error);
    (void)!write(keys->end_watch.fd, &one, sizeof one); /* cannot block: it was 0 */
    return NULL;
}

static int begin(struct rsa_keys *keys, struct err *err)
{
    int number = keys->making ? 0 : pthread_create(&keys->thread, NULL, make, keys);
    if (number)
        return err_sys(err, number, "a thread for an RSA key");
    keys->making = true;
    return 0;
}

static void end(struct rsa_keys *keys)
{
    pthread_join(keys->thread, NULL);
    keys->making = false;
    keys->failed = !keys->made;
    if (keys->made)
        keys->stock[keys->count++] = keys->made;
    keys->made = NULL;
}

static void on_end(struct loop_watch *watch, uint32_t events)
{
    struct rsa_keys *keys = watch->owner;
    uint64_t count;
    (void)events;
    if (read(watch->fd, &count, sizeof count) != sizeof count)
        return;
    end(keys);
    if (!keys->failed && keys->count < keys->wanted)
        keys->failed = begin(keys, &keys->error) < 0;
    if (!keys->making)
        keys->on_keys(keys->arg);
}

struct rsa_keys *rsa_keys_create(struct loop *loop, void (*on_keys)(void *arg), void *arg,
                                 struct err *err)
{
    auto_free struct rsa_keys *keys = calloc(1, sizeof *keys);
    auto_fd int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!keys || fd < 0) {
        err_sys(err, keys ? errno : ENOMEM, "eventfd");
        return NULL;
    }
    *keys = (struct rsa_keys){.loop = loop, .on_keys = on_keys, .arg = arg};
    keys->end_watch = (struct loop_watch){.fd = -1, .on_event = on_end, .owner = keys};
    if (loop_watch(loop, &keys->end_watch, fd, EPOLLIN, err) < 0)
        return NULL;
    fd_take(&fd);
    return ptr_take(&keys);
}

static void forget(char *key)
{
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    free(key);
}

void rsa_keys_destroy(struct rsa_keys *keys)
{
    if (!keys)
        return;
    if (keys->making)
        end(keys);
    while (keys->count > 0)
        forget(keys->stock[--keys->count]);
    int fd = keys->end_watch.fd;
    loop_unwatch(keys->loop, &keys->end_watch);
    close(fd);
    free(keys);
}

char *rsa_keys_take(struct rsa_keys *keys, int count, struct err *err)
{
    if (keys->failed) {
        keys->failed = false;
        *err = keys->error;
        return NULL;
    }
    if (keys->count >= count)
        return keys->stock[--keys->count];
    keys->wanted = count;
    if (begin(keys, err) == 0)
        err_again(err);
    return NULL;
}
