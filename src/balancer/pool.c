#include "balancer/pool.h"

#include "balancer/snapshot.h"

#include <stdlib.h>

enum { WORD = 64 };

struct pool_session {
    uint64_t name;
    int index;
};

static int by_name(const void *a, const void *b)
{
    const struct pool_session *x = a, *y = b;
    return (x->name > y->name) - (x->name < y->name);
}

void pool_prepare(struct pool *pool, struct snapshot *snapshot)
{
    size_t count = (size_t)pool->count, words = (count + WORD - 1) / WORD;
    size_t thread_count = (size_t)snapshot->targets->thread_count;
    pool->healthy = snapshot_alloc(snapshot, words * sizeof *pool->healthy);
    pool->rotations = snapshot_alloc(snapshot, thread_count * sizeof *pool->rotations);
    for (size_t i = 0; i < thread_count && count; i++) /* threads begin apart from each other */
        pool->rotations[i].next = (uint32_t)((snapshot->seed + i * count / thread_count) % count);
    pool->sessions = snapshot_alloc(snapshot, count * sizeof *pool->sessions);
    for (int i = 0; i < pool->count; i++)
        pool->sessions[i] = (struct pool_session){pool->targets[i]->session, i};
    qsort(pool->sessions, count, sizeof *pool->sessions, by_name);
}

static bool is_below(const struct pool_threshold *threshold, int healthy, int count)
{
    return healthy < threshold->count || healthy * 100 < threshold->percent * count;
}

void pool_follow(struct pool *pool, const struct pool_threshold *routing,
                 const struct pool_threshold *dns)
{
    int healthy = 0;
    for (int word = 0; word * WORD < pool->count; word++) {
        uint64_t bits = 0;
        for (int bit = 0; bit < WORD && word * WORD + bit < pool->count; bit++)
            if (atomic_load_explicit(&pool->targets[word * WORD + bit]->state,
                                     memory_order_relaxed) == TARGET_HEALTHY)
                bits |= (uint64_t)1 << bit;
        healthy += __builtin_popcountll(bits);
        atomic_store_explicit(&pool->healthy[word], bits, memory_order_relaxed);
    }
    atomic_store(&pool->healthy_count, healthy);
    atomic_store(&pool->open, is_below(routing, healthy, pool->count));
    pool->dns_healthy = !is_below(dns, healthy, pool->count);
}

/* A word of candidates: the healthy ones, or all when the pool is open. */
static uint64_t candidates(const struct pool *pool, int word, bool open)
{
    if (!open)
        return atomic_load_explicit(&pool->healthy[word], memory_order_relaxed);
    int left = pool->count - word * WORD;
    return left >= WORD ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1;
}

static bool is_open(const struct pool *pool)
{
    return atomic_load_explicit(&pool->open, memory_order_relaxed);
}

int pool_candidates(const struct pool *pool)
{
    return is_open(pool) ? pool->count
                         : atomic_load_explicit(&pool->healthy_count, memory_order_relaxed);
}

/* The first candidate in [from, pool->count), or -1. */
static int next_from(const struct pool *pool, int from, bool open)
{
    for (int word = from / WORD; word * WORD < pool->count; word++) {
        uint64_t bits = candidates(pool, word, open);
        if (word == from / WORD)
            bits &= ~(uint64_t)0 << from % WORD;
        if (bits)
            return word * WORD + __builtin_ctzll(bits);
    }
    return -1;
}

int pool_next(const struct pool *pool, int from)
{
    bool open = is_open(pool);
    int found = from < pool->count ? next_from(pool, from, open) : -1;
    return found >= 0 || !pool->count ? found : next_from(pool, 0, open);
}

int pool_rank(const struct pool *pool, int rank)
{
    bool open = is_open(pool);
    for (int word = 0; word * WORD < pool->count; word++) {
        uint64_t bits = candidates(pool, word, open);
        int count = __builtin_popcountll(bits);
        if (rank < count) {
            for (; rank > 0; rank--)
                bits &= bits - 1;
            return word * WORD + __builtin_ctzll(bits);
        }
        rank -= count;
    }
    return -1;
}

struct target *pool_session_target(const struct pool *pool, uint64_t session)
{
    struct pool_session key = {.name = session};
    const struct pool_session *found =
        bsearch(&key, pool->sessions, (size_t)pool->count, sizeof key, by_name);
    if (!found)
        return NULL;
    bool open = is_open(pool);
    uint64_t bits = candidates(pool, found->index / WORD, open);
    return bits >> found->index % WORD & 1 ? pool->targets[found->index] : NULL;
}
