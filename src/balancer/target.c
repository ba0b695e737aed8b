#include "balancer/target.h"

#include "balancer/cookie_seal.h"

#include "http/tls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 };

void target_table_init(struct target_table *table, int thread_count)
{
    *table = (struct target_table){.thread_count = thread_count};
}

void target_table_finish(struct target_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct target *next;
        for (struct target *target = table->buckets[i]; target; target = next) {
            next = target->next;
            free(target);
        }
    }
    free(table->buckets);
    *table = (struct target_table){0};
}

static struct target **bucket_of(const struct target_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

/* Twice the buckets. False if memory ran out. */
static bool grow(struct target_table *table)
{
    struct target_table grown = *table;
    grown.bucket_count = table->bucket_count ? table->bucket_count * 2 : BUCKETS_MIN;
    grown.buckets = calloc(grown.bucket_count, sizeof *grown.buckets);
    if (!grown.buckets)
        return false;
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct target *next;
        for (struct target *target = table->buckets[i]; target; target = next) {
            struct target **bucket = bucket_of(&grown, target->hash);
            next = target->next;
            target->next = *bucket;
            *bucket = target;
        }
    }
    free(table->buckets);
    *table = grown;
    return true;
}

static bool is_target(const struct target *target, const char *group, const char *id,
                      uint32_t address, uint16_t port, const struct source *source)
{
    return target->address == address && target->port == port &&
           target->source.address == source->address && strcmp(target->group, group) == 0 &&
           strcmp(target->id, id) == 0 && strcmp(target->source.vpc, source->vpc) == 0;
}

/* The id with its NUL, the port and the address. */
static uint64_t session_of(const char *id, uint16_t port, uint32_t address)
{
    enum { ID_MAX = sizeof((struct target *)0)->id - 1 };
    unsigned char text[ID_MAX + 1 + 6] = {0};
    size_t size = strnlen(id, ID_MAX);
    memcpy(text, id, size);
    size++;
    for (int shift = 40; shift >= 0; shift -= 8)
        text[size++] = (unsigned char)(((uint64_t)port << 32 | address) >> shift);
    return session_hash(text, size);
}

/* A target with its threads, aligned so that what they write apart is apart. */
static struct target *new_target(const struct target_table *table, const char *group,
                                 const char *id)
{
    enum { LINE = _Alignof(struct target) };
    size_t size =
        sizeof(struct target) + (size_t)table->thread_count * sizeof(struct target_thread);
    size = (size + LINE - 1) / LINE * LINE;
    struct target *target = aligned_alloc(LINE, size);
    if (!target)
        return NULL;
    memset(target, 0, size);
    strncpy(target->group, group, sizeof target->group - 1);
    strncpy(target->id, id, sizeof target->id - 1);
    for (int i = 0; i < table->thread_count; i++) {
        list_init(&target->threads[i].idle);
        list_init(&target->threads[i].active);
        list_init(&target->threads[i].shared);
    }
    atomic_init(&target->state, TARGET_INITIAL);
    atomic_init(&target->share, TARGET_FULL_SHARE);
    atomic_init(&target->outstanding, 0);
    return target;
}

struct target *target_get(struct target_table *table, const char *group, const char *id,
                          uint32_t address, uint16_t port, const struct source *source)
{
    if (table->count >= table->bucket_count && !grow(table))
        return NULL;
    uint64_t session = session_of(id, port, address);
    uint64_t hash = session_hash(group, strlen(group)) ^ session;
    struct target **bucket = bucket_of(table, hash);
    for (struct target *target = *bucket; target; target = target->next) {
        if (is_target(target, group, id, address, port, source)) {
            target->uses++;
            return target;
        }
    }
    struct target *target = new_target(table, group, id);
    if (!target)
        return NULL;
    target->address = address;
    target->port = port;
    target->source = *source;
    target->session = session;
    target->hash = hash;
    target->uses = 1;
    target->next = *bucket;
    *bucket = target;
    table->count++;
    return target;
}

void target_hold(struct target *target)
{
    target->uses++;
}

void target_release(struct target_table *table, struct target *target)
{
    if (--target->uses)
        return;
    assert(!target->check);
    struct target **at = bucket_of(table, target->hash);
    while (*at != target)
        at = &(*at)->next;
    *at = target->next;
    table->count--;
    for (int i = 0; i < table->thread_count; i++)
        tls_session_free(target->threads[i].session);
    free(target);
}
