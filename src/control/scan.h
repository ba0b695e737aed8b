/* Lists of what is in the store, for loops whose body changes it. */
#pragma once

#include "store/store.h"

#include <jansson.h>

/* The regions that have documents of `kind`: an array of strings, a new reference. */
json_t *scan_regions(const struct store *store, const char *kind);
/* The ids of the documents of `kind` in `region`, oldest first: a new reference. */
json_t *scan_ids(const struct store *store, const char *kind, const char *region);
