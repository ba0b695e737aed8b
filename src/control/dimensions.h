/*
 * From the names that balancer uses, "app/NAME/16hex" and "targetgroup/NAME/16hex", to documents.
 */
#pragma once

#include "store/store.h"

/*
 * The document of `kind` ("load-balancer", "target-group") whose `_dimension` this is; NULL if it
 * is gone.
 */
const json_t *dimension_find(const struct store *store, const char *kind, const char *dimension,
                             char ret_region[32]);
