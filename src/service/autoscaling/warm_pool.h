/*
 * Warm pools: what handlers and the groups controller share. A group with a pool has its
 * `WarmPoolConfiguration`; the pool's instances are members in states that begin with "Warmed:".
 * They are no part of the group's capacity. Private members of such a row: `_returned` (it was in
 * service before: hooks of termination hold it) and, once it is Pending, `_taken` (from the pool).
 * Its instance has `_pool`, the state that it is kept in, for what it is told of itself.
 */
#pragma once

#include "service/call.h"

#include <stdbool.h>

/* The configuration of a group's pool, borrowed; NULL if there is none. */
const json_t *warm_pool_of(const json_t *group);
/* Whether the pool is deleted: its instances go, and then it does. */
bool warm_pool_is_deleted(const json_t *group);
/* How many instances the pool has that stay. */
int warm_pool_count(const json_t *group);
/* How many it ought to have; 0 without a pool. */
int warm_pool_wanted(const json_t *group);
/* The state in which it keeps its instances: "Warmed:Stopped" or "Warmed:Running". */
const char *warm_pool_state(const json_t *group);
/* The members of a group that are in its pool, or those that are not: a new array. */
json_t *warm_pool_members(const json_t *group, bool warm);
