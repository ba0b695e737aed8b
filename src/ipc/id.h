/* The check that every id in a message needs before it becomes a key or a part of a path. */
#pragma once

#include "ipc/message.h"

#include <stdbool.h>

/*
 * Whether the field holds an id that begins with `prefix` ("vpc-", or "" for any): NUL-terminated,
 * longer than the prefix, of lower-case letters, digits and hyphens only, not beginning with one.
 */
bool id_is_valid(const char id[ID_SIZE], const char *prefix);
