#include "http/tls_memory.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

enum { SSL_SIZE_MIN = 4096 }; /* less than an SSL, and more than all else that SSL_new() makes */

static _Thread_local struct rest_set *taking; /* while SSL_new() is called */

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *block = taking && size >= SSL_SIZE_MIN ? rest_take(taking, size) : NULL;
    return block ? block : malloc(size);
}

/* An SSL never changes its size. */
static void *resize(void *block, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return rest_owns(block) ? NULL : realloc(block, size);
}

static void release(void *block, const char *file, int line)
{
    (void)file, (void)line;
    if (rest_owns(block))
        rest_give_back(block);
    else
        free(block);
}

static void start(void)
{
    CRYPTO_set_mem_functions(allocate, resize, release);
}

void tls_memory_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

SSL *tls_memory_new(struct rest_set *set, SSL_CTX *context)
{
    taking = set;
    SSL *ssl = SSL_new(context);
    taking = NULL;
    return ssl;
}
