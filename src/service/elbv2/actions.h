/* Actions of listeners and rules: forward, redirect and fixed-response. */
#pragma once

#include "service/call.h"

/*
 * Checks the actions of a request for a listener (its LoadBalancerArn and Protocol) and returns
 * them as AWS shows them, with all defaults filled in (a forward action always has a
 * ForwardConfig): a new array. NULL and err if they are wrong or name target groups that the
 * listener cannot use.
 */
json_t *elb_actions(const struct call *call, const json_t *listener, const json_t *actions,
                    struct err *err);
/* Whether a listener that is going to have this protocol can do what its rules do now. */
int elb_check_rules_for_protocol(const struct call *call, const json_t *listener,
                                 const char *protocol, struct err *err);
/* Whether a target group may have its stickiness in all actions that name it. */
int elb_check_sticky_group(const struct call *call, const json_t *group, struct err *err);
