/* Volume types: how large, how many operations and MiB a second, as AWS sells them. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct volume_shape {
    const char *type;
    int64_t size_gib;
    int64_t iops, throughput; /* 0: not given, or of no meaning to the type */
};

/*
 * Checks what is given against the ranges of the type, and fills in what is not: operations a
 * second and, for gp3, MiB a second.
 */
int volume_shape_complete(struct volume_shape *shape, struct err *err);
/* MiB a second of a volume of the type: `throughput` where the type has one, 0 if it has no limit.
 */
int64_t volume_type_throughput(const char *type, int64_t throughput);
/* Whether an instance can boot from the type. */
bool volume_type_boots(const char *type);
