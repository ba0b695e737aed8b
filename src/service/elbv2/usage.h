/* Which target groups load balancers use: those that their rules forward to. */
#pragma once

#include "base/map.h"
#include "service/call.h"

/* The ARN of the load balancer whose rules forward to the target group, borrowed; NULL if none. */
const char *elb_user_of(const struct store *store, const char *region,
                        const char *target_group_arn);
/*
 * The same for every target group of a region that is used, for who asks of many: ARN of a target
 * group to ARN of a load balancer, borrowed. The caller finishes the map before the next commit.
 */
void elb_users_of_all(const struct store *store, const char *region, struct map *users);
/*
 * Whether a load balancer may have the target groups, and these the targets, that its rules and the
 * `planned` actions (may be NULL) use.
 */
int elb_check_usage(const struct call *call, const char *load_balancer_arn, const json_t *planned,
                    struct err *err);
