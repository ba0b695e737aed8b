/*
 * Launch configurations: what groups and their controller see of them. Kind `launch-configuration`,
 * id its name, shape LaunchConfiguration. They never change.
 */
#pragma once

#include "service/call.h"

extern const char launch_configuration_kind[];

/* The launch configuration, borrowed; ValidationError if there is none. */
const json_t *launch_configuration_find(const struct call *call, const char *name, struct err *err);
/* What RunInstances is asked for one instance in a subnet ("": none is named). New reference. */
json_t *launch_configuration_request(const json_t *configuration, const char *subnet);
/* Creates the one, named like the group, for which CreateAutoScalingGroup was told an InstanceId.
 */
int launch_configuration_from_instance(struct call *call, const char *name, const char *instance_id,
                                       struct err *err);
