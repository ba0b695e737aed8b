/* For the files that make AWS/ApplicationELB: what a value is about, and its sets of dimensions. */
#pragma once

#include "control/metrics.h"

/* Sets of dimensions, named by AWS's: which of zone, load balancer and target group they have. */
enum {
    ZONE = 1,
    LOAD_BALANCER = 2,
    TARGET_GROUP = 4,
    ONE_BALANCER = 1 << LOAD_BALANCER,
    BY_BALANCER = ONE_BALANCER | 1 << (LOAD_BALANCER | ZONE),
    BY_GROUP = 1 << (LOAD_BALANCER | TARGET_GROUP) | 1 << (LOAD_BALANCER | TARGET_GROUP | ZONE),
    BY_GROUP_ALONE = 1 << TARGET_GROUP | 1 << (TARGET_GROUP | ZONE),
    SETS = 8,
};

/* What a value is about. */
struct subject {
    struct control *control;
    const char *region, *zone, *load_balancer, *target_group; /* "" for what it is not about */
    int64_t at_ms;
};

/* Fills the dimensions of a set. False if the subject has not all of them. */
bool subject_dimensions(const struct subject *subject, int set,
                        struct series_dimension dimensions[3], size_t *ret_count);
/* Adds `count` values of `value` to a metric, in each of `sets` of dimensions. */
void subject_add(const struct subject *subject, const char *metric, const char *unit, int sets,
                 double value, double count);
