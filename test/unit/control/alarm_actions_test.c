/* What alarms do about their states, and composite alarms. */
#include "service/doc.h"
#include "simulated_cloud.h"
#include "topic_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

static int set_up(void **state)
{
    struct simulated_cloud *cloud = cloud_create(1);
    cloud_template(cloud);
    cloud_ok(cloud, "ec2", "RunInstances",
             "{'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'MinCount': 1, 'MaxCount': 1}");
    cloud_run(cloud, 30 * SECOND_MS);
    *state = cloud;
    return 0;
}

static int tear_down(void **state)
{
    cloud_destroy(*state);
    return 0;
}

/* An alarm on a metric without data, so that only SetAlarmState moves it. */
static void put_alarm(struct simulated_cloud *cloud, const char *name, const char *more)
{
    cloud_ok(cloud, "cloudwatch", "PutMetricAlarm",
             "{'AlarmName': '%s', 'Namespace': 'App', 'MetricName': 'None', 'Statistic': 'Sum', "
             "'Period': 60, 'EvaluationPeriods': 1, 'Threshold': 1.0, 'ComparisonOperator': "
             "'GreaterThanThreshold', 'TreatMissingData': 'ignore'%s}",
             name, more);
}

static void set_state(struct simulated_cloud *cloud, const char *name, const char *value)
{
    cloud_ok(cloud, "cloudwatch", "SetAlarmState",
             "{'AlarmName': '%s', 'StateValue': '%s', 'StateReason': 'test'}", name, value);
    cloud_run(cloud, SECOND_MS);
}

static const json_t *alarm(struct simulated_cloud *cloud, const char *name)
{
    return store_get(cloud->store, "alarm", cloud->region, name);
}

static const char *first_instance(struct simulated_cloud *cloud)
{
    return store_first(cloud->store, "instance", cloud->region).id;
}

static bool acted(struct simulated_cloud *cloud, const char *name)
{
    return doc_is(alarm(cloud, name), "_acted", doc_text(alarm(cloud, name), "StateValue"));
}

static void an_alarm_stops_its_instance(void **state)
{
    struct simulated_cloud *cloud = *state;
    char more[256];
    snprintf(more, sizeof more,
             ", 'AlarmActions': ['arn:aws:automate:us-east-1:ec2:stop'], 'Dimensions': [{'Name': "
             "'InstanceId', 'Value': '%s'}]",
             first_instance(cloud));
    put_alarm(cloud, "lazy", more);
    set_state(cloud, "lazy", "ALARM");
    const json_t *instance =
        store_get(cloud->store, "instance", cloud->region, first_instance(cloud));
    assert_string_equal(doc_text(instance, "_desired"), "stopped");
    bool told = false;
    store_each (cursor, cloud->store, "alarm-history", cloud->region)
        told |= doc_is(cursor.doc, "HistorySummary",
                       "Successfully executed action arn:aws:automate:us-east-1:ec2:stop");
    assert_true(told);
}

static void a_composite_alarm_follows_its_rule(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_alarm(cloud, "a", "");
    put_alarm(cloud, "b", "");
    cloud_ok(cloud, "cloudwatch", "PutCompositeAlarm",
             "{'AlarmName': 'both', 'AlarmRule': 'ALARM(a) AND ALARM(b)'}");
    cloud_ok(cloud, "cloudwatch", "PutCompositeAlarm",
             "{'AlarmName': 'above', 'AlarmRule': 'ALARM(both)'}");
    cloud_run(cloud, SECOND_MS);
    assert_string_equal(doc_text(alarm(cloud, "above"), "StateValue"), "OK");
    assert_non_null(strstr(doc_text(alarm(cloud, "above"), "StateReason"),
                           "alarm:above was created and its alarm rule evaluates to OK"));
    set_state(cloud, "a", "ALARM");
    assert_string_equal(doc_text(alarm(cloud, "both"), "StateValue"), "OK");
    set_state(cloud, "b", "ALARM");
    assert_string_equal(doc_text(alarm(cloud, "both"), "StateValue"), "ALARM");
    assert_non_null(strstr(doc_text(alarm(cloud, "both"), "StateReason"),
                           "alarm:b transitioned to ALARM at Friday 02 January, 2026 03:0"));
    assert_string_equal(doc_text(alarm(cloud, "above"), "StateValue"), "ALARM");
    set_state(cloud, "a", "OK");
    assert_string_equal(doc_text(alarm(cloud, "above"), "StateValue"), "OK");
}

static void put_suppressed(struct simulated_cloud *cloud)
{
    put_alarm(cloud, "child", "");
    put_alarm(cloud, "maintenance", "");
    cloud_ok(cloud, "cloudwatch", "PutCompositeAlarm",
             "{'AlarmName': 'c', 'AlarmRule': 'ALARM(child)', 'ActionsSuppressor': 'maintenance', "
             "'ActionsSuppressorWaitPeriod': 120, 'ActionsSuppressorExtensionPeriod': 60}");
    cloud_run(cloud, 3 * MINUTE_MS);
    assert_true(acted(cloud, "c"));
}

static void a_suppressor_keeps_actions_back_until_after_its_end(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_suppressed(cloud);
    set_state(cloud, "maintenance", "ALARM");
    set_state(cloud, "child", "ALARM");
    assert_string_equal(doc_text(alarm(cloud, "c"), "ActionsSuppressedBy"), "Alarm");
    set_state(cloud, "maintenance", "OK");
    assert_string_equal(doc_text(alarm(cloud, "c"), "ActionsSuppressedBy"), "ExtensionPeriod");
    cloud_run(cloud, 50 * SECOND_MS);
    assert_false(acted(cloud, "c"));
    cloud_run(cloud, 10 * SECOND_MS);
    assert_true(acted(cloud, "c"));
    assert_null(json_object_get(alarm(cloud, "c"), "ActionsSuppressedBy"));
}

static void actions_wait_whether_the_suppressor_goes_off_too(void **state)
{
    struct simulated_cloud *cloud = *state;
    put_suppressed(cloud);
    set_state(cloud, "child", "ALARM");
    assert_string_equal(doc_text(alarm(cloud, "c"), "ActionsSuppressedBy"), "WaitPeriod");
    cloud_run(cloud, 110 * SECOND_MS);
    assert_false(acted(cloud, "c"));
    cloud_run(cloud, 10 * SECOND_MS);
    assert_true(acted(cloud, "c"));
    assert_string_equal(doc_text(alarm(cloud, "c"), "_acted"), "ALARM");
}

static void an_alarm_tells_a_topic_once(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128];
    topic_create(cloud);
    put_alarm(cloud, "a",
              ", 'AlarmDescription': 'Why', 'AlarmActions': ['" TOPIC_ARN "'], 'Dimensions': "
              "[{'Name': 'Host', 'Value': 'h'}]");
    set_state(cloud, "a", "ALARM");
    cloud_run(cloud, 5 * MINUTE_MS);
    assert_int_equal(topic_count(cloud), 1);
    json_auto_t *message = topic_newest(cloud, subject);
    const json_t *trigger = json_object_get(message, "Trigger");
    const json_t *dimension = json_array_get(json_object_get(trigger, "Dimensions"), 0);
    assert_string_equal(subject, "ALARM: \"a\" in US East (N. Virginia)");
    assert_string_equal(doc_text(message, "AlarmName"), "a");
    assert_string_equal(doc_text(message, "AlarmDescription"), "Why");
    assert_string_equal(doc_text(message, "AWSAccountId"), "000000000000");
    assert_string_equal(doc_text(message, "NewStateValue"), "ALARM");
    assert_string_equal(doc_text(message, "OldStateValue"), "INSUFFICIENT_DATA");
    assert_string_equal(doc_text(message, "NewStateReason"), "test");
    assert_string_equal(doc_text(message, "Region"), "US East (N. Virginia)");
    assert_non_null(strstr(doc_text(message, "StateChangeTime"), "2026-01-02T03:0"));
    assert_non_null(strstr(doc_text(message, "StateChangeTime"), "+0000"));
    assert_string_equal(doc_text(trigger, "Statistic"), "SUM");
    assert_string_equal(doc_text(trigger, "StatisticType"), "Statistic");
    assert_true(json_is_null(json_object_get(trigger, "Unit")));
    assert_int_equal(doc_number(trigger, "Period"), 60);
    assert_string_equal(doc_text(trigger, "TreatMissingData"), "ignore");
    assert_string_equal(doc_text(dimension, "name"), "Host");
    assert_string_equal(doc_text(dimension, "value"), "h");
}

static void each_state_has_topics_of_its_own(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128];
    topic_create(cloud);
    put_alarm(cloud, "a",
              ", 'OKActions': ['" TOPIC_ARN "'], 'InsufficientDataActions': ['" TOPIC_ARN "']");
    set_state(cloud, "a", "ALARM");
    assert_int_equal(topic_count(cloud), 0);
    set_state(cloud, "a", "OK");
    json_auto_t *fine = topic_newest(cloud, subject);
    assert_string_equal(doc_text(fine, "OldStateValue"), "ALARM");
    set_state(cloud, "a", "INSUFFICIENT_DATA");
    json_auto_t *unknown = topic_newest(cloud, subject);
    assert_string_equal(subject, "INSUFFICIENT_DATA: \"a\" in US East (N. Virginia)");
    assert_string_equal(doc_text(unknown, "OldStateValue"), "OK");
    assert_int_equal(topic_count(cloud), 2);
}

static void a_composite_alarm_tells_which_alarms_made_it(void **state)
{
    struct simulated_cloud *cloud = *state;
    char subject[128];
    topic_create(cloud);
    put_alarm(cloud, "a", "");
    cloud_ok(cloud, "cloudwatch", "PutCompositeAlarm",
             "{'AlarmName': 'c', 'AlarmRule': 'ALARM(a)', 'AlarmActions': ['" TOPIC_ARN "']}");
    set_state(cloud, "a", "ALARM");
    json_auto_t *message = topic_newest(cloud, subject);
    const json_t *child = json_array_get(json_object_get(message, "TriggeringChildren"), 0);
    assert_string_equal(doc_text(message, "AlarmRule"), "ALARM(a)");
    assert_null(json_object_get(message, "Trigger"));
    assert_string_equal(doc_text(child, "Arn"),
                        "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a");
    assert_string_equal(doc_text(json_object_get(child, "State"), "Value"), "ALARM");
}

static void history_tells_what_became_of_a_message(void **state)
{
    struct simulated_cloud *cloud = *state;
    bool failed = false;
    put_alarm(cloud, "a", ", 'AlarmActions': ['" TOPIC_ARN "']");
    set_state(cloud, "a", "ALARM");
    store_each (cursor, cloud->store, "alarm-history", cloud->region)
        failed |= doc_is(cursor.doc, "HistorySummary", "Failed to execute action " TOPIC_ARN);
    assert_true(failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_alarm_stops_its_instance),
        TEST(a_composite_alarm_follows_its_rule),
        TEST(a_suppressor_keeps_actions_back_until_after_its_end),
        TEST(actions_wait_whether_the_suppressor_goes_off_too),
        TEST(an_alarm_tells_a_topic_once),
        TEST(each_state_has_topics_of_its_own),
        TEST(a_composite_alarm_tells_which_alarms_made_it),
        TEST(history_tells_what_became_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
