/*
 * Aliases: a public image that stands on the layers of one of the account's own images, in one
 * region. Whoever launches the public image, by its id or by an SSM parameter, gets the other one.
 */
#pragma once

#include "service/call.h"

/* The image of the account that the public image is pointed at, borrowed; NULL: it has no alias. */
const json_t *image_alias_target(const struct call *call, const char *public_id);
/* Whether an alias points at this image. */
bool image_has_alias(const struct call *call, const char *image_id);

/*
 * The request {Name, ImageId}: points a public image at an available image of the account.
 * Name is an id, a name, an SSM parameter's path, or the last part of Amazon's paths. ImageId
 * "host" ends the alias. The answer is {ImageId} of the public image.
 */
int image_alias_set(struct call *call, struct err *err);
