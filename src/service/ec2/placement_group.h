/* Placement groups, for who launches or moves instances. */
#pragma once

#include "service/call.h"

/*
 * Puts an instance into the group that `wanted` names (GroupName or GroupId, PartitionNumber) by
 * setting GroupName, GroupId and PartitionNumber in its `placement`, which has its zone. Does
 * nothing when none is named. Fails if there is no such group, or no room in it.
 */
int placement_group_join(const struct call *call, const json_t *wanted, json_t *placement,
                         struct err *err);
