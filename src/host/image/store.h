/*
 * What was kept on disk: <images_dir>/<ami or snap> is a layer, what CreateImage and CreateSnapshot
 * kept of a root volume's writable layer, or the files of another volume in a folder "data".
 * Where not said to be fast, these functions are for workers.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct store {
    const char *images_dir, *instances_dir, *volumes_dir;
};

/* Gives up what a killed host left half-done. Fast; before any worker. */
void store_recover(const struct store *store);
/*
 * Keeps what is in `source`, to which nobody writes, as `image`. With the file "layers" in
 * `layers_dir`, it is a writable layer that stands on those; else a tree of files.
 */
int store_keep(const struct store *store, const char *image, const char *source,
               const char *layers_dir, struct err *err);
/* Copies what was kept of a volume that is no root volume into a folder. */
int store_restore(const struct store *store, const char *image, const char *to, struct err *err);
/* Hides a volume, whose files are then deleted by store_sweep(). Fast. */
int store_drop_volume(const struct store *store, const char *volume, struct err *err);
/* Marks a layer to be deleted by store_sweep(). Fast. */
int store_mark_image(const struct store *store, const char *image, struct err *err);
/*
 * Deletes what nobody needs: removed instances and volumes, marked layers that nothing stands on
 * and, with `stale`, replaced "host" layers.
 */
int store_sweep(const struct store *store, bool stale, struct err *err);
