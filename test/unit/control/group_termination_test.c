/* Which instance scale-in takes: balance of zones first, then the termination policies in order. */
#include "group_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MEMBERS = 4 };

static const char one_zone[] = ", 'AvailabilityZones': ['us-east-1a']";

/*
 * Four instances in one zone. They are launched at minutes 0, 50, 70 and 105 of cloud time, the
 * first and the third from an old version of the template.
 */
static void create_members(struct simulated_cloud *cloud, char ids[MEMBERS][32])
{
    static const int pauses_min[MEMBERS] = {0, 50, 20, 35};
    create_group(cloud, 0, 0, MEMBERS, "");
    cloud_ok(cloud, "ec2", "CreateLaunchTemplateVersion",
             "{'LaunchTemplateName': 'web', 'SourceVersion': '1', 'LaunchTemplateData': {}}");
    for (int i = 0; i < MEMBERS; i++) {
        cloud_run(cloud, (int64_t)pauses_min[i] * MINUTE_MS);
        cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
                 "{'AutoScalingGroupName': 'g', 'DesiredCapacity': %d, 'LaunchTemplate': "
                 "{'LaunchTemplateName': 'web', 'Version': '%d'}%s}",
                 i + 1, i % 2 + 1, one_zone);
        cloud_run(cloud, 10 * SECOND_MS);
        snprintf(ids[i], sizeof ids[i], "%s", instance_id(cloud, (size_t)i));
    }
}

/* Scales in by one; which of them has gone. */
static int scale_in(struct simulated_cloud *cloud, char ids[MEMBERS][32], int desired)
{
    int gone = -1, before = 0, after = 0;
    bool was[MEMBERS];
    for (int i = 0; i < MEMBERS; i++)
        before += was[i] = count_members(cloud, "InstanceId", ids[i]) > 0;
    set_desired(cloud, desired);
    cloud_run(cloud, MINUTE_MS);
    for (int i = 0; i < MEMBERS; i++) {
        bool is = count_members(cloud, "InstanceId", ids[i]) > 0;
        after += is;
        gone = was[i] && !is ? i : gone;
    }
    assert_int_equal(before - after, 1);
    return gone;
}

static void assert_order(struct simulated_cloud *cloud, const char *policies, int first, int second)
{
    char ids[MEMBERS][32];
    create_members(cloud, ids);
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'TerminationPolicies': [%s]}", policies);
    assert_int_equal(scale_in(cloud, ids, 3), first);
    assert_int_equal(scale_in(cloud, ids, 2), second);
}

static void the_oldest_instance_goes(void **state)
{
    assert_order(*state, "'OldestInstance'", 0, 1);
}

static void the_newest_instance_goes(void **state)
{
    assert_order(*state, "'NewestInstance'", 3, 2);
}

/* Until the next full hour they have 15, 5, 25 and 60 minutes. */
static void the_instance_closest_to_its_next_hour_goes(void **state)
{
    assert_order(*state, "'ClosestToNextInstanceHour'", 1, 0);
}

static void the_oldest_version_of_the_template_goes_and_the_next_policy_decides(void **state)
{
    assert_order(*state, "'OldestLaunchTemplate', 'NewestInstance'", 2, 0);
}

/* The oldest version of the template, and of its instances the one closest to its next hour. */
static void by_default_the_template_comes_before_the_hour(void **state)
{
    assert_order(*state, "'Default'", 0, 2);
}

static void what_says_nothing_here_leaves_it_to_the_next_policy(void **state)
{
    assert_order(*state, "'AllocationStrategy', 'OldestLaunchConfiguration', 'NewestInstance'", 3,
                 2);
}

static void the_zone_with_the_most_comes_before_every_policy(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 1, 3, ", 'TerminationPolicies': ['OldestInstance']");
    const json_t *oldest = json_array_get(json_object_get(group_of(cloud), "Instances"), 0);
    char zone[32], id[32];
    snprintf(zone, sizeof zone, "%s", doc_text(oldest, "AvailabilityZone"));
    snprintf(id, sizeof id, "%s", doc_text(oldest, "InstanceId"));
    cloud_ok(cloud, "autoscaling", "SuspendProcesses",
             "{'AutoScalingGroupName': 'g', 'ScalingProcesses': ['AZRebalance']}");
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'AvailabilityZones': ['%s'], 'DesiredCapacity': 3}",
             strcmp(zone, "us-east-1a") ? "us-east-1a" : "us-east-1b");
    cloud_run(cloud, MINUTE_MS);
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'AvailabilityZones': ['us-east-1a', 'us-east-1b'], "
             "'DesiredCapacity': 2}");
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "InstanceId", id), 1);
    assert_int_equal(count_members(cloud, "AvailabilityZone", "us-east-1a"), 1);
    assert_int_equal(count_members(cloud, "AvailabilityZone", "us-east-1b"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_instance_goes),
        TEST(the_newest_instance_goes),
        TEST(the_instance_closest_to_its_next_hour_goes),
        TEST(the_oldest_version_of_the_template_goes_and_the_next_policy_decides),
        TEST(by_default_the_template_comes_before_the_hour),
        TEST(what_says_nothing_here_leaves_it_to_the_next_policy),
        TEST(the_zone_with_the_most_comes_before_every_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
