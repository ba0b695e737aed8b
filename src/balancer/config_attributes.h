/* The attributes of load balancers and target groups: AWS's keys, defaults and ranges as tables. */
#pragma once

#include "balancer/snapshot.h"

/* `object` is the member "Attributes", or NULL for all defaults. */
int attributes_load_balancer(const json_t *object, struct balancer_attributes *out,
                             struct err *err);
int attributes_load_group(const json_t *object, struct group_attributes *out, struct err *err);
