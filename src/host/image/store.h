/*
 * The layers on disk: <images_dir>/<ami> is what CreateImage kept of an instance's writable layer.
 * Where not said to be fast, these functions are for workers.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct store {
    const char *images_dir, *instances_dir;
};

/* Gives up what a killed host left half-done. Fast; before any worker. */
void store_recover(const struct store *store);
/* Copies the writable layer of an instance (which holds still, or does not run) to a new layer. */
int store_create_image(const struct store *store, const char *image, const char *instance,
                       struct err *err);
/* Marks a layer to be deleted by store_sweep(). Fast. */
int store_mark_image(const struct store *store, const char *image, struct err *err);
/*
 * Deletes what nobody needs: removed instances, marked layers that no instance and no other layer
 * stands on and, with `stale`, replaced "host" layers.
 */
int store_sweep(const struct store *store, bool stale, struct err *err);
