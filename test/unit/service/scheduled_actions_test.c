/* Operations on scheduled actions: what is refused, what is shown, what an update leaves. */
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 2026-01-02T03:04:05Z, and times that follow */
enum { NOW = 1767323045, HOUR = 3600, DAY = 86400 };

static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': "
                           "'ami-0c02fb55956c7d316', 'InstanceType': 't3.micro'}}"));
    for (const char *const *name = (const char *const[]){"g", "h", NULL}; *name; name++)
        json_decref(fixture_ok(
            fixture, "autoscaling", "CreateAutoScalingGroup",
            "{'AutoScalingGroupName': '%s', 'LaunchTemplate': {'LaunchTemplateName': 'web'}, "
            "'AvailabilityZones': ['us-east-1a'], 'MinSize': 0, 'MaxSize': 3}",
            *name));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void put(struct service_fixture *fixture, const char *name, const char *members)
{
    json_decref(fixture_ok(fixture, "autoscaling", "PutScheduledUpdateGroupAction",
                           "{'AutoScalingGroupName': 'g', 'ScheduledActionName': '%s', %s}", name,
                           members));
}

static json_t *describe(struct service_fixture *fixture, const char *members)
{
    return fixture_ok(fixture, "autoscaling", "DescribeScheduledActions", "{%s}", members);
}

static size_t count(struct service_fixture *fixture, const char *members)
{
    json_auto_t *out = describe(fixture, members);
    return json_array_size(fixture_at(out, "ScheduledUpdateGroupActions"));
}

static void what_makes_no_sense_is_refused_in_the_words_of_aws(void **state)
{
    static const struct {
        const char *members, *text;
    } rows[] = {
        {"'Recurrence': '0 9 * * *'",
         "At least one of max size, min size, or desired capacity must be specified"},
        {"'MinSize': 1",
         "Scheduled start time must be specified for non-recurrent future group action"},
        {"'MinSize': 1, 'EndTime': 1767409445",
         "Scheduled start time must be specified for non-recurrent future group action"},
        {"'MinSize': -1, 'Recurrence': '0 9 * * *'", "Min size must be non-negative"},
        {"'MaxSize': -1, 'Recurrence': '0 9 * * *'", "Max size must be non-negative"},
        {"'DesiredCapacity': -1, 'Recurrence': '0 9 * * *'",
         "Desired capacity must be non-negative"},
        {"'MinSize': 3, 'MaxSize': 2, 'Recurrence': '0 9 * * *'",
         "Min size must be less than or equal to max size"},
        {"'MinSize': 3, 'DesiredCapacity': 2, 'Recurrence': '0 9 * * *'",
         "Desired capacity must be greater than or equal to min size"},
        {"'MaxSize': 1, 'DesiredCapacity': 2, 'Recurrence': '0 9 * * *'",
         "Desired capacity must be less than or equal to max size"},
        {"'MinSize': 1, 'StartTime': 1767323044", "Given start time is in the past"},
        {"'MinSize': 1, 'StartTime': 1767323046, 'EndTime': 1767323044",
         "Given end time is in the past"},
        {"'MinSize': 1, 'StartTime': 1767329999, 'EndTime': 1767329999",
         "Given end time must be after start time"},
        {"'MinSize': 1, 'Recurrence': '0 6 * * 1 - 5'",
         "Given recurrence string: 0 6 * * 1 - 5 is invalid"},
        {"'MinSize': 1, 'Recurrence': '0 9 * * *', 'TimeZone': 'Europe/Atlantis'",
         "Time zone specified does not conform to standardized time zones found in IANA Time Zone "
         "Database"},
        {"'MinSize': 1, 'Recurrence': '0 9 * * *', 'TimeZone': '../zoneinfo/UTC'",
         "Time zone specified does not conform to standardized time zones found in IANA Time Zone "
         "Database"},
        {"'MinSize': 1, 'StartTime': 1767329999, 'TimeZone': 'Europe/Berlin'",
         "A time zone can only be specified for a recurring schedule"},
    };
    struct service_fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fixture_fails(fixture, "ValidationError", "autoscaling", "PutScheduledUpdateGroupAction",
                      "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'a', %s}",
                      rows[i].members);
        assert_string_equal(fixture->err.text, rows[i].text);
    }
    assert_int_equal(count(fixture, ""), 0);
    fixture_fails(fixture, "ValidationError", "autoscaling", "PutScheduledUpdateGroupAction",
                  "{'AutoScalingGroupName': 'x', 'ScheduledActionName': 'a', 'MinSize': 1, "
                  "'Recurrence': '0 9 * * *'}");
}

static void a_recurring_action_shows_when_it_comes_next(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "morning",
        "'Recurrence': '0 9 * * *', 'TimeZone': 'Asia/Kolkata', 'MinSize': 1, 'MaxSize': 2");
    json_auto_t *out = describe(fixture, "");
    const json_t *action = fixture_at(out, "ScheduledUpdateGroupActions.0");
    assert_string_equal(fixture_text(action, "StartTime"), "1767324600"); /* 03:30 UTC */
    assert_string_equal(fixture_text(action, "Time"), "1767324600");
    assert_string_equal(fixture_text(action, "TimeZone"), "Asia/Kolkata");
    assert_string_equal(fixture_text(action, "MaxSize"), "2");
    assert_null(fixture_at(action, "DesiredCapacity"));
    const char *arn = fixture_text(action, "ScheduledActionARN");
    assert_non_null(strstr(arn, "arn:aws:autoscaling:us-east-1:000000000000:"
                                "scheduledUpdateGroupAction:"));
    assert_non_null(strstr(arn, ":autoScalingGroupName/g:scheduledActionName/morning"));
}

static void an_update_leaves_what_it_does_not_name(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "a", "'Recurrence': '0 9 * * *', 'MinSize': 1, 'MaxSize': 2");
    put(fixture, "a", "'MaxSize': 3");
    put(fixture, "a", "'TimeZone': 'Etc/GMT-1'");
    json_auto_t *out = describe(fixture, "'ScheduledActionNames': ['a', 'nobody']");
    const json_t *action = fixture_at(out, "ScheduledUpdateGroupActions.0");
    assert_string_equal(fixture_text(action, "MinSize"), "1");
    assert_string_equal(fixture_text(action, "MaxSize"), "3");
    assert_string_equal(fixture_text(action, "Recurrence"), "0 9 * * *");
    assert_string_equal(fixture_text(action, "StartTime"), "1767340800"); /* 08:00 UTC */
    fixture_fails(fixture, "ValidationError", "autoscaling", "PutScheduledUpdateGroupAction",
                  "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'a', 'MinSize': 4}");
}

static void no_two_actions_of_a_group_are_due_at_once(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "a", "'StartTime': 1767330000, 'MinSize': 1");
    put(fixture, "a", "'StartTime': 1767330000, 'MinSize': 2");
    fixture_fails(fixture, "AlreadyExists", "autoscaling", "PutScheduledUpdateGroupAction",
                  "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'b', 'MinSize': 1, "
                  "'StartTime': 1767330000}");
    assert_string_equal(fixture->err.text,
                        "Scheduled action with this scheduled start time already exists");
    json_decref(fixture_ok(fixture, "autoscaling", "PutScheduledUpdateGroupAction",
                           "{'AutoScalingGroupName': 'h', 'ScheduledActionName': 'a', 'MinSize': "
                           "1, 'StartTime': 1767330000}"));
}

static void a_group_has_at_most_125(void **state)
{
    struct service_fixture *fixture = *state;
    for (int i = 0; i < 125; i++) {
        char name[16], members[64];
        snprintf(name, sizeof name, "a%d", i);
        snprintf(members, sizeof members, "'StartTime': %d, 'MinSize': 1", NOW + HOUR + i);
        put(fixture, name, members);
    }
    fixture_fails(fixture, "LimitExceeded", "autoscaling", "PutScheduledUpdateGroupAction",
                  "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'b', 'MinSize': 1, "
                  "'StartTime': %d}",
                  NOW + DAY);
    put(fixture, "a7", "'MinSize': 2");
    assert_int_equal(count(fixture, "'MaxRecords': 100"), 100);
    assert_int_equal(count(fixture, ""), 50);
}

static void batches_do_what_can_be_done(void **state)
{
    struct service_fixture *fixture = *state;
    json_auto_t *out = fixture_ok(fixture, "autoscaling", "BatchPutScheduledUpdateGroupAction",
                                  "{'AutoScalingGroupName': 'g', 'ScheduledUpdateGroupActions': ["
                                  "{'ScheduledActionName': 'a', 'StartTime': %d, 'MinSize': 1}, "
                                  "{'ScheduledActionName': 'b', 'StartTime': %d, 'MinSize': 1}, "
                                  "{'ScheduledActionName': 'c', 'Recurrence': 'x', 'MinSize': 1}]}",
                                  NOW + HOUR, NOW + HOUR);
    const json_t *failed = fixture_at(out, "FailedScheduledUpdateGroupActions");
    assert_int_equal(json_array_size(failed), 2);
    assert_string_equal(fixture_text(failed, "0.ScheduledActionName"), "b");
    assert_string_equal(fixture_text(failed, "0.ErrorCode"), "AlreadyExists");
    assert_string_equal(fixture_text(failed, "1.ErrorCode"), "ValidationError");
    assert_string_equal(fixture_text(failed, "1.ErrorMessage"),
                        "Given recurrence string: x is invalid");
    assert_int_equal(count(fixture, ""), 1);
    json_auto_t *deleted =
        fixture_ok(fixture, "autoscaling", "BatchDeleteScheduledAction",
                   "{'AutoScalingGroupName': 'g', 'ScheduledActionNames': ['b', 'a']}");
    failed = fixture_at(deleted, "FailedScheduledActions");
    assert_int_equal(json_array_size(failed), 1);
    assert_string_equal(fixture_text(failed, "0.ScheduledActionName"), "b");
    assert_int_equal(count(fixture, ""), 0);
    fixture_fails(fixture, "ValidationError", "autoscaling", "BatchDeleteScheduledAction",
                  "{'AutoScalingGroupName': 'x', 'ScheduledActionNames': ['a']}");
}

static void they_are_found_by_group_name_and_time(void **state)
{
    struct service_fixture *fixture = *state;
    put(fixture, "a", "'StartTime': 1767330000, 'MinSize': 1");
    put(fixture, "b", "'StartTime': 1767340000, 'MinSize': 1");
    assert_int_equal(count(fixture, "'AutoScalingGroupName': 'h'"), 0);
    assert_int_equal(count(fixture, "'AutoScalingGroupName': 'g', 'StartTime': 1767330001"), 1);
    assert_int_equal(count(fixture, "'StartTime': 1767330000, 'EndTime': 1767339999"), 1);
    assert_int_equal(count(fixture, "'EndTime': 1, 'ScheduledActionNames': ['b']"), 1);
    fixture_fails(fixture, "ValidationError", "autoscaling", "DescribeScheduledActions",
                  "{'AutoScalingGroupName': 'x'}");
    fixture_fails(fixture, "ValidationError", "autoscaling", "DeleteScheduledAction",
                  "{'AutoScalingGroupName': 'h', 'ScheduledActionName': 'a'}");
    json_decref(fixture_ok(fixture, "autoscaling", "DeleteScheduledAction",
                           "{'AutoScalingGroupName': 'g', 'ScheduledActionName': 'a'}"));
    assert_int_equal(count(fixture, ""), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_makes_no_sense_is_refused_in_the_words_of_aws),
        TEST(a_recurring_action_shows_when_it_comes_next),
        TEST(an_update_leaves_what_it_does_not_name),
        TEST(no_two_actions_of_a_group_are_due_at_once),
        TEST(a_group_has_at_most_125),
        TEST(batches_do_what_can_be_done),
        TEST(they_are_found_by_group_name_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
