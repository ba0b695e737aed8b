/* Tags of Auto Scaling groups. */
#pragma once

#include "service/call.h"

/*
 * Adds or replaces tags. Each names its group by ResourceId; `only_group` (may be NULL) is the
 * group of tags that name none.
 */
int tags_apply(struct call *call, const json_t *tags, const char *only_group, struct err *err);
