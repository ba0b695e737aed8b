#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': "
                           "'ami-0c02fb55956c7d316', 'InstanceType': 't3.micro'}}"));
    json_decref(fixture_ok(fixture, "autoscaling", "CreateAutoScalingGroup",
                           "{'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': "
                           "'web'}, 'AvailabilityZones': ['us-east-1a'], 'MinSize': 1, 'MaxSize': "
                           "5}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void put(struct service_fixture *fixture, const char *more)
{
    json_decref(
        fixture_ok(fixture, "autoscaling", "PutWarmPool", "{'AutoScalingGroupName': 'g'%s}", more));
}

static json_t *describe(struct service_fixture *fixture)
{
    return fixture_ok(fixture, "autoscaling", "DescribeWarmPool", "{'AutoScalingGroupName': 'g'}");
}

static void a_pool_has_awss_defaults(void **state)
{
    put(*state, "");
    json_auto_t *out = describe(*state);
    assert_string_equal(fixture_text(out, "WarmPoolConfiguration.MinSize"), "0");
    assert_string_equal(fixture_text(out, "WarmPoolConfiguration.PoolState"), "Stopped");
    assert_false(
        json_is_true(fixture_at(out, "WarmPoolConfiguration.InstanceReusePolicy.ReuseOnScaleIn")));
    assert_null(fixture_at(out, "WarmPoolConfiguration.MaxGroupPreparedCapacity"));
    assert_int_equal(json_array_size(fixture_at(out, "Instances")), 0);
    json_auto_t *groups = fixture_ok(*state, "autoscaling", "DescribeAutoScalingGroups", "{}");
    assert_string_equal(fixture_text(groups, "AutoScalingGroups.0.WarmPoolSize"), "0");
    assert_string_equal(fixture_text(groups, "AutoScalingGroups.0.WarmPoolConfiguration.PoolState"),
                        "Stopped");
}

static void the_prepared_capacity_stays_until_it_is_cleared(void **state)
{
    put(*state, ", 'MaxGroupPreparedCapacity': 3, 'MinSize': 2");
    put(*state, ", 'PoolState': 'Running'");
    json_auto_t *kept = describe(*state);
    assert_string_equal(fixture_text(kept, "WarmPoolConfiguration.MaxGroupPreparedCapacity"), "3");
    assert_string_equal(fixture_text(kept, "WarmPoolConfiguration.MinSize"), "0");
    assert_string_equal(fixture_text(kept, "WarmPoolConfiguration.PoolState"), "Running");
    put(*state, ", 'MaxGroupPreparedCapacity': -1");
    json_auto_t *cleared = describe(*state);
    assert_null(fixture_at(cleared, "WarmPoolConfiguration.MaxGroupPreparedCapacity"));
}

static void bad_pools_are_refused_and_change_nothing(void **state)
{
    static const char *const bad[] = {
        "'MinSize': -1",
        "'MinSize': 10001",
        "'MaxGroupPreparedCapacity': -2",
        "'MaxGroupPreparedCapacity': 10001",
        "'PoolState': 'Hibernated'",
        "'PoolState': 'Warm'",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(*state, "ValidationError", "autoscaling", "PutWarmPool",
                      "{'AutoScalingGroupName': 'g', %s}", bad[i]);
    static const char *const operations[] = {"PutWarmPool", "DescribeWarmPool", "DeleteWarmPool"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        fixture_fails(*state, "ValidationError", "autoscaling", operations[i],
                      "{'AutoScalingGroupName': 'nobody'}");
    json_auto_t *out = describe(*state);
    assert_null(fixture_at(out, "WarmPoolConfiguration"));
}

static void an_empty_pool_is_deleted_at_once(void **state)
{
    fixture_fails(*state, "ValidationError", "autoscaling", "DeleteWarmPool",
                  "{'AutoScalingGroupName': 'g'}");
    put(*state, "");
    json_decref(
        fixture_ok(*state, "autoscaling", "DeleteWarmPool", "{'AutoScalingGroupName': 'g'}"));
    json_auto_t *out = describe(*state);
    assert_null(fixture_at(out, "WarmPoolConfiguration"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pool_has_awss_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_prepared_capacity_stays_until_it_is_cleared, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(bad_pools_are_refused_and_change_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_pool_is_deleted_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
