/*
 * The tree of paths below a version of the instance metadata service ("meta-data/instance-id",
 * "user-data", ...), made from an instance's description. Pure.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

#include <jansson.h>
#include <stdbool.h>

struct metadata {
    struct map leaves; /* path -> struct buf */
};

/* Builds the tree from the JSON of guest_set_metadata(). On failure it is empty. */
int metadata_build(struct metadata *metadata, const json_t *description, struct err *err);
void metadata_reset(struct metadata *metadata);

/*
 * Appends what a GET of `path` (without slashes at its ends) answers: the value of a leaf, or the
 * names in a directory, a line each. False if there is nothing.
 */
bool metadata_get(const struct metadata *metadata, const char *path, struct buf *out);

/* Whether `version` ("latest", "2021-07-15") is one that the service has. */
bool metadata_has_version(const char *version, size_t size);
/* Appends all versions, a line each. */
void metadata_list_versions(struct buf *out);
