/*
 * Block device mappings: the volumes that an instance is launched with. What the image says, with
 * what the request says in its place.
 */
#pragma once

#include "service/call.h"

/*
 * The mappings of a launch, complete and checked, the root device first: a new array of
 * {DeviceName, _spec...} for block_devices_make(). NULL and err if one of them cannot be.
 */
json_t *block_devices_plan(const struct call *call, const json_t *image, const json_t *requested,
                           struct err *err);
/* The entry of a device in an instance's BlockDeviceMappings, or NULL. */
json_t *block_devices_find(const json_t *instance, const char *device);
/* Whether the mappings of CreateImage leave a device out (NoDevice), which is all they may do. */
bool block_devices_are_left_out(const json_t *mappings, const char *device);
int block_devices_check_left_out(const json_t *mappings, const char *root, struct err *err);
/* Makes the volumes of a plan, and shows them as attached to the new `instance`. */
void block_devices_make(struct call *call, const json_t *plan, const json_t *tags,
                        json_t *instance);
