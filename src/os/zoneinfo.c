#include "os/zoneinfo.h"

#include "base/map.h"
#include "os/file.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX = 3, /* "America/Argentina/Ushuaia" */
    ZONES_MAX = 2000,
    ZONE_SIZE_MAX = 64 * 1024,
};

static const char magic[] = "TZif";

struct zone {
    size_t size;
    char *bytes;
};

struct zoneinfo {
    struct map zones; /* by name: struct zone */
};

static void free_zone(struct zone *zone)
{
    if (zone)
        free(zone->bytes);
    free(zone);
}

/* A file that is no zone is passed over. */
static void add_zone(struct zoneinfo *zoneinfo, const char *path, const char *name)
{
    struct err ignored;
    size_t size;
    char *bytes = file_read(path, ZONE_SIZE_MAX, &size, &ignored);
    struct zone *zone = calloc(1, sizeof *zone);
    if (bytes && zone && size > strlen(magic) && !memcmp(bytes, magic, strlen(magic)) &&
        zoneinfo->zones.count < ZONES_MAX) {
        char *fitting = realloc(bytes, size);
        *zone = (struct zone){size, fitting ? fitting : bytes};
        bytes = NULL;
        if (map_set(&zoneinfo->zones, name, zone) == 0)
            zone = NULL;
    }
    free(bytes);
    free_zone(zone);
}

/* The same zones again, and as they would be if leap seconds were counted. */
static bool is_copy(const char *name)
{
    return !strcmp(name, "posix") || !strcmp(name, "right");
}

/* `name` is that of the folder among the zones: "" or "America/". */
static void add_folder(struct zoneinfo *zoneinfo, const char *dir, const char *name, int depth)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char path[PATH_MAX], full[512];
        if (entry->d_name[0] == '.' || is_copy(entry->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        snprintf(full, sizeof full, "%s%s%s", name, entry->d_name,
                 entry->d_type == DT_DIR ? "/" : "");
        if (entry->d_type != DT_DIR)
            add_zone(zoneinfo, path, full);
        else if (depth < DEPTH_MAX)
            add_folder(zoneinfo, path, full, depth + 1);
    }
    if (folder)
        closedir(folder);
}

struct zoneinfo *zoneinfo_load(const char *dir)
{
    struct zoneinfo *zoneinfo = calloc(1, sizeof *zoneinfo);
    if (zoneinfo)
        add_folder(zoneinfo, dir, "", 1);
    return zoneinfo;
}

void zoneinfo_free(struct zoneinfo *zoneinfo)
{
    if (!zoneinfo)
        return;
    map_each (entry, &zoneinfo->zones)
        free_zone(entry->value);
    map_finish(&zoneinfo->zones);
    free(zoneinfo);
}

const void *zoneinfo_find(const struct zoneinfo *zoneinfo, const char *name, size_t *ret_size)
{
    const struct zone *zone = zoneinfo ? map_get(&zoneinfo->zones, name) : NULL;
    if (!zone)
        return NULL;
    *ret_size = zone->size;
    return zone->bytes;
}
