/* Images: the public ones, which are computed, and those of the account, which are stored.
 */
#pragma once

#include "service/call.h"

/*
 * The image that ImageId names, also as "resolve:ssm:/path", as a new reference. NULL and err if
 * the id is malformed or no such image exists.
 */
json_t *image_find(const struct call *call, const char *image_id, struct err *err);
/* The same, and it must be available. */
json_t *image_find_available(const struct call *call, const char *image_id, struct err *err);

/* Fails unless `name` is a name for an image, and free in the region. */
int image_check_name(const struct call *call, const char *name, struct err *err);
/*
 * A pending image: Architecture, RootDeviceName and `_layers` are those of `source`, which also is
 * where it comes from if it has an InstanceId. New reference.
 */
json_t *image_make_document(const struct call *call, const json_t *source, const char *id,
                            const char *name);
