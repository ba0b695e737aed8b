/* What is always true of the simulated cloud, and what is true when it has come to rest. */
#pragma once

#include "simulated_cloud.h"

/* Describes the first invariant that does not hold; NULL if all do. Static storage. */
const char *sim_broken_invariant(struct simulated_cloud *cloud);
/* After faults have ended and time has passed: why something has not converged; NULL if all has. */
const char *sim_unsettled(struct simulated_cloud *cloud);
