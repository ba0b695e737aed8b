/* From reports to metrics: what a minute's value is, also when the clock jumps. */
#include "control/metrics.h"
#include "ipc/response_time.h"
#include "simulated_cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE = METRICS_MINUTE_MS, WARMUP_S = 120 };

static const char instance_id[] = "i-0123456789abcdef0";

/* A world without peers, at the start of a minute, with a running instance of group "g" that is
 * warm. */
static struct simulated_cloud *create(void)
{
    struct simulated_cloud *cloud = cloud_create(1);
    struct err err;
    cloud->now_ms += MINUTE - cloud->now_ms % MINUTE;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "instance", "us-east-1", instance_id,
            json_pack("{s:s, s:s, s:s, s:s}", "InstanceId", instance_id, "ImageId", "ami-1",
                      "InstanceType", "t3.micro", "_group", "g"));
    txn_put(txn, "auto-scaling-group", "us-east-1", "g",
            json_pack("{s:i, s:[{s:s, s:s, s:I}]}", "DefaultInstanceWarmup", WARMUP_S, "Instances",
                      "InstanceId", instance_id, "LifecycleState", "InService", "_in_service_ms",
                      (json_int_t)cloud->now_ms - WARMUP_S * 1000));
    assert_int_equal(txn_commit(txn, &err), 0);
    return cloud;
}

/* A report of the host: totals of CPU time and of bytes received. */
static void report(struct simulated_cloud *cloud, uint32_t interval_ms, uint64_t cpu_us,
                   uint64_t received)
{
    struct {
        struct message_usage head;
        struct usage row;
    } message = {
        .head = {.count = 1, .interval_ms = interval_ms},
        .row = {.boot = 1, .cpu_thousandths = 500, .cpu_us = cpu_us, .received_bytes = received}};
    memcpy(message.row.instance, instance_id, sizeof instance_id);
    control_receive(cloud->control, MESSAGE_USAGE, &message, sizeof message);
}

/* Reads minutes of a metric of the instance (or of `name`/`value`) from `from_ms` on. */
static size_t read_minutes(struct simulated_cloud *cloud, const char *metric, const char *name,
                           const char *value, int64_t from_ms, struct series_point out[256])
{
    struct series_dimension dimension = {name, value};
    struct series_key key = {"us-east-1", "AWS/EC2", metric, &dimension, 1};
    const struct series *series = series_find(cloud->series, &key);
    return series ? series_read(series, from_ms, from_ms + 256LL * MINUTE, MINUTE, out, 256) : 0;
}

static void cpu_is_a_share_of_what_the_instance_may_use(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    int64_t start_ms = cloud->now_ms;
    report(cloud, 1000, 0, 0);
    for (int second = 1; second <= 60; second++) {
        cloud->now_ms += 1000;
        report(cloud, 1000, (uint64_t)second * 250000, 0);
    }
    assert_int_equal(
        read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id, start_ms, points), 1);
    assert_float_equal(points[0].sum, 50, 0.001);
    assert_float_equal(points[0].count, 1, 0);
    assert_int_equal(
        read_minutes(cloud, "CPUUtilization", "AutoScalingGroupName", "g", start_ms, points), 1);
    assert_int_equal(read_minutes(cloud, "StatusCheckFailed", "ImageId", "ami-1", start_ms, points),
                     1);
    assert_float_equal(points[0].sum, 0, 0);
    cloud_destroy(cloud);
}

static void an_instance_that_warms_up_does_not_count_in_its_group(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    int64_t start_ms = cloud->now_ms;
    cloud->now_ms -= MINUTE;
    report(cloud, 1000, 0, 0);
    cloud->now_ms += 2 * MINUTE;
    report(cloud, 1000, 250000, 0);
    assert_int_equal(
        read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id, start_ms - MINUTE, points),
        2);
    assert_int_equal(read_minutes(cloud, "CPUUtilization", "AutoScalingGroupName", "g",
                                  start_ms - MINUTE, points),
                     1);
    assert_int_equal(points[0].start_ms, start_ms);
    cloud_destroy(cloud);
}

static void a_fast_clock_does_not_change_the_share(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    int64_t start_ms = cloud->now_ms;
    report(cloud, 1000, 0, 0);
    for (uint64_t second = 1; second <= 10; second++) {
        cloud->now_ms += 61 * 1000;
        report(cloud, 1000, second * 400000, second * 6100);
    }
    assert_int_equal(
        read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id, start_ms, points), 10);
    for (int i = 0; i < 10; i++)
        assert_float_equal(points[i].sum, 80, 0.001);
    assert_int_equal(read_minutes(cloud, "NetworkIn", "InstanceId", instance_id, start_ms, points),
                     10);
    for (int i = 0; i < 10; i++)
        assert_float_equal(points[i].sum, 6000, 0.001);
    cloud_destroy(cloud);
}

static void a_jump_fills_the_minutes_with_the_level_and_keeps_the_bytes(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    int64_t start_ms = cloud->now_ms;
    report(cloud, 1000, 0, 0);
    cloud->now_ms += 15 * MINUTE;
    report(cloud, 1000, 100000, 1500);
    size_t count =
        read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id, start_ms, points);
    assert_int_equal(count, 15);
    for (size_t i = 0; i < count; i++)
        assert_float_equal(points[i].sum, 20, 0.001);
    count = read_minutes(cloud, "NetworkIn", "InstanceId", instance_id, start_ms, points);
    double bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += points[i].sum;
    assert_float_equal(bytes, 1500, 0.001);
    cloud_destroy(cloud);
}

static void a_jump_of_days_is_bounded(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    report(cloud, 1000, 0, 0);
    cloud->now_ms += 5 * 24 * 60 * (int64_t)MINUTE;
    report(cloud, 1000, 100000, 0);
    assert_int_equal(read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id,
                                  cloud->now_ms - 250LL * MINUTE, points),
                     METRICS_MINUTES_MAX);
    cloud_destroy(cloud);
}

static void a_new_boot_begins_again_from_zero(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = create();
    struct series_point points[256];
    int64_t start_ms = cloud->now_ms;
    report(cloud, 1000, 9000000, 0);
    cloud->now_ms += MINUTE;
    report(cloud, 1000, 0, 0);
    assert_int_equal(
        read_minutes(cloud, "CPUUtilization", "InstanceId", instance_id, start_ms, points), 1);
    assert_float_equal(points[0].sum, 0, 0);
    cloud_destroy(cloud);
}

/* ---- load balancers ---- */

static const char balancer_name[] = "app/web/0123456789abcdef";
static const char group_name[] = "targetgroup/app/0123456789abcdef";

static void put_balancer(struct simulated_cloud *cloud)
{
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "load-balancer", "us-east-1", "lb",
            json_pack("{s:s, s:s, s:[]}", "LoadBalancerArn", "lb", "_dimension", balancer_name,
                      "_nodes"));
    txn_put(txn, "target-group", "us-east-1", "tg",
            json_pack("{s:s, s:s, s:[{s:s, s:i}, {s:s, s:i}]}", "TargetGroupArn", "tg",
                      "_dimension", group_name, "_targets", "Id", "10.0.0.1", "Port", 80, "Id",
                      "10.0.0.2", "Port", 80));
    assert_int_equal(txn_commit(txn, &err), 0);
}

static struct series_point read_elb(struct simulated_cloud *cloud, const char *metric,
                                    const struct series_dimension *dimensions, size_t count)
{
    struct series_point point = {0};
    struct series_key key = {"us-east-1", "AWS/ApplicationELB", metric, dimensions, count};
    const struct series *series = series_find(cloud->series, &key);
    int64_t minute_ms = cloud->now_ms - cloud->now_ms % MINUTE;
    if (series)
        series_read(series, minute_ms, minute_ms + MINUTE, MINUTE, &point, 1);
    return point;
}

static void traffic_has_awss_sets_of_dimensions(void **state)
{
    (void)state;
    static const struct series_dimension dimensions[] = {{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name},
                                                         {"AvailabilityZone", "us-east-1a"}};
    struct simulated_cloud *cloud = create();
    put_balancer(cloud);
    struct {
        struct message_rows head;
        struct traffic row;
    } message = {.head = {.count = 1},
                 .row = {.requests = 10,
                         .elb_502 = 1,
                         .response_time_count = 10,
                         .response_time_sum_us = 100000,
                         .response_time_min_us = 10000,
                         .response_time_max_us = 10000}};
    message.row.target_status[2] = 9;
    message.row.elb_status[5] = 1;
    message.row.response_time_buckets[response_time_bucket(10000)] = 10;
    memcpy(message.row.load_balancer, balancer_name, sizeof balancer_name);
    memcpy(message.row.target_group, group_name, sizeof group_name);
    snprintf(message.row.zone, sizeof message.row.zone, "us-east-1a");
    control_receive(cloud->control, MESSAGE_TRAFFIC, &message, sizeof message);
    for (size_t count = 1; count <= 3; count++) {
        assert_float_equal(read_elb(cloud, "RequestCount", dimensions, count).sum, 10, 0);
        assert_float_equal(read_elb(cloud, "TargetResponseTime", dimensions, count).sum, 0.1, 1e-9);
    }
    assert_float_equal(read_elb(cloud, "HTTPCode_ELB_5XX_Count", dimensions, 1).sum, 1, 0);
    assert_float_equal(read_elb(cloud, "HTTPCode_ELB_5XX_Count", dimensions, 2).count, 0, 0);
    assert_float_equal(read_elb(cloud, "RequestCountPerTarget", dimensions + 1, 1).sum, 5, 0);
    cloud_destroy(cloud);
}

static void hosts_are_counted_each_minute_also_those_that_a_jump_passed(void **state)
{
    (void)state;
    static const struct series_dimension dimensions[] = {{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name}};
    struct simulated_cloud *cloud = create();
    struct err err;
    put_balancer(cloud);
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "rule", "us-east-1", "rule",
            json_pack("{s:s, s:[{s:{s:[{s:s}]}}]}", "_load_balancer", "lb", "Actions",
                      "ForwardConfig", "TargetGroups", "TargetGroupArn", "tg"));
    assert_int_equal(txn_commit(txn, &err), 0);
    int64_t start_ms = cloud->now_ms;
    metrics_controller.run(cloud->control);
    cloud->now_ms += 10 * MINUTE;
    metrics_controller.run(cloud->control);
    struct series_point points[16];
    struct series_key key = {"us-east-1", "AWS/ApplicationELB", "HealthyHostCount", dimensions, 2};
    assert_int_equal(series_read(series_find(cloud->series, &key), start_ms, start_ms + 16 * MINUTE,
                                 MINUTE, points, 16),
                     11);
    cloud_destroy(cloud);
}

/* A load balancer in two zones whose group has a healthy target in the first. */
static void put_zones(struct simulated_cloud *cloud)
{
    static const char count[] =
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count";
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "load-balancer", "us-east-1", "lb",
            json_pack("{s:s, s:s, s:[{s:s}, {s:s}]}", "LoadBalancerArn", "lb", "_dimension",
                      balancer_name, "_nodes", "AvailabilityZone", "us-east-1a", "AvailabilityZone",
                      "us-east-1b"));
    txn_put(txn, "target-group", "us-east-1", "tg",
            json_pack("{s:s, s:s, s:{s:s, s:s}, s:[{s:s, s:i, s:s}, {s:s, s:i, s:s}]}",
                      "TargetGroupArn", "tg", "_dimension", group_name, "_attributes",
                      "load_balancing.cross_zone.enabled", "false", count, "1", "_targets", "Id",
                      "10.0.0.1", "Port", 80, "AvailabilityZone", "us-east-1a", "Id", "10.0.0.2",
                      "Port", 80, "AvailabilityZone", "us-east-1b"));
    txn_put(txn, "rule", "us-east-1", "rule",
            json_pack("{s:s, s:[{s:{s:[{s:s}]}}]}", "_load_balancer", "lb", "Actions",
                      "ForwardConfig", "TargetGroups", "TargetGroupArn", "tg"));
    txn_put(txn, "target-health", "us-east-1", "targetgroup/app/0123456789abcdef/10.0.0.1:80",
            json_pack("{s:s, s:{s:s, s:s}}", "State", "healthy", "_anomaly", "Result", "anomalous",
                      "MitigationInEffect", "yes"));
    assert_int_equal(txn_commit(txn, &err), 0);
}

static void anomalous_and_mitigated_targets_are_counted_by_zone(void **state)
{
    (void)state;
    static const struct series_dimension zones[2][3] = {{{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name},
                                                         {"AvailabilityZone", "us-east-1a"}},
                                                        {{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name},
                                                         {"AvailabilityZone", "us-east-1b"}}};
    static const char *const metrics[] = {"AnomalousHostCount", "MitigatedHostCount"};
    struct simulated_cloud *cloud = create();
    put_zones(cloud);
    metrics_controller.run(cloud->control);
    for (int i = 0; i < 2; i++) {
        assert_float_equal(read_elb(cloud, metrics[i], zones[0], 2).maximum, 1, 0);
        assert_float_equal(read_elb(cloud, metrics[i], zones[0], 3).maximum, 1, 0);
        assert_float_equal(read_elb(cloud, metrics[i], zones[1], 3).maximum, 0, 0);
    }
    cloud_destroy(cloud);
}

static void set_health(struct simulated_cloud *cloud, const char *target, const char *health)
{
    struct err err;
    struct txn *txn = txn_begin(cloud->store);
    txn_put(txn, "target-health", "us-east-1", target, json_pack("{s:s}", "State", health));
    assert_int_equal(txn_commit(txn, &err), 0);
    metrics_controller.changed(cloud->control, "target-health", "us-east-1");
    metrics_controller.run(cloud->control);
}

static void a_target_that_is_unhealthy_for_less_than_a_minute_is_counted(void **state)
{
    (void)state;
    static const struct series_dimension zone[3] = {{"LoadBalancer", balancer_name},
                                                    {"TargetGroup", group_name},
                                                    {"AvailabilityZone", "us-east-1a"}};
    static const char target[] = "targetgroup/app/0123456789abcdef/10.0.0.1:80";
    struct simulated_cloud *cloud = create();
    put_zones(cloud);
    metrics_controller.run(cloud->control);
    set_health(cloud, target, "unhealthy");
    set_health(cloud, target, "healthy");
    assert_float_equal(read_elb(cloud, "UnHealthyHostCount", zone, 3).maximum, 1, 0);
    assert_float_equal(read_elb(cloud, "UnHealthyHostCount", zone, 2).maximum, 1, 0);
    assert_float_equal(read_elb(cloud, "HealthyHostCount", zone, 2).minimum, 0, 0);
    cloud_destroy(cloud);
}

static void a_zone_without_healthy_targets_is_unhealthy_for_routing(void **state)
{
    (void)state;
    static const struct series_dimension zones[2][3] = {{{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name},
                                                         {"AvailabilityZone", "us-east-1a"}},
                                                        {{"LoadBalancer", balancer_name},
                                                         {"TargetGroup", group_name},
                                                         {"AvailabilityZone", "us-east-1b"}}};
    struct simulated_cloud *cloud = create();
    put_zones(cloud);
    metrics_controller.run(cloud->control);
    assert_float_equal(read_elb(cloud, "HealthyHostCount", zones[0], 3).maximum, 1, 0);
    assert_float_equal(read_elb(cloud, "HealthyHostCount", zones[1], 3).maximum, 0, 0);
    assert_float_equal(read_elb(cloud, "HealthyStateRouting", zones[0], 3).minimum, 1, 0);
    assert_float_equal(read_elb(cloud, "HealthyStateRouting", zones[1], 3).minimum, 0, 0);
    assert_float_equal(read_elb(cloud, "UnhealthyStateRouting", zones[1], 3).minimum, 1, 0);
    assert_float_equal(read_elb(cloud, "HealthyStateRouting", zones[0], 2).minimum, 1, 0);
    assert_float_equal(read_elb(cloud, "UnhealthyStateRouting", zones[0], 2).minimum, 1, 0);
    assert_float_equal(read_elb(cloud, "HealthyStateDNS", zones[0], 2).minimum, 2, 0);
    cloud_destroy(cloud);
}

/* A report of what a zone's node counted in a second. */
static void report_zone(struct simulated_cloud *cloud, const char *zone, struct traffic row)
{
    struct {
        struct message_rows head;
        struct traffic row;
    } message = {.head = {.count = 1}, .row = row};
    memcpy(message.row.load_balancer, balancer_name, sizeof balancer_name);
    snprintf(message.row.zone, sizeof message.row.zone, "%s", zone);
    control_receive(cloud->control, MESSAGE_TRAFFIC, &message, sizeof message);
}

static void capacity_units_are_the_highest_of_four_shares(void **state)
{
    (void)state;
    static const struct series_dimension balancer = {"LoadBalancer", balancer_name};
    struct simulated_cloud *cloud = create();
    put_zones(cloud);
    metrics_controller.run(cloud->control);
    report_zone(cloud, "us-east-1a", (struct traffic){.new_connections = 3000});
    report_zone(cloud, "us-east-1b",
                (struct traffic){.new_connections = 3000, .processed_bytes = 1000000});
    cloud->now_ms += MINUTE;
    metrics_controller.run(cloud->control);
    cloud->now_ms -= MINUTE; /* 6,000 connections in a minute are 100 a second: 4 units of 25 */
    assert_float_equal(read_elb(cloud, "ConsumedLCUs", &balancer, 1).sum, 4, 1e-9);
    cloud->now_ms += MINUTE;
    report_zone(cloud, "us-east-1a", (struct traffic){.processed_bytes = 100000000});
    cloud->now_ms += MINUTE;
    metrics_controller.run(cloud->control);
    cloud->now_ms -= MINUTE; /* 100 MB in a minute are 6 GB an hour */
    assert_float_equal(read_elb(cloud, "ConsumedLCUs", &balancer, 1).sum, 6, 1e-9);
    cloud_destroy(cloud);
}

static void active_connections_are_those_of_the_busiest_second_of_a_minute(void **state)
{
    (void)state;
    static const struct series_dimension dimensions[] = {{"LoadBalancer", balancer_name},
                                                         {"AvailabilityZone", "us-east-1a"}};
    struct simulated_cloud *cloud = create();
    put_zones(cloud);
    metrics_controller.run(cloud->control);
    report_zone(cloud, "us-east-1a", (struct traffic){.active_connections = 5});
    report_zone(cloud, "us-east-1a", (struct traffic){.active_connections = 9});
    report_zone(cloud, "us-east-1a", (struct traffic){.active_connections = 7});
    report_zone(cloud, "us-east-1b", (struct traffic){.active_connections = 1});
    cloud->now_ms += MINUTE;
    metrics_controller.run(cloud->control);
    cloud->now_ms -= MINUTE;
    assert_float_equal(read_elb(cloud, "ActiveConnectionCount", dimensions, 2).sum, 9, 0);
    assert_float_equal(read_elb(cloud, "ActiveConnectionCount", dimensions, 1).sum, 10, 0);
    cloud_destroy(cloud);
}

static void percentiles_of_response_times_are_within_a_few_percent(void **state)
{
    (void)state;
    static const struct series_dimension balancer = {"LoadBalancer", balancer_name};
    static const double percentiles[] = {50, 90, 99};
    struct simulated_cloud *cloud = create();
    struct traffic row = {.response_time_count = 1000,
                          .response_time_min_us = 1000,
                          .response_time_max_us = 1000 + 999 * 37};
    put_balancer(cloud);
    for (uint64_t i = 0; i < 1000; i++) { /* 1 ms to 38 ms, evenly */
        row.response_time_buckets[response_time_bucket(1000 + i * 37)]++;
        row.response_time_sum_us += 1000 + i * 37;
    }
    report_zone(cloud, "us-east-1a", row);
    struct series_key key = {"us-east-1", "AWS/ApplicationELB", "TargetResponseTime", &balancer, 1};
    const struct series *series = series_find(cloud->series, &key);
    int64_t minute_ms = cloud->now_ms - cloud->now_ms % MINUTE;
    for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++) {
        double exact = (1000 + percentiles[i] * 10 * 37) / 1e6;
        double shown = series_percentile(series, minute_ms, minute_ms + MINUTE, percentiles[i]);
        assert_float_equal(shown, exact, exact * 0.08);
    }
    cloud_destroy(cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_is_a_share_of_what_the_instance_may_use),
        cmocka_unit_test(an_instance_that_warms_up_does_not_count_in_its_group),
        cmocka_unit_test(a_fast_clock_does_not_change_the_share),
        cmocka_unit_test(a_jump_fills_the_minutes_with_the_level_and_keeps_the_bytes),
        cmocka_unit_test(a_jump_of_days_is_bounded),
        cmocka_unit_test(a_new_boot_begins_again_from_zero),
        cmocka_unit_test(traffic_has_awss_sets_of_dimensions),
        cmocka_unit_test(hosts_are_counted_each_minute_also_those_that_a_jump_passed),
        cmocka_unit_test(anomalous_and_mitigated_targets_are_counted_by_zone),
        cmocka_unit_test(a_target_that_is_unhealthy_for_less_than_a_minute_is_counted),
        cmocka_unit_test(a_zone_without_healthy_targets_is_unhealthy_for_routing),
        cmocka_unit_test(capacity_units_are_the_highest_of_four_shares),
        cmocka_unit_test(active_connections_are_those_of_the_busiest_second_of_a_minute),
        cmocka_unit_test(percentiles_of_response_times_are_within_a_few_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
