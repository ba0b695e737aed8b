#include "control/metrics_subject.h"

bool subject_dimensions(const struct subject *subject, int set,
                        struct series_dimension dimensions[3], size_t *ret_count)
{
    const struct {
        int bit;
        struct series_dimension dimension;
    } all[] = {{ZONE, {"AvailabilityZone", subject->zone}},
               {LOAD_BALANCER, {"LoadBalancer", subject->load_balancer}},
               {TARGET_GROUP, {"TargetGroup", subject->target_group}}};
    *ret_count = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!(set & all[i].bit))
            continue;
        if (!*all[i].dimension.value)
            return false;
        dimensions[(*ret_count)++] = all[i].dimension;
    }
    return true;
}

void subject_add(const struct subject *subject, const char *metric, const char *unit, int sets,
                 double value, double count)
{
    struct series_dimension dimensions[3];
    for (int set = 0; set < SETS; set++) {
        struct series_key key = {subject->region, "AWS/ApplicationELB", metric, dimensions, 0};
        if ((sets & 1 << set) && subject_dimensions(subject, set, dimensions, &key.dimension_count))
            metrics_add(subject->control, &key, unit, subject->at_ms, value, count);
    }
}
