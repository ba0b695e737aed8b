/* Lists of tags, [{"Key", "Value"}], of the services whose tags follow the same simple rules. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum { TAGS_MAX = 50 };

/* Whether a list names a key twice. */
bool tag_list_repeats(const json_t *tags);
/* Whether a list has a key that is reserved: it begins with "aws:". */
bool tag_list_reserves(const json_t *tags);
/* Adds or replaces. False if there are then more than TAGS_MAX. */
bool tag_list_merge(json_t *into, const json_t *tags);
/* Removes the tags with these keys (an array of strings). */
void tag_list_remove(json_t *from, const json_t *keys);
