/* Actions of listeners and rules: forward, redirect and fixed-response. */
#pragma once

#include "service/call.h"

/*
 * Checks the actions of a request for a load balancer and returns them as AWS shows them, with all
 * defaults filled in (a forward action always has a ForwardConfig): a new array. NULL and err if
 * they are wrong or name target groups that the load balancer cannot use.
 */
json_t *elb_actions(const struct call *call, const json_t *load_balancer, const json_t *actions,
                    struct err *err);

/* The ARN of the load balancer whose rules forward to the target group, borrowed; NULL if none. */
const char *elb_user_of(const struct store *store, const char *region,
                        const char *target_group_arn);
