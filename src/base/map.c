#include "base/map.h"

#include <stdlib.h>
#include <string.h>

static uint64_t seed_low = 0x0706050403020100, seed_high = 0x0f0e0d0c0b0a0908;

void map_seed(const uint8_t seed[16])
{
    memcpy(&seed_low, seed, 8);
    memcpy(&seed_high, seed + 8, 8);
}

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012, with the reduced rounds common in hash tables). */
static uint64_t hash_string(const char *key)
{
    uint64_t v[4] = {seed_low ^ 0x736f6d6570736575, seed_high ^ 0x646f72616e646f6d,
                     seed_low ^ 0x6c7967656e657261, seed_high ^ 0x7465646279746573};
    size_t size = strlen(key), left = size;
    const char *at = key;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t word = 0;
    memcpy(&word, at, left);
    word |= (uint64_t)size << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_entry *find_hashed(const struct map *map, const char *key, uint64_t hash)
{
    if (!map->bucket_count)
        return NULL;
    struct map_entry *entry = map->buckets[hash & (map->bucket_count - 1)];
    while (entry && (entry->hash != hash || strcmp(entry->key, key) != 0))
        entry = entry->bucket_next;
    return entry;
}

struct map_entry *map_find(const struct map *map, const char *key)
{
    return find_hashed(map, key, hash_string(key));
}

void *map_get(const struct map *map, const char *key)
{
    struct map_entry *entry = map_find(map, key);
    return entry ? entry->value : NULL;
}

static int grow(struct map *map)
{
    size_t count = map->bucket_count ? map->bucket_count * 2 : 16;
    struct map_entry **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return -1;
    map_each (entry, map) {
        struct map_entry **slot = &buckets[entry->hash & (count - 1)];
        entry->bucket_next = *slot;
        *slot = entry;
    }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
    return 0;
}

int map_set(struct map *map, const char *key, void *value)
{
    uint64_t hash = hash_string(key);
    struct map_entry *entry = find_hashed(map, key, hash);
    if (entry) {
        entry->value = value;
        return 0;
    }
    if (map->count >= map->bucket_count && grow(map) < 0)
        return -1;
    entry = calloc(1, sizeof *entry);
    char *copy = strdup(key);
    if (!entry || !copy) {
        free(entry);
        free(copy);
        return -1;
    }
    struct map_entry **slot = &map->buckets[hash & (map->bucket_count - 1)];
    *entry = (struct map_entry){
        .key = copy, .value = value, .prev = map->last, .hash = hash, .bucket_next = *slot};
    *slot = entry;
    if (map->last)
        map->last->next = entry;
    else
        map->first = entry;
    map->last = entry;
    map->count++;
    return 0;
}

void *map_remove(struct map *map, const char *key)
{
    struct map_entry *entry = map_find(map, key);
    if (!entry)
        return NULL;
    struct map_entry **slot = &map->buckets[entry->hash & (map->bucket_count - 1)];
    while (*slot != entry)
        slot = &(*slot)->bucket_next;
    *slot = entry->bucket_next;
    *(entry->prev ? &entry->prev->next : &map->first) = entry->next;
    *(entry->next ? &entry->next->prev : &map->last) = entry->prev;
    void *value = entry->value;
    free(entry->key);
    free(entry);
    map->count--;
    return value;
}

void map_finish(struct map *map)
{
    while (map->first) {
        struct map_entry *entry = map->first;
        map->first = entry->next;
        free(entry->key);
        free(entry);
    }
    free(map->buckets);
    *map = (struct map){0};
}
