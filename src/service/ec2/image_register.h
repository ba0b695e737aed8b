/* Images whose layer somebody else made, in files: `pileus image import`. */
#pragma once

#include "service/call.h"

/*
 * The request {Name}: checks that an image could have this name; the answer is a new {ImageId}.
 * With that ImageId in the request, whose layer is there by now, the image is registered.
 */
int image_register(struct call *call, struct err *err);
