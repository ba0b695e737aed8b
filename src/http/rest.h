/*
 * Memory that can be put to rest. What libraries keep for a connection is mostly zeros, and most
 * connections say nothing most of the time. At rest, what is not zero of a block lies in a small
 * copy and its pages are the kernel's. Once awake, every byte is where it was, at the same
 * address, so pointers to the block and into it hold.
 *
 * A set has the blocks of one thread. Whoever holds a block wakes it before anything, a library
 * too, reads or writes it.
 */
#pragma once

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

enum { REST_BLOCK_SIZE_MAX = 32768 };

struct rest_set {
    struct list awake; /* blocks, the one longest unused first */
    unsigned tick;
};

void rest_set_init(struct rest_set *set);

/* A block of zeros, awake. NULL if it would be too large or there are none left: use malloc(). */
void *rest_take(struct rest_set *set, size_t size);
/* Whether the address lies in any block. */
bool rest_owns(const void *address);
/* Cleanses the block that the address lies in, and takes it back. It must be awake. */
void rest_give_back(const void *address);
/* Wakes the block that the address lies in, and keeps it awake for a while. Others are ignored. */
void rest_wake(const void *address);

/* Says that a tick of the clock has passed. */
void rest_tick(struct rest_set *set);
/*
 * Puts to rest what was not used for a whole tick, at most `most` blocks, for each takes some
 * microseconds. True if there are more.
 */
bool rest_quiet(struct rest_set *set, int most);
