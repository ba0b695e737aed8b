#include "control/scan.h"

#include <stdio.h>

static void add_region(void *arg, const char *region)
{
    json_array_append_new(arg, json_string(region));
}

json_t *scan_regions(const struct store *store, const char *kind)
{
    json_t *regions = json_array();
    store_regions(store, kind, add_region, regions);
    return regions;
}

struct region_search {
    const struct store *store;
    const char *kind, *id;
    char *region; /* "" until found */
};

static void look_in_region(void *arg, const char *region)
{
    struct region_search *search = arg;
    if (store_get(search->store, search->kind, region, search->id))
        snprintf(search->region, SCAN_REGION_SIZE, "%s", region);
}

bool scan_find_region(const struct store *store, const char *kind, const char *id,
                      char region[SCAN_REGION_SIZE])
{
    struct region_search search = {store, kind, id, region};
    region[0] = '\0';
    store_regions(store, kind, look_in_region, &search);
    return region[0] != '\0';
}

json_t *scan_ids(const struct store *store, const char *kind, const char *region)
{
    json_t *ids = json_array();
    store_each (cursor, store, kind, region)
        json_array_append_new(ids, json_string(cursor.id));
    return ids;
}
