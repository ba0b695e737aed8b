/* What `pileus image` asks of the daemon. */
#pragma once

#include "daemon/admin.h"

/*
 * "/_pileus/images/REGION" lists its images; with {Name, ImageId?} it takes a new one in
 * (service/ec2/image_register.h). "/_pileus/images/REGION/aliases" with {Name, ImageId} sets an
 * alias (service/ec2/image_alias.h). `path` begins with the region. As admin_answer().
 */
json_t *admin_answer_images(const struct admin *admin, const char *path, const json_t *body,
                            struct err *err);
