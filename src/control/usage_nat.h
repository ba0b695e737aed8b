/* What passes through NAT gateways, as the host counts it. */
#pragma once

#include "base/map.h"
#include "control/control_impl.h"

#include <jansson.h>

/* Keeps the totals of a report, by the ids of the gateways; what `size` bytes do not hold is left
 * out. */
void usage_nat_take(struct control *control, struct map *totals, const struct message_rows *head,
                    size_t size);
/* Adds to a gateway's record what has passed since it was last asked. */
void usage_nat_count(struct map *totals, json_t *record);
void usage_nat_finish(struct map *totals);
