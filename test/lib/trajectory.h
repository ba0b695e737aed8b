/*
 * A group under target tracking in the simulated cloud: real services, alarms, metrics and
 * controllers; simulated are time, the machines, and the load on them. For the test of the
 * algorithm and for `./dev bench scaling`.
 */
#pragma once

#include <stddef.h>

/* The group: one to ten t3.micro of two vCPUs, to be kept at half of their CPU. */
enum {
    TRAJECTORY_MINIMUM = 1,
    TRAJECTORY_MAXIMUM = 10,
    TRAJECTORY_VCPUS = 2,
    TRAJECTORY_TARGET = 50,    /* percent */
    TRAJECTORY_WARMUP_MIN = 2, /* DefaultInstanceWarmup, in minutes */
    TRAJECTORY_MINUTES_MAX = 256,
};

/* A minute of it. */
struct trajectory_row {
    double load;             /* CPUs that the work needs; instances share them evenly */
    double metric;           /* CPUUtilization of the group, percent; < 0: no value */
    int desired, in_service; /* at the end of the minute */
};

/* The load of a minute in CPUs. */
typedef double trajectory_load(int minute);

struct trajectory_shape {
    const char *name;
    trajectory_load *load;
    int minutes;
};
/* step, ramp, sine; ends with a row without a name. */
extern const struct trajectory_shape trajectory_shapes[];

/* Fills rows[0..shape->minutes). */
void trajectory_run(const struct trajectory_shape *shape, struct trajectory_row *rows);
