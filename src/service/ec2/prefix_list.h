/*
 * Managed prefix lists: sets of blocks that rules of security groups and routes name by one id.
 * Kind `prefix-list`, shape ManagedPrefixList; `_entries` are those of the present version.
 */
#pragma once

#include "service/call.h"

/*
 * How many rules or routes a reference to the list counts for; NULL and an unknown id: 1. It is
 * what the list may grow to, so that a list never outgrows what refers to it.
 */
size_t ec2_prefix_list_weight(const struct call *call, const char *id);
/*
 * AWS's own list of a service that gateway endpoints lead to ("s3", "dynamodb"): its id, made if
 * the region has none yet. NULL: there is no such service.
 */
const char *ec2_prefix_list_of_service(struct call *call, const char *service);
