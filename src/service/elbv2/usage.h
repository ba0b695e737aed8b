/* Which target groups load balancers use: those that their rules forward to. */
#pragma once

#include "service/call.h"

/* The ARN of the load balancer whose rules forward to the target group, borrowed; NULL if none. */
const char *elb_user_of(const struct store *store, const char *region,
                        const char *target_group_arn);
/*
 * Whether a load balancer may have the target groups, and these the targets, that its rules and the
 * `planned` actions (may be NULL) use.
 */
int elb_check_usage(const struct call *call, const char *load_balancer_arn, const json_t *planned,
                    struct err *err);
