/*
 * The health of targets as DescribeTargetHealth shows it. What the load balancer measured is in
 * documents of the kind `target-health` (shape TargetHealth), written by the balancers controller;
 * everything else follows from the state of the group, of its targets and of their instances.
 */
#pragma once

#include "service/call.h"

enum { ELB_TARGET_HEALTH_ID_SIZE = 192 };

extern const char elb_target_health_kind[];

/* The id of the document: "targetgroup/NAME/16hex/<target>:<port>". */
void elb_target_health_id(const char *dimension, const char *target, int64_t port,
                          char out[ELB_TARGET_HEALTH_ID_SIZE]);

/*
 * The health of a row of `_targets` of a target group; `user` is the document of the load balancer
 * that uses the group (elb_user_of()), NULL if none does. A new TargetHealth object.
 */
json_t *elb_target_health(const struct store *store, const char *region, const json_t *group,
                          const json_t *user, const json_t *target);

/* The address of a target: of its instance, or its own; "" if there is none now. */
const char *elb_target_address(const struct store *store, const char *region, const json_t *target);
/* Its Availability Zone; "" if it is not known, "all" for an address outside the VPC. */
const char *elb_target_zone(const struct store *store, const char *region, const json_t *target);
/* Whether the target is an instance that does not run. */
bool elb_target_is_down(const struct store *store, const char *region, const json_t *target);
/* Whether it is the address of a load balancer in the group's VPC, which cannot be a target. */
bool elb_target_is_load_balancer(const struct store *store, const char *region, const json_t *group,
                                 const json_t *target);
