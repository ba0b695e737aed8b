/* Traffic sources: what sends requests to a group's instances. Here those are target groups. */
#pragma once

#include "service/call.h"

/*
 * The ARNs of the target groups that `sources` (TrafficSources of a request; NULL: none) names, a
 * new array. NULL and err if one of them is something else.
 */
json_t *traffic_sources_target_groups(const json_t *sources, struct err *err);
/* A group's TrafficSources, as they are shown: a new array. */
json_t *traffic_sources_of_group(const json_t *group);
/* Refuses names of Classic Load Balancers, of which there are none. An empty list is fine. */
int traffic_sources_refuse_classic(const json_t *names, struct err *err);
