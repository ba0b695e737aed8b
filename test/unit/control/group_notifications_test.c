/* Whom groups tell of what they do. */
#include "group_stage.h"
#include "service/doc.h"
#include "topic_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    stage_set_up(state);
    topic_create(*state);
    return 0;
}

static void configure(struct simulated_cloud *cloud, const char *types)
{
    cloud_ok(cloud, "autoscaling", "PutNotificationConfiguration",
             "{'AutoScalingGroupName': 'g', 'TopicARN': '" TOPIC_ARN "', 'NotificationTypes': %s}",
             types);
}

static void a_group_tells_of_launches_and_terminations(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128], id[32];
    create_group(cloud, 0, 0, 4, "");
    configure(cloud, "['autoscaling:EC2_INSTANCE_LAUNCH', 'autoscaling:EC2_INSTANCE_TERMINATE']");
    json_auto_t *test = topic_newest(cloud, subject);
    assert_string_equal(subject, "Auto Scaling: test notification for group \"g\"");
    assert_string_equal(doc_text(test, "Event"), "autoscaling:TEST_NOTIFICATION");
    assert_string_equal(doc_text(test, "AutoScalingGroupARN"),
                        doc_text(group_of(cloud), "AutoScalingGroupARN"));
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    snprintf(id, sizeof id, "%s", instance_id(cloud, 0));
    json_auto_t *launch = topic_newest(cloud, subject);
    assert_string_equal(subject, "Auto Scaling: launch for group \"g\"");
    assert_string_equal(doc_text(launch, "Event"), "autoscaling:EC2_INSTANCE_LAUNCH");
    assert_string_equal(doc_text(launch, "EC2InstanceId"), id);
    assert_string_equal(doc_text(launch, "Service"), "AWS Auto Scaling");
    assert_string_equal(doc_text(launch, "RequestId"), doc_text(launch, "ActivityId"));
    assert_non_null(strstr(doc_text(launch, "Description"), id));
    assert_non_null(strstr(doc_text(launch, "Cause"), "an instance was started"));
    assert_true(json_object_size(json_object_get(launch, "Details")) > 0);
    set_desired(cloud, 0);
    cloud_run(cloud, 2 * MINUTE_MS);
    json_auto_t *end = topic_newest(cloud, subject);
    assert_string_equal(subject, "Auto Scaling: termination for group \"g\"");
    assert_string_equal(doc_text(end, "EC2InstanceId"), id);
    assert_int_equal(topic_count(cloud), 3);
}

static void only_what_was_asked_for_is_told(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    configure(cloud, "['autoscaling:EC2_INSTANCE_TERMINATE']");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(topic_count(cloud), 1);
    cloud_ok(cloud, "autoscaling", "DeleteNotificationConfiguration",
             "{'AutoScalingGroupName': 'g', 'TopicARN': '" TOPIC_ARN "'}");
    set_desired(cloud, 0);
    cloud_run(cloud, 2 * MINUTE_MS);
    assert_int_equal(topic_count(cloud), 1);
}

static void a_launch_that_fails_is_told_too(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128];
    create_group(cloud, 0, 0, 4, "");
    configure(cloud, "['autoscaling:EC2_INSTANCE_LAUNCH_ERROR']");
    cloud_ok(cloud, "ec2", "DeleteLaunchTemplate", "{'LaunchTemplateName': 'web'}");
    set_desired(cloud, 1);
    cloud_run(cloud, SECOND_MS);
    json_auto_t *failure = topic_newest(cloud, subject);
    assert_string_equal(doc_text(failure, "Event"), "autoscaling:EC2_INSTANCE_LAUNCH_ERROR");
    assert_string_equal(doc_text(failure, "StatusCode"), "Failed");
    assert_true(*doc_text(failure, "StatusMessage"));
}

static void configurations_are_shown_a_row_a_type_and_go_with_their_group(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    configure(cloud, "['autoscaling:TEST_NOTIFICATION']");
    configure(cloud, "['autoscaling:EC2_INSTANCE_LAUNCH', 'autoscaling:EC2_INSTANCE_TERMINATE']");
    json_auto_t *out = cloud_call(cloud, "autoscaling", "DescribeNotificationConfigurations",
                                  "{'AutoScalingGroupNames': ['g']}");
    const json_t *rows = json_object_get(out, "NotificationConfigurations");
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(doc_text(json_array_get(rows, 1), "NotificationType"),
                        "autoscaling:EC2_INSTANCE_TERMINATE");
    json_auto_t *types =
        cloud_call(cloud, "autoscaling", "DescribeAutoScalingNotificationTypes", "{}");
    assert_int_equal(json_array_size(json_object_get(types, "AutoScalingNotificationTypes")), 5);
    cloud_ok(cloud, "autoscaling", "DeleteAutoScalingGroup", "{'AutoScalingGroupName': 'g'}");
    json_auto_t *none =
        cloud_call(cloud, "autoscaling", "DescribeNotificationConfigurations", "{}");
    assert_int_equal(json_array_size(json_object_get(none, "NotificationConfigurations")), 0);
}

/* As on AWS: nobody waits for a topic. */
static void a_group_goes_on_without_its_topic(void **state)
{
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    configure(cloud, "['autoscaling:EC2_INSTANCE_LAUNCH']");
    cloud_ok(cloud, "sns", "DeleteTopic", "{'TopicArn': '" TOPIC_ARN "'}");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 1);
}

static void a_hook_tells_its_target_who_waits(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128], expected[128], id[32];
    create_group(cloud, 0, 0, 4,
                 ", 'LifecycleHookSpecificationList': [{'LifecycleHookName': 'h', "
                 "'LifecycleTransition': 'autoscaling:EC2_INSTANCE_LAUNCHING', "
                 "'NotificationMetadata': 'more', 'RoleARN': 'arn:aws:iam::000000000000:role/r', "
                 "'NotificationTargetARN': '" TOPIC_ARN "'}]");
    json_auto_t *test = topic_newest(cloud, subject);
    assert_string_equal(doc_text(test, "Event"), "autoscaling:TEST_NOTIFICATION");
    set_desired(cloud, 1);
    cloud_run(cloud, MINUTE_MS);
    snprintf(id, sizeof id, "%s", instance_id(cloud, 0));
    json_auto_t *waits = topic_newest(cloud, subject);
    snprintf(expected, sizeof expected,
             "Auto Scaling:  Lifecycle action 'LAUNCHING' for instance %s in progress.", id);
    assert_string_equal(subject, expected);
    assert_string_equal(doc_text(waits, "LifecycleHookName"), "h");
    assert_string_equal(doc_text(waits, "NotificationMetadata"), "more");
    assert_string_equal(doc_text(waits, "EC2InstanceId"), id);
    cloud_ok(cloud, "autoscaling", "CompleteLifecycleAction",
             "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'h', 'LifecycleActionToken': "
             "'%s', 'LifecycleActionResult': 'CONTINUE'}",
             doc_text(waits, "LifecycleActionToken"));
    cloud_run(cloud, MINUTE_MS);
    assert_int_equal(count_members(cloud, "LifecycleState", "InService"), 1);
}

#define PUT(topic, types)                                                                          \
    "PutNotificationConfiguration",                                                                \
        "{'AutoScalingGroupName': 'g', 'TopicARN': '" topic "', 'NotificationTypes': " types "}"
#define HOOK(target)                                                                               \
    "PutLifecycleHook",                                                                            \
        "{'AutoScalingGroupName': 'g', 'LifecycleHookName': 'h', 'LifecycleTransition': "          \
        "'autoscaling:EC2_INSTANCE_LAUNCHING', 'NotificationTargetARN': '" target "'}"
#define LAUNCH "['autoscaling:EC2_INSTANCE_LAUNCH']"

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        const char *operation, *in;
    } rows[] = {
        {PUT("arn:aws:sns:us-east-1:000000000000:nobody", LAUNCH)},
        {PUT("arn:aws:sns:eu-west-1:000000000000:t", LAUNCH)},
        {PUT("t", LAUNCH)},
        {PUT(TOPIC_ARN, "[]")},
        {PUT(TOPIC_ARN, "['autoscaling:EC2_INSTANCE_LUNCH']")},
        {"PutNotificationConfiguration",
         "{'AutoScalingGroupName': 'nobody', 'TopicARN': '" TOPIC_ARN
         "', 'NotificationTypes': " LAUNCH "}"},
        {"DeleteNotificationConfiguration",
         "{'AutoScalingGroupName': 'nobody', 'TopicARN': '" TOPIC_ARN "'}"},
        {HOOK("arn:aws:sns:us-east-1:000000000000:nobody")},
        {HOOK("arn:aws:sqs:us-east-1:000000000000:queue")},
        {HOOK("arn:aws:lambda:us-east-1:000000000000:function:f")},
    };
    struct simulated_cloud *cloud = *state;
    create_group(cloud, 0, 0, 4, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *out = cloud_call(cloud, "autoscaling", rows[i].operation, "%s", rows[i].in);
        if (out || strcmp(cloud->err.code, "ValidationError") != 0)
            fail_msg("%s %s: %s", rows[i].operation, rows[i].in,
                     out ? "accepted" : cloud->err.code);
    }
    assert_int_equal(topic_count(cloud), 0);
    assert_int_equal(store_count(cloud->store, "notification-configuration", cloud->region), 0);
    assert_int_equal(store_count(cloud->store, "lifecycle-hook", cloud->region), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_group_tells_of_launches_and_terminations),
        TEST(only_what_was_asked_for_is_told),
        TEST(a_launch_that_fails_is_told_too),
        TEST(configurations_are_shown_a_row_a_type_and_go_with_their_group),
        TEST(a_group_goes_on_without_its_topic),
        TEST(a_hook_tells_its_target_who_waits),
        TEST(what_makes_no_sense_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
