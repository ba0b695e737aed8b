/* What users do in the simulation: random operations on a few groups. */
#pragma once

#include "simulated_cloud.h"

enum { SIM_GROUPS = 3, SIM_COOLDOWN_S = 120 };

#define SIM_SIMPLE_POLICY "simple"

/* Makes the load balancer and the target groups that the operations use. */
void sim_set_up(struct simulated_cloud *cloud);
/* Perhaps a random operation; many are refused, as those of users are. Its name, or NULL. */
const char *sim_operate(struct simulated_cloud *cloud);
/* Whether the last call of sim_operate() completed the hook's action of the instance by CONTINUE.
 */
bool sim_has_continued(const char *instance_id, const char *hook);
/* Whether it completed one of the instance's actions by ABANDON, which ends all of them. */
bool sim_has_abandoned(const char *instance_id);
/* Undoes what would keep a group from its desired capacity: suspended processes. */
void sim_let_go(struct simulated_cloud *cloud);
