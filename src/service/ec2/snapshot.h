/* Snapshots: what was in a volume at one time, as the host keeps it (a layer, or a tree of files).
 */
#pragma once

#include "service/call.h"

/* The snapshot, borrowed; NULL and err if it does not exist, or no more. */
const json_t *snapshot_find(const struct call *call, const char *id, struct err *err);
/*
 * A new pending snapshot of a volume, in the store; its id is copied to `id`. With `at_rest` it
 * waits until the volume's instance does not run.
 */
json_t *snapshot_put(struct call *call, const json_t *volume, const char *description,
                     const json_t *tags, bool at_rest, char id[32]);
/* Fails when the region has as many as it may, or the volume none that could be kept. */
int snapshot_check_volume(const struct call *call, const json_t *volume, struct err *err);
