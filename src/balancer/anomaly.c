#include "balancer/anomaly.h"

#include <stdlib.h>

/* What the threads counted of a target since its last round that said something. */
struct finding {
    struct target *target;
    uint64_t answers, errors;
    double error_percent;
};

static bool is_healthy(const struct target *target)
{
    return atomic_load_explicit(&target->state, memory_order_relaxed) == TARGET_HEALTHY;
}

static struct finding find(struct target *target, int thread_count)
{
    struct finding finding = {.target = target};
    for (int i = 0; i < thread_count; i++) {
        finding.answers += __atomic_load_n(&target->threads[i].answers, __ATOMIC_RELAXED);
        finding.errors += __atomic_load_n(&target->threads[i].errors, __ATOMIC_RELAXED);
    }
    finding.answers -= target->anomaly.answers;
    finding.errors -= target->anomaly.errors;
    if (finding.answers)
        finding.error_percent = 100.0 * (double)finding.errors / (double)finding.answers;
    return finding;
}

static int by_errors(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    return (x->error_percent > y->error_percent) - (x->error_percent < y->error_percent);
}

/* Half of a share, or twice; never nothing, never more than full. */
static int step(int share, bool down)
{
    share = down ? share / 2 : share * 2 + 1;
    return share < ANOMALY_SHARE_MIN   ? ANOMALY_SHARE_MIN
           : share > TARGET_FULL_SHARE ? TARGET_FULL_SHARE
                                       : share;
}

/*
 * What was found, and what it does to the share: who is normal gets more of it back with each
 * round, who is anomalous loses more whenever a round says so (`told`). Returns whether anybody
 * must hear of it.
 */
static bool settle(struct target *target, bool anomalous, bool told, bool mitigates)
{
    struct target_anomaly before = target->anomaly;
    target->anomaly.anomalous = anomalous;
    if ((mitigates && (told || !anomalous)) || (!mitigates && target->anomaly.mitigated)) {
        int share = atomic_load_explicit(&target->share, memory_order_relaxed);
        share = mitigates ? step(share, anomalous) : TARGET_FULL_SHARE;
        atomic_store_explicit(&target->share, share, memory_order_relaxed);
        target->anomaly.mitigated = share < TARGET_FULL_SHARE;
    }
    return before.anomalous != target->anomaly.anomalous ||
           before.mitigated != target->anomaly.mitigated;
}

/* Moves the findings that say something to the front, by rising errors. Returns how many. */
static int select_telling(struct finding *findings, int count)
{
    int telling = 0;
    for (int i = 0; i < count; i++) {
        if (findings[i].answers < ANOMALY_ANSWERS_MIN)
            continue;
        struct finding finding = findings[i];
        findings[i] = findings[telling];
        findings[telling++] = finding;
    }
    qsort(findings, (size_t)telling, sizeof *findings, by_errors);
    return telling;
}

static int find_healthy(struct target_group *group, int thread_count, struct finding *findings)
{
    int count = 0;
    for (int i = 0; i < group->routable_count; i++) {
        if (is_healthy(group->routable[i]))
            findings[count++] = find(group->routable[i], thread_count);
    }
    return count;
}

/* Who is not compared any more: the unhealthy, or all. */
static void forgive(struct target_group *group, bool all,
                    void (*on_change)(const struct target *target, void *owner), void *owner)
{
    for (int i = 0; i < group->routable_count; i++) {
        struct target *target = group->routable[i];
        if ((all || !is_healthy(target)) && settle(target, false, true, false))
            on_change(target, owner);
    }
}

/* The verdict on one of `count` findings; those that tell something come first. */
static bool judge(const struct finding *finding, bool telling, double normal_percent)
{
    struct target_anomaly *anomaly = &finding->target->anomaly;
    if (!telling)
        return anomaly->anomalous;
    anomaly->answers += finding->answers;
    anomaly->errors += finding->errors;
    return finding->error_percent > normal_percent + ANOMALY_MARGIN_PERCENT;
}

void anomaly_round(struct target_group *group, int thread_count,
                   void (*on_change)(const struct target *target, void *owner), void *owner)
{
    struct finding *findings = calloc((size_t)group->routable_count + 1, sizeof *findings);
    if (!findings)
        return;
    int count = find_healthy(group, thread_count, findings);
    int telling = select_telling(findings, count);
    bool compared = count >= ANOMALY_TARGETS_MIN;
    forgive(group, !compared, on_change, owner);
    /* Compared with the middle one: what most targets do is normal, however bad. */
    double normal_percent = telling ? findings[(telling - 1) / 2].error_percent : 0;
    for (int i = 0; i < count && compared; i++) {
        bool anomalous = judge(&findings[i], i < telling, normal_percent);
        if (settle(findings[i].target, anomalous, i < telling,
                   group->attributes.mitigates_anomalies))
            on_change(findings[i].target, owner);
    }
    free(findings);
}
