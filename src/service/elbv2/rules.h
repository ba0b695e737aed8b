/* Rules of listeners, among them each listener's default rule. */
#pragma once

#include "service/call.h"

enum { ELB_DEFAULT_PRIORITY = 1000000 };

/* The rules of a listener in order of priority, the default rule last: a new array. */
json_t *elb_rules_of(const struct store *store, const char *region, const char *listener_arn);
/* Makes the default rule of a new listener; takes over `actions`. */
void elb_put_default_rule(struct call *call, const json_t *listener, json_t *actions);
/* Replaces the actions of a listener's default rule. */
void elb_set_default_actions(struct call *call, const char *listener_arn, json_t *actions);
