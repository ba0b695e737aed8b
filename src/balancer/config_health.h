/* The health check settings of a target group. */
#pragma once

#include "balancer/snapshot.h"

/* The group's protocol version is there. */
int health_load_settings(struct snapshot *snapshot, const json_t *json, struct target_group *group,
                         struct err *err);
