/* Gateway endpoints: routes to the addresses of a service, by AWS's prefix list of it. */
#pragma once

#include "service/call.h"

#include <stdbool.h>

/* What CreateVpcEndpoint and ModifyVpcEndpoint do for this type. */
int ec2_gateway_endpoint_create(struct call *call, struct err *err);
int ec2_gateway_endpoint_modify(struct call *call, const char *id, struct err *err);
bool ec2_is_gateway_endpoint(const struct call *call, const char *id);
/* Takes its routes out of all route tables. */
void ec2_gateway_endpoint_remove_routes(struct call *call, const char *id);
