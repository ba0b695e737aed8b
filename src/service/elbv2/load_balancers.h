/* Parts of load balancers that other files of the service use. */
#pragma once

#include "service/call.h"

/* Deletes a listener with its rules. */
void elb_delete_listener(struct call *call, const char *listener_arn);
/* The listeners of a load balancer, oldest first: a new array. */
json_t *elb_listeners_of(const struct call *call, const char *load_balancer_arn);
