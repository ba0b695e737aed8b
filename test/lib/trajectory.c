#include "trajectory.h"

#include "service/doc.h"
#include "simulated_cloud.h"

#include <math.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

static double step(int minute)
{
    return minute >= 20 && minute < 80 ? 6.3 : 0.6;
}

static double ramp(int minute)
{
    if (minute < 90)
        return 0.5 + 8.1 * minute / 90;
    return minute < 120 ? 8.6 : fmax(0.5, 8.6 - 8.1 * (minute - 120) / 90);
}

static double sine(int minute)
{
    return 4.2 - 3.6 * cos(2 * M_PI * minute / 120);
}

const struct trajectory_shape trajectory_shapes[] = {
    {"step", step, 160}, {"ramp", ramp, 250}, {"sine", sine, 240}, {0}};

static void make_group(struct simulated_cloud *cloud)
{
    cloud_template(cloud);
    cloud_ok(cloud, "autoscaling", "CreateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "
             "'AvailabilityZones': ['us-east-1a', 'us-east-1b'], 'MinSize': %d, 'MaxSize': %d, "
             "'DefaultInstanceWarmup': %d}",
             TRAJECTORY_MINIMUM, TRAJECTORY_MAXIMUM, TRAJECTORY_WARMUP_MIN * 60);
    cloud_ok(cloud, "autoscaling", "PutScalingPolicy",
             "{'AutoScalingGroupName': 'g', 'PolicyName': 'cpu', 'PolicyType': "
             "'TargetTrackingScaling', 'TargetTrackingConfiguration': {'TargetValue': %d, "
             "'PredefinedMetricSpecification': {'PredefinedMetricType': "
             "'ASGAverageCPUUtilization'}}}",
             TRAJECTORY_TARGET);
}

static void note_capacity(struct simulated_cloud *cloud, struct trajectory_row *row)
{
    const json_t *group = store_get(cloud->store, "auto-scaling-group", cloud->region, "g");
    size_t i;
    const json_t *member;
    row->desired = (int)doc_number(group, "DesiredCapacity");
    row->in_service = 0;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        row->in_service += doc_is(member, "LifecycleState", "InService");
}

static void read_metric(struct simulated_cloud *cloud, int64_t start_ms, int minutes,
                        struct trajectory_row *rows)
{
    struct series_dimension dimension = {"AutoScalingGroupName", "g"};
    struct series_key key = {cloud->region, "AWS/EC2", "CPUUtilization", &dimension, 1};
    const struct series *series = series_find(cloud->series, &key);
    struct series_point points[TRAJECTORY_MINUTES_MAX];
    size_t count = series ? series_read(series, start_ms, start_ms + (int64_t)minutes * MINUTE_MS,
                                        MINUTE_MS, points, TRAJECTORY_MINUTES_MAX)
                          : 0;
    for (int i = 0; i < minutes; i++)
        rows[i].metric = -1;
    for (size_t i = 0; i < count; i++)
        rows[(points[i].start_ms - start_ms) / MINUTE_MS].metric = points[i].sum / points[i].count;
}

void trajectory_run(const struct trajectory_shape *shape, struct trajectory_row *rows)
{
    struct simulated_cloud *cloud = cloud_create(1);
    cloud->load = shape->load(0);
    make_group(cloud);
    /* The first instance is warm, and a minute begins. */
    cloud_run(cloud, (TRAJECTORY_WARMUP_MIN + 2) * MINUTE_MS);
    cloud_run(cloud, MINUTE_MS - cloud->now_ms % MINUTE_MS);
    int64_t start_ms = cloud->now_ms;
    for (int minute = 0; minute < shape->minutes; minute++) {
        cloud->load = rows[minute].load = shape->load(minute);
        cloud_run(cloud, MINUTE_MS);
        note_capacity(cloud, &rows[minute]);
    }
    cloud_run(cloud, MINUTE_MS); /* the last value is there */
    read_metric(cloud, start_ms, shape->minutes, rows);
    cloud_destroy(cloud);
}
