/* Where a load balancer's logs go: what its attributes about them may say. */
#pragma once

#include "base/err.h"

#include <jansson.h>

/* Checks the attributes of a load balancer as they shall be. Err with AWS's code if they do not
 * fit. */
int elb_check_log_attributes(const json_t *attributes, struct err *err);
