#include "control/scan.h"

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

json_t *scan_ids(const struct store *store, const char *kind, const char *region)
{
    json_t *ids = json_array();
    store_each (cursor, store, kind, region)
        json_array_append_new(ids, json_string(cursor.id));
    return ids;
}
