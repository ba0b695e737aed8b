/* The attributes of load balancers, listeners and target groups; wire/elb_attributes.h checks. */
#pragma once

#include "balancer/snapshot.h"

/* `object` is the member "Attributes", or NULL for all defaults. */
int attributes_load_balancer(const json_t *object, struct balancer_attributes *out,
                             struct err *err);
int attributes_load_listener(struct snapshot *snapshot, const json_t *object,
                             struct listener_attributes *out, struct err *err);
int attributes_load_group(const json_t *object, struct group_attributes *out, struct err *err);
