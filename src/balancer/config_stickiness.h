/* What a document says of sticky sessions beside the attributes of target groups. */
#pragma once

#include "balancer/snapshot.h"

/* The member "CookieKey" of a load balancer; without it, a key of this process's own. */
int stickiness_load_key(const json_t *json, struct load_balancer *out, struct err *err);
/* ForwardConfig's TargetGroupStickinessConfig, for an action that has its groups. */
int stickiness_load_action(const json_t *forward_config, struct action *out, struct err *err);
