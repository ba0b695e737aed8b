/* What groups launch from (launch configurations), and what sends them traffic. */
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "service/ec2/public_images.h"

#define IMAGE "'ImageId': 'AMI', 'InstanceType': 't3.micro'"
#define ZONE  "'AvailabilityZones': ['us-east-1a'], 'MinSize': 0, 'MaxSize': 2"

static int set_up(void **state)
{
    *state = fixture_create();
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* The members of a request with the id of a public image for "AMI". */
static const char *with_image(const char *members)
{
    static char text[1024];
    const char *at = strstr(members, "'AMI'");
    json_auto_t *image = public_image_at("us-east-1", 0);
    if (!at)
        return members;
    snprintf(text, sizeof text, "%.*s'%s'%s", (int)(at - members), members,
             json_string_value(json_object_get(image, "ImageId")), at + strlen("'AMI'"));
    return text;
}

static void call(struct service_fixture *fixture, const char *operation, const char *members)
{
    json_decref(fixture_ok(fixture, "autoscaling", operation, "{%s}", with_image(members)));
}

static void refused(struct service_fixture *fixture, const char *code, const char *operation,
                    const char *members, const char *message)
{
    fixture_fails(fixture, code, "autoscaling", operation, "{%s}", with_image(members));
    assert_string_equal(fixture->err.text, message);
}

static json_t *describe(struct service_fixture *fixture, const char *operation, const char *members)
{
    return fixture_ok(fixture, "autoscaling", operation, "{%s}", members);
}

static void configure(struct service_fixture *fixture, const char *name)
{
    char members[128];
    snprintf(members, sizeof members, "'LaunchConfigurationName': '%s', " IMAGE, name);
    call(fixture, "CreateLaunchConfiguration", members);
}

/* ---- launch configurations ---- */

static void a_launch_configuration_shows_awss_defaults(void **state)
{
    configure(*state, "old");
    json_auto_t *out = describe(*state, "DescribeLaunchConfigurations", "");
    const json_t *shown = fixture_at(out, "LaunchConfigurations.0");
    assert_string_equal(fixture_text(shown, "LaunchConfigurationName"), "old");
    assert_string_equal(fixture_text(shown, "InstanceMonitoring.Enabled"), "true");
    assert_string_equal(fixture_text(shown, "EbsOptimized"), "false");
    assert_string_equal(fixture_text(shown, "KeyName"), "");
    assert_non_null(
        strstr(fixture_text(shown, "LaunchConfigurationARN"), ":launchConfigurationName/old"));
    json_auto_t *none =
        describe(*state, "DescribeLaunchConfigurations", "'LaunchConfigurationNames': ['other']");
    assert_int_equal(json_array_size(fixture_at(none, "LaunchConfigurations")), 0);
    json_auto_t *limits = describe(*state, "DescribeAccountLimits", "");
    assert_string_equal(fixture_text(limits, "NumberOfLaunchConfigurations"), "1");
}

static void a_launch_configuration_that_cannot_work_is_refused(void **state)
{
    static const struct {
        const char *code, *members, *message;
    } cases[] = {
        {"ValidationError", "'InstanceType': 't3.micro'",
         "Valid requests must contain either the InstanceID parameter or both the ImageId and "
         "InstanceType parameters."},
        {"ValidationError", "'ImageId': 'AMI'",
         "Valid requests must contain either the InstanceID parameter or both the ImageId and "
         "InstanceType parameters."},
        {"ValidationError", "'ImageId': 'ami-01234567890123456', 'InstanceType': 't3.micro'",
         "AMI ami-01234567890123456 is invalid: The image id '[ami-01234567890123456]' does not "
         "exist"},
        {"ValidationError", "'ImageId': 'AMI', 'InstanceType': 't3.giant'",
         "Invalid instance type: 't3.giant'"},
        {"ValidationError", IMAGE ", 'KeyName': 'nobody'", "The key pair 'nobody' does not exist"},
        {"ValidationError", IMAGE ", 'UserData': '#!/bin/sh'",
         "Invalid BASE64 encoding of user data."},
        {"ValidationError", "'InstanceId': 'i-01234567890123456'",
         "Invalid Instance ID(s): [i-01234567890123456] specified"},
        {"UnsupportedOperation", IMAGE ", 'KernelId': 'aki-1'",
         "The parameter KernelId is not supported by Pileus yet."},
        {"UnsupportedOperation", IMAGE ", 'ClassicLinkVPCId': 'vpc-1'",
         "The value 'vpc-1' of the parameter ClassicLinkVPCId is not supported by Pileus yet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char members[256];
        snprintf(members, sizeof members, "'LaunchConfigurationName': 'new', %s", cases[i].members);
        refused(*state, cases[i].code, "CreateLaunchConfiguration", members, cases[i].message);
    }
    configure(*state, "old");
    refused(*state, "AlreadyExists", "CreateLaunchConfiguration",
            "'LaunchConfigurationName': 'old', " IMAGE,
            "Launch Configuration by this name already exists - A launch configuration already "
            "exists with the name old");
    refused(*state, "ValidationError", "DeleteLaunchConfiguration",
            "'LaunchConfigurationName': 'new'",
            "Launch configuration name not found - Launch configuration new not found");
}

static void a_launch_configuration_in_use_stays(void **state)
{
    configure(*state, "old");
    call(*state, "CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', " ZONE);
    refused(*state, "ResourceInUse", "DeleteLaunchConfiguration",
            "'LaunchConfigurationName': 'old'",
            "Cannot delete launch configuration old because it is attached to AutoScalingGroup g");
    configure(*state, "new");
    call(*state, "UpdateAutoScalingGroup",
         "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'new'");
    call(*state, "DeleteLaunchConfiguration", "'LaunchConfigurationName': 'old'");
}

static void a_group_launches_from_one_thing(void **state)
{
    static const char either[] =
        "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
        "MixedInstancesPolicy parameter.";
    json_decref(fixture_ok(*state, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {" IMAGE "}}"));
    configure(*state, "old");
    refused(*state, "ValidationError", "CreateAutoScalingGroup",
            "'AutoScalingGroupName': 'g', " ZONE, either);
    refused(*state, "ValidationError", "CreateAutoScalingGroup",
            "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', 'LaunchTemplate': "
            "{'LaunchTemplateName': 'web'}, " ZONE,
            either);
    refused(*state, "ValidationError", "CreateAutoScalingGroup",
            "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'new', " ZONE,
            "Launch configuration name not found - Launch configuration new not found");
    call(*state, "CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', " ZONE);
    call(*state, "UpdateAutoScalingGroup",
         "'AutoScalingGroupName': 'g', 'LaunchTemplate': {'LaunchTemplateName': 'web'}");
    json_auto_t *out = describe(*state, "DescribeAutoScalingGroups", "");
    assert_null(fixture_at(out, "AutoScalingGroups.0.LaunchConfigurationName"));
    assert_string_equal(fixture_text(out, "AutoScalingGroups.0.LaunchTemplate.LaunchTemplateName"),
                        "web");
}

static void an_instance_is_the_pattern_of_a_launch_configuration(void **state)
{
    char members[160];
    json_auto_t *run =
        fixture_ok(*state, "ec2", "RunInstances", "{%s}",
                   with_image(IMAGE ", 'MinCount': 1, 'MaxCount': 1, 'UserData': 'aGVsbG8='"));
    snprintf(members, sizeof members, "'AutoScalingGroupName': 'like', 'InstanceId': '%s', " ZONE,
             fixture_text(run, "Instances.0.InstanceId"));
    call(*state, "CreateAutoScalingGroup", members);
    snprintf(members, sizeof members,
             "'LaunchConfigurationName': 'more', 'InstanceType': 't3.small', 'InstanceId': '%s'",
             fixture_text(run, "Instances.0.InstanceId"));
    call(*state, "CreateLaunchConfiguration", members);
    json_auto_t *out = describe(*state, "DescribeLaunchConfigurations", "");
    const json_t *like = fixture_at(out, "LaunchConfigurations.0");
    const json_t *more = fixture_at(out, "LaunchConfigurations.1");
    assert_string_equal(fixture_text(like, "LaunchConfigurationName"), "like");
    assert_string_equal(fixture_text(like, "UserData"), "aGVsbG8=");
    assert_string_equal(fixture_text(like, "InstanceMonitoring.Enabled"), "false");
    assert_string_equal(fixture_text(like, "SecurityGroups.0"),
                        fixture_text(run, "Instances.0.SecurityGroups.0.GroupId"));
    assert_string_equal(fixture_text(more, "InstanceType"), "t3.small");
    assert_string_equal(fixture_text(more, "ImageId"), fixture_text(run, "Instances.0.ImageId"));
}

/* ---- traffic sources ---- */

/* A target group's ARN. */
static void make_target_group(struct service_fixture *fixture, const char *name, char arn[160])
{
    json_auto_t *vpcs = fixture_ok(fixture, "ec2", "DescribeVpcs", "{}");
    json_auto_t *out = fixture_ok(fixture, "elbv2", "CreateTargetGroup",
                                  "{'Name': '%s', 'Protocol': 'HTTP', 'Port': 80, 'VpcId': '%s'}",
                                  name, fixture_text(vpcs, "Vpcs.0.VpcId"));
    snprintf(arn, 160, "%s", fixture_text(out, "TargetGroups.0.TargetGroupArn"));
}

static void target_groups_are_traffic_sources(void **state)
{
    char one[160], other[160], members[400];
    configure(*state, "old");
    make_target_group(*state, "one", one);
    make_target_group(*state, "other", other);
    snprintf(members, sizeof members,
             "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', 'TrafficSources': "
             "[{'Identifier': '%s'}], " ZONE,
             one);
    call(*state, "CreateAutoScalingGroup", members);
    snprintf(members, sizeof members,
             "'AutoScalingGroupName': 'g', 'TrafficSources': [{'Identifier': '%s', 'Type': "
             "'elbv2'}]",
             other);
    call(*state, "AttachTrafficSources", members);
    json_auto_t *groups = describe(*state, "DescribeAutoScalingGroups", "");
    assert_string_equal(fixture_text(groups, "AutoScalingGroups.0.TargetGroupARNs.0"), one);
    assert_string_equal(fixture_text(groups, "AutoScalingGroups.0.TrafficSources.1.Identifier"),
                        other);
    json_auto_t *sources =
        describe(*state, "DescribeTrafficSources", "'AutoScalingGroupName': 'g'");
    assert_string_equal(fixture_text(sources, "TrafficSources.1.Type"), "elbv2");
    assert_string_equal(fixture_text(sources, "TrafficSources.1.State"), "Added");
    call(*state, "DetachTrafficSources", members);
    json_auto_t *left = describe(*state, "DescribeTrafficSources", "'AutoScalingGroupName': 'g'");
    assert_string_equal(fixture_text(left, "TrafficSources.1.State"), "Removing");
    json_auto_t *classic = describe(*state, "DescribeTrafficSources",
                                    "'AutoScalingGroupName': 'g', 'TrafficSourceType': 'elb'");
    assert_int_equal(json_array_size(fixture_at(classic, "TrafficSources")), 0);
}

static void there_are_no_classic_load_balancers(void **state)
{
    static const char unknown[] =
        "Provided Load Balancers may not be valid. Please ensure they exist and try again.";
    configure(*state, "old");
    refused(*state, "ValidationError", "CreateAutoScalingGroup",
            "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', 'LoadBalancerNames': "
            "['lb'], " ZONE,
            unknown);
    call(*state, "CreateAutoScalingGroup",
         "'AutoScalingGroupName': 'g', 'LaunchConfigurationName': 'old', " ZONE);
    refused(*state, "ValidationError", "AttachLoadBalancers",
            "'AutoScalingGroupName': 'g', 'LoadBalancerNames': ['lb']", unknown);
    refused(*state, "ValidationError", "AttachTrafficSources",
            "'AutoScalingGroupName': 'g', 'TrafficSources': [{'Identifier': 'lb', 'Type': 'elb'}]",
            unknown);
    refused(*state, "ValidationError", "DetachLoadBalancers",
            "'AutoScalingGroupName': 'g', 'LoadBalancerNames': ['lb']",
            "Trying to remove Load Balancers that are not part of the group");
    json_auto_t *out = describe(*state, "DescribeLoadBalancers", "'AutoScalingGroupName': 'g'");
    assert_int_equal(json_array_size(fixture_at(out, "LoadBalancers")), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_launch_configuration_shows_awss_defaults),
        TEST(a_launch_configuration_that_cannot_work_is_refused),
        TEST(a_launch_configuration_in_use_stays),
        TEST(a_group_launches_from_one_thing),
        TEST(an_instance_is_the_pattern_of_a_launch_configuration),
        TEST(target_groups_are_traffic_sources),
        TEST(there_are_no_classic_load_balancers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
