/*
 * Target tracking over hours: what controllers, alarms and metrics make of a load together, against
 * a reference of the algorithm that knows none of them. The reference counts in whole minutes.
 */
#include "trajectory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    HIGH_MINUTES = 3,
    LOW_MINUTES = 15,
    LOW_THRESHOLD = TRAJECTORY_TARGET * 7 / 10,
    SKEW_MINUTES = 1, /* by which a decision may come earlier or later */
};

/* ---- the reference ---- */

struct reference {
    int launched[TRAJECTORY_MAXIMUM]; /* the minute in which each instance came */
    int capacity;
    double metrics[TRAJECTORY_MINUTES_MAX];
};

static int count_warm(const struct reference *reference, int minute)
{
    int warm = 0;
    for (int i = 0; i < reference->capacity; i++)
        warm += reference->launched[i] + TRAJECTORY_WARMUP_MIN < minute;
    return warm;
}

/* Whether the metric was beyond the threshold in each of the last minutes. */
static bool in_alarm(const struct reference *reference, int minute, int minutes, bool high)
{
    if (minute < minutes)
        return false;
    for (int i = minute - minutes; i < minute; i++)
        if (high ? reference->metrics[i] <= TRAJECTORY_TARGET
                 : reference->metrics[i] >= LOW_THRESHOLD)
            return false;
    return true;
}

static void decide(struct reference *reference, int minute)
{
    int warm = count_warm(reference, minute), before = reference->capacity;
    double newest = minute ? reference->metrics[minute - 1] : 0;
    int needed = (int)ceil(warm * newest / TRAJECTORY_TARGET);
    if (in_alarm(reference, minute, HIGH_MINUTES, true) && needed > before)
        reference->capacity = needed < TRAJECTORY_MAXIMUM ? needed : TRAJECTORY_MAXIMUM;
    else if (in_alarm(reference, minute, LOW_MINUTES, false) && warm == before && needed < before &&
             before > TRAJECTORY_MINIMUM)
        reference->capacity = before - 1;
    for (int i = before; i < reference->capacity; i++)
        reference->launched[i] = minute;
}

static void run_reference(const struct trajectory_shape *shape, int capacities[])
{
    struct reference reference = {.capacity = TRAJECTORY_MINIMUM};
    for (int i = 0; i < TRAJECTORY_MAXIMUM; i++)
        reference.launched[i] = -TRAJECTORY_WARMUP_MIN - 1;
    for (int minute = 0; minute < shape->minutes; minute++) {
        decide(&reference, minute);
        double share = shape->load(minute) / (reference.capacity * TRAJECTORY_VCPUS);
        reference.metrics[minute] = 100 * fmin(1, share);
        capacities[minute] = reference.capacity;
    }
}

/* ---- the comparison ---- */

static bool is_near(const int capacities[], int minutes, int minute, int desired)
{
    int least = TRAJECTORY_MAXIMUM, most = 0;
    for (int i = minute - SKEW_MINUTES; i <= minute + SKEW_MINUTES; i++)
        if (i >= 0 && i < minutes) {
            least = capacities[i] < least ? capacities[i] : least;
            most = capacities[i] > most ? capacities[i] : most;
        }
    return desired >= least && desired <= most;
}

static void assert_follows(const struct trajectory_shape *shape)
{
    struct trajectory_row rows[TRAJECTORY_MINUTES_MAX];
    int capacities[TRAJECTORY_MINUTES_MAX];
    trajectory_run(shape, rows);
    run_reference(shape, capacities);
    for (int minute = 0; minute < shape->minutes; minute++)
        if (!is_near(capacities, shape->minutes, minute, rows[minute].desired))
            fail_msg("%s, minute %d: desired capacity %d, by the algorithm %d", shape->name, minute,
                     rows[minute].desired, capacities[minute]);
}

static void a_step_is_followed_as_the_algorithm_says(void **state)
{
    (void)state;
    assert_follows(&trajectory_shapes[0]);
}

static void a_ramp_is_followed_as_the_algorithm_says(void **state)
{
    (void)state;
    assert_follows(&trajectory_shapes[1]);
}

static void a_sine_is_followed_as_the_algorithm_says(void **state)
{
    (void)state;
    assert_follows(&trajectory_shapes[2]);
}

/* The whole way of the step, by hand: 1, then ceil(1 x 100/50), ceil(2 x 100/50), ceil(4 x 79/50).
 */
static void a_step_doubles_while_the_cpu_is_all_used_and_shrinks_one_a_minute(void **state)
{
    (void)state;
    static const int grown[] = {1, 2, 4, 7}, shrunk[] = {7, 6, 5, 4, 3, 2, 1};
    struct trajectory_row rows[TRAJECTORY_MINUTES_MAX];
    const struct trajectory_shape *shape = &trajectory_shapes[0];
    size_t at = 0, down = 0;
    trajectory_run(shape, rows);
    for (int minute = 0; minute < 80; minute++)
        if (rows[minute].desired != grown[at])
            assert_int_equal(rows[minute].desired, grown[++at]);
    assert_int_equal(at, 3);
    for (int minute = 80; minute < shape->minutes; minute++)
        if (rows[minute].desired != shrunk[down])
            assert_int_equal(rows[minute].desired, shrunk[++down]);
    assert_int_equal(down, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_followed_as_the_algorithm_says),
        cmocka_unit_test(a_ramp_is_followed_as_the_algorithm_says),
        cmocka_unit_test(a_sine_is_followed_as_the_algorithm_says),
        cmocka_unit_test(a_step_doubles_while_the_cpu_is_all_used_and_shrinks_one_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
