/*
 * Prints the trajectory of a group under a load, a line a minute: minute, load in CPUs, CPU of the
 * group in percent ("-": no value), desired capacity, instances in service.
 *
 * usage: bench-scaling step|ramp|sine
 */
#include "trajectory.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct trajectory_row rows[TRAJECTORY_MINUTES_MAX];
    const struct trajectory_shape *shape = trajectory_shapes;
    while (shape->name && (argc != 2 || strcmp(shape->name, argv[1]) != 0))
        shape++;
    if (!shape->name) {
        fprintf(stderr, "usage: bench-scaling step|ramp|sine\n");
        return 2;
    }
    trajectory_run(shape, rows);
    for (int minute = 0; minute < shape->minutes; minute++) {
        const struct trajectory_row *row = &rows[minute];
        printf("%d\t%.2f\t", minute, row->load);
        if (row->metric < 0)
            printf("-");
        else
            printf("%.1f", row->metric);
        printf("\t%d\t%d\n", row->desired, row->in_service);
    }
    return 0;
}
