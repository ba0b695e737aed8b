/* Lists of what is in the store, for loops whose body changes it. */
#pragma once

#include "store/store.h"

#include <jansson.h>
#include <stdbool.h>

/* The regions that have documents of `kind`: an array of strings, a new reference. */
json_t *scan_regions(const struct store *store, const char *kind);
enum { SCAN_REGION_SIZE = 32 };

/* The region that has a document of `kind` with this id; false if none has. */
bool scan_find_region(const struct store *store, const char *kind, const char *id,
                      char region[SCAN_REGION_SIZE]);
/* The ids of the documents of `kind` in `region`, oldest first: a new reference. */
json_t *scan_ids(const struct store *store, const char *kind, const char *region);
