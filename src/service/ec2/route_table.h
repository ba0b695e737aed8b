/* Route tables as they are shown. */
#pragma once

#include "service/call.h"

/* A copy in which each route has the state that it has now: a gateway that is gone is a blackhole.
 */
json_t *ec2_route_table_show(const struct call *call, const json_t *table);
