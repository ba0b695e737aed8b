/* The network interfaces of a launch: found and checked first, then made or attached. */
#pragma once

#include "service/ec2/launch.h"

/* Fills launch->interfaces; needs its request and type. They are owned also on failure. */
int launch_interfaces_prepare(struct call *call, struct launch *launch, struct err *err);
void launch_interfaces_finish(struct launch *launch);
/* Whether the launch can be of one instance only: it names an address or an interface. */
bool launch_interfaces_are_single(const struct launch *launch);
/*
 * Makes or attaches them for an instance, and shows them in its document, which is being made. On
 * failure those that were made are gone again.
 */
int launch_interfaces_make(struct call *call, const struct launch *launch, const char *instance_id,
                           json_t *instance, struct err *err);
