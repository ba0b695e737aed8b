/* What users do in the simulation: random operations on a few groups. */
#pragma once

#include "simulated_cloud.h"

enum { SIM_GROUPS = 3 };

/* Makes the load balancer and the target groups that the operations use. */
void sim_set_up(struct simulated_cloud *cloud);
/* One random operation; many are refused, as those of users are. Returns its name. */
const char *sim_operate(struct simulated_cloud *cloud);
/* Undoes what would keep a group from its desired capacity: suspended processes. */
void sim_let_go(struct simulated_cloud *cloud);
