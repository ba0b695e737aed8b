/* Groups that launch from launch configurations, and how target groups leave them. */
#include "group_stage.h"

#include "service/doc.h"
#include "service/ec2/public_images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void configure(struct simulated_cloud *cloud, const char *name, const char *more)
{
    json_auto_t *image = public_image_at(cloud->region, 0);
    cloud_ok(cloud, "autoscaling", "CreateLaunchConfiguration",
             "{'LaunchConfigurationName': '%s', 'ImageId': '%s', 'InstanceType': 't3.micro'%s}",
             name, doc_text(image, "ImageId"), more);
}

static void create(struct simulated_cloud *cloud, int size)
{
    cloud_ok(cloud, "autoscaling", "CreateAutoScalingGroup",
             "{'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', 'MinSize': 0, "
             "'AvailabilityZones': ['us-east-1a', 'us-east-1b'], 'MaxSize': 8, 'DesiredCapacity': "
             "%d}",
             size);
    cloud_run(cloud, MINUTE_MS);
}

static void relaunch_from(struct simulated_cloud *cloud, const char *source)
{
    cloud_ok(cloud, "autoscaling", "UpdateAutoScalingGroup", "{'AutoScalingGroupName': 'g', %s}",
             source);
}

static void instances_are_as_the_launch_configuration_says(void **state)
{
    struct simulated_cloud *cloud = *state;
    configure(cloud, "old", ", 'UserData': 'aGVsbG8=', 'AssociatePublicIpAddress': false");
    create(cloud, 2);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "old"), 2);
    assert_int_equal(count_members(cloud, "AvailabilityZone", "us-east-1b"), 1);
    const json_t *instance =
        store_get(cloud->store, "instance", cloud->region, instance_id(cloud, 0));
    assert_true(doc_is(instance, "_user_data", "aGVsbG8="));
    assert_true(doc_is(json_object_get(instance, "Monitoring"), "State", "enabled"));
    assert_null(json_object_get(instance, "PublicIpAddress"));
}

/* Zone by zone: an old launch configuration, then a new one, then a launch template. */
static void launch_configurations_go_before_launch_templates(void **state)
{
    struct simulated_cloud *cloud = *state;
    configure(cloud, "old", "");
    create(cloud, 2);
    configure(cloud, "new", "");
    relaunch_from(cloud, "'LaunchConfigurationName': 'new', 'DesiredCapacity': 4");
    cloud_run(cloud, MINUTE_MS);
    relaunch_from(cloud, "'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'DesiredCapacity': 6");
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "old"), 2);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "new"), 2);
    set_desired(cloud, 4);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "old"), 0);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "new"), 2);
    set_desired(cloud, 2);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "new"), 0);
}

static void a_refresh_leaves_what_has_the_groups_launch_configuration(void **state)
{
    struct simulated_cloud *cloud = *state;
    configure(cloud, "old", "");
    create(cloud, 2);
    configure(cloud, "new", "");
    relaunch_from(cloud, "'LaunchConfigurationName': 'new', 'DesiredCapacity': 4");
    cloud_run(cloud, MINUTE_MS);
    cloud_ok(cloud, "autoscaling", "StartInstanceRefresh",
             "{'AutoScalingGroupName': 'g', 'Preferences': {'SkipMatching': true, "
             "'InstanceWarmup': 0}}");
    char kept[64] = "";
    for (size_t i = 0; i < 4 && !*kept; i++)
        if (doc_is(json_array_get(json_object_get(group_of(cloud), "Instances"), i),
                   "LaunchConfigurationName", "new"))
            snprintf(kept, sizeof kept, "%s", instance_id(cloud, i));
    cloud_run(cloud, 30 * MINUTE_MS);
    assert_int_equal(count_members(cloud, "LaunchConfigurationName", "new"), 4);
    assert_int_equal(count_members(cloud, "InstanceId", kept), 1);
}

static const char *source_state(struct simulated_cloud *cloud)
{
    static char text[32];
    json_auto_t *out =
        cloud_call(cloud, "autoscaling", "DescribeTrafficSources", "{'AutoScalingGroupName': 'g'}");
    snprintf(text, sizeof text, "%s",
             doc_text(json_array_get(json_object_get(out, "TrafficSources"), 0), "State"));
    return text;
}

static void a_target_group_is_shown_until_the_last_instance_has_left_it(void **state)
{
    struct simulated_cloud *cloud = *state;
    char arn[256];
    create_group(cloud, 2, 2, 2, "");
    attach_balancer(cloud, arn);
    assert_string_equal(source_state(cloud), "InService");
    cloud_ok(cloud, "autoscaling", "DetachTrafficSources",
             "{'AutoScalingGroupName': 'g', 'TrafficSources': [{'Identifier': '%s'}]}", arn);
    cloud_run(cloud, MINUTE_MS);
    assert_string_equal(source_state(cloud), "Removing");
    cloud_run(cloud, 10 * MINUTE_MS);
    assert_string_equal(source_state(cloud), "");
    assert_int_equal(count_targets(cloud, arn), 0);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(instances_are_as_the_launch_configuration_says),
        TEST(launch_configurations_go_before_launch_templates),
        TEST(a_refresh_leaves_what_has_the_groups_launch_configuration),
        TEST(a_target_group_is_shown_until_the_last_instance_has_left_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
