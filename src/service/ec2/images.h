/* Images: the public ones, which are computed, and those that CreateImage made, which are stored.
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
