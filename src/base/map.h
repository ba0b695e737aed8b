/*
 * A hash map from strings to pointers that remembers insertion order.
 * Keys are hashed with a per-process random seed (SipHash), so clients cannot choose collisions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* owned by the map */
    void *value;
    struct map_entry *next, *prev; /* insertion order; NULL at the ends */
    uint64_t hash;
    struct map_entry *bucket_next;
};

struct map {
    struct map_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;        /* entries */
    struct map_entry *first, *last;
};

/* Sets the seed of all maps of this process; call once before the first map is used. */
void map_seed(const uint8_t seed[16]);
/* The value of `key`, or NULL. */
void *map_get(const struct map *map, const char *key);
struct map_entry *map_find(const struct map *map, const char *key);
/* Sets the value of `key`, adding it last if it is new. Returns 0, or -1 if memory ran out. */
int map_set(struct map *map, const char *key, void *value);
/* Removes `key` and returns its value, or NULL if there was none. */
void *map_remove(struct map *map, const char *key);
/* Frees the map (not the values). */
void map_finish(struct map *map);

#define map_each(variable, map)                                                                    \
    for (struct map_entry *variable = (map)->first; variable; variable = variable->next)
