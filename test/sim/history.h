/* What is only seen over time: hooks hold, cooldowns pass, nothing is terminated twice. */
#pragma once

#include "simulated_cloud.h"

/* Groups, their members and hooks as the last step left them. */
struct history {
    json_t *groups; /* owned: by name {hooks: launching hooks, members: by instance id} */
};

/* Looks at the world after a step. What the step has broken; NULL: nothing. */
const char *history_step(struct history *history, struct simulated_cloud *cloud);
/* Looks back at all that the activities tell. */
const char *history_end(struct simulated_cloud *cloud);
void history_finish(struct history *history);
