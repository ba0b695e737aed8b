#include "control/dimensions.h"

#include "service/doc.h"

#include <stdio.h>

struct search {
    const struct store *store;
    const char *kind, *dimension;
    const json_t *found;
    char *region;
};

static void search_region(void *arg, const char *region)
{
    struct search *search = arg;
    if (search->found)
        return;
    store_each (cursor, search->store, search->kind, region) {
        if (!doc_is(cursor.doc, "_dimension", search->dimension))
            continue;
        search->found = cursor.doc;
        snprintf(search->region, 32, "%s", region);
        return;
    }
}

const json_t *dimension_find(const struct store *store, const char *kind, const char *dimension,
                             char ret_region[32])
{
    struct search search = {
        .store = store, .kind = kind, .dimension = dimension, .region = ret_region};
    store_regions(store, kind, search_region, &search);
    return search.found;
}
