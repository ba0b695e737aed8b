/* The machine's tz database, read into memory: a process that cannot open files keeps its zones. */
#pragma once

#include <stddef.h>

struct zoneinfo;

/*
 * Reads the TZif files below a folder ("/usr/share/zoneinfo"); without one there are no zones. NULL
 * if memory ran out.
 */
struct zoneinfo *zoneinfo_load(const char *dir);
void zoneinfo_free(struct zoneinfo *zoneinfo);
/* The file of a zone ("Europe/Berlin"), borrowed; NULL if there is none. */
const void *zoneinfo_find(const struct zoneinfo *zoneinfo, const char *name, size_t *ret_size);
