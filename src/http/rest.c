#include "http/rest.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    BLOCK_COUNT = 1 << 18,
    WARM_MAX = 16,   /* given back and still in memory, for the next connections */
    LINE_WORDS = 64, /* that one mask tells of */
    COPY_WORTH = 2,  /* a copy of more than half of the block is not worth it */
    LINE_SIZE = LINE_WORDS * sizeof(uint64_t),
};

struct block {
    struct list link; /* of rest_set.awake, or of region.spare */
    struct rest_set *set;
    uint64_t *copy; /* at rest */
    uint32_t size;  /* whole lines */
    uint32_t copy_size;
    unsigned tick; /* when it was used */
};

/*
 * One range of addresses for all blocks, so that an address tells whether it is of one. It is
 * reserved only: a page takes memory when it is written to.
 */
static struct {
    char *start;
    struct block *blocks;
    pthread_mutex_t lock; /* of what follows; a connection takes it when it begins and ends */
    struct list spare;    /* warm ones first */
    unsigned taken, warm;
} region = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *reserve(size_t size)
{
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    madvise(start, size, MADV_NOHUGEPAGE); /* a huge page would be there as a whole */
    return start;
}

static void open_region(void)
{
    list_init(&region.spare);
    region.blocks = reserve(BLOCK_COUNT * sizeof *region.blocks);
    char *start = reserve((size_t)BLOCK_COUNT * REST_BLOCK_SIZE_MAX);
    if (region.blocks)
        region.start = start;
}

static char *memory_of(const struct block *block)
{
    return region.start + (size_t)(block - region.blocks) * REST_BLOCK_SIZE_MAX;
}

bool rest_owns(const void *address)
{
    uintptr_t start = (uintptr_t)region.start;
    return start && (uintptr_t)address - start < (uintptr_t)BLOCK_COUNT * REST_BLOCK_SIZE_MAX;
}

static struct block *block_of(const void *address)
{
    return region.blocks + (size_t)((const char *)address - region.start) / REST_BLOCK_SIZE_MAX;
}

/* All of them: it may have been larger when it was taken before. */
static void drop_pages(const struct block *block)
{
    madvise(memory_of(block), REST_BLOCK_SIZE_MAX, MADV_DONTNEED);
}

/* ---- blocks ---- */

static struct block *take_spare(void)
{
    struct block *block = NULL;
    pthread_mutex_lock(&region.lock);
    if (!list_empty(&region.spare)) {
        block = container_of(region.spare.next, struct block, link);
        list_remove(&block->link);
        region.warm -= region.warm > 0;
    } else if (region.start && region.taken < BLOCK_COUNT) {
        block = &region.blocks[region.taken++];
        list_init(&block->link);
    }
    pthread_mutex_unlock(&region.lock);
    return block;
}

void rest_set_init(struct rest_set *set)
{
    pthread_once(&once, open_region);
    list_init(&set->awake);
    set->tick = 0;
}

void *rest_take(struct rest_set *set, size_t size)
{
    struct block *block = size <= REST_BLOCK_SIZE_MAX ? take_spare() : NULL;
    if (!block)
        return NULL;
    block->set = set;
    block->size = (uint32_t)((size + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE);
    block->tick = set->tick;
    list_append(&set->awake, &block->link);
    return memory_of(block);
}

void rest_give_back(const void *address)
{
    struct block *block = block_of(address);
    list_remove(&block->link);
    pthread_mutex_lock(&region.lock);
    if (region.warm < WARM_MAX) {
        explicit_bzero(memory_of(block), block->size);
        list_prepend(&region.spare, &block->link);
        region.warm++;
    } else {
        drop_pages(block);
        list_append(&region.spare, &block->link);
    }
    pthread_mutex_unlock(&region.lock);
}

/* ---- rest ---- */

/* Which words of a line are not zero. Most lines are all zeros, which compilers see at once. */
static uint64_t mask_of(const uint64_t words[LINE_WORDS])
{
    uint64_t any = 0, mask = 0;
    for (int i = 0; i < LINE_WORDS; i++)
        any |= words[i];
    for (int i = 0; any && i < LINE_WORDS; i++)
        mask |= (uint64_t)(words[i] != 0) << i;
    return mask;
}

/* Of each line its mask, and the words that are not zero. */
static size_t gather(const char *from, size_t size, uint64_t *copy)
{
    size_t used = 0;
    for (size_t line = 0; line < size; line += LINE_SIZE) {
        uint64_t words[LINE_WORDS];
        memcpy(words, from + line, LINE_SIZE);
        uint64_t mask = mask_of(words);
        for (copy[used++] = mask; mask; mask &= mask - 1)
            copy[used++] = words[__builtin_ctzll(mask)];
    }
    return used * sizeof *copy;
}

static void scatter(const uint64_t *copy, char *to, size_t size)
{
    for (size_t line = 0; line < size; line += LINE_SIZE)
        for (uint64_t mask = *copy++; mask; mask &= mask - 1)
            memcpy(to + line + sizeof *copy * (size_t)__builtin_ctzll(mask), copy++, sizeof *copy);
}

/* One that stays awake is looked at again when it was used again. */
static void put_to_rest(struct block *block)
{
    uint64_t copy[REST_BLOCK_SIZE_MAX / sizeof(uint64_t) + REST_BLOCK_SIZE_MAX / LINE_SIZE + 1];
    size_t size = gather(memory_of(block), block->size, copy);
    list_remove(&block->link);
    if (size <= block->size / COPY_WORTH && (block->copy = malloc(size))) {
        memcpy(block->copy, copy, size);
        block->copy_size = (uint32_t)size;
        drop_pages(block);
    }
    explicit_bzero(copy, size);
}

void rest_wake(const void *address)
{
    if (!rest_owns(address))
        return;
    struct block *block = block_of(address);
    if (block->copy) {
        scatter(block->copy, memory_of(block), block->size);
        explicit_bzero(block->copy, block->copy_size);
        free(block->copy);
        block->copy = NULL;
    } else if (block->tick == block->set->tick) {
        return;
    }
    block->tick = block->set->tick;
    list_remove(&block->link);
    list_append(&block->set->awake, &block->link);
}

void rest_tick(struct rest_set *set)
{
    set->tick++;
}

bool rest_quiet(struct rest_set *set, int most)
{
    while (!list_empty(&set->awake)) {
        struct block *oldest = container_of(set->awake.next, struct block, link);
        if (set->tick - oldest->tick < 2)
            return false;
        if (!most--)
            return true;
        put_to_rest(oldest);
    }
    return false;
}
