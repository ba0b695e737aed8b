/* What the fabric controller knows of the host's networks. */
#pragma once

#include <stdbool.h>

struct control;

/* Whether the host has acknowledged all that the VPC's documents said when they were last sent. */
bool fabric_is_built(const struct control *control, const char *vpc);
