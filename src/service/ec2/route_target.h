/*
 * What a route may lead to: one member of the request and of the stored route names it. Routes to
 * an instance are kept as routes to its interface.
 */
#pragma once

#include "service/call.h"

/* The members of a request that name targets, for call_accept(). */
extern const char ec2_route_target_members[];

/*
 * The target that the request names, as an object with the one member that a stored route has for
 * it; it lies in the VPC of the table. NULL and err if there is not exactly one, or it cannot be.
 */
json_t *ec2_route_target_read(const struct call *call, const json_t *table, struct err *err);
/* Whether a target of ec2_route_target_read() may be where a part of the VPC's own block is sent.
 */
bool ec2_route_target_is_inside(const json_t *target);
/* Gives `route` this target in place of the one that it has. */
void ec2_route_target_set(json_t *route, const json_t *target);
/* The route as it is shown: with its state now, and the instance that its interface belongs to. */
json_t *ec2_route_show(const struct call *call, const json_t *table, const json_t *route);
