#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char group[32]; /* made for each test, in the default VPC */

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    json_auto_t *out = fixture_ok(f, "ec2", "CreateSecurityGroup",
                                  "{'GroupName': 'web', 'Description': 'web servers'}");
    snprintf(group, sizeof group, "%s", fixture_text(out, "GroupId"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static json_t *show(void)
{
    return fixture_ok(f, "ec2", "DescribeSecurityGroups", "{'GroupIds': ['%s']}", group);
}

static void rules_of_one_kind_of_traffic_are_one_permission(void **state)
{
    (void)state;
    json_auto_t *made = fixture_ok(
        f, "ec2", "AuthorizeSecurityGroupIngress",
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '6', 'FromPort': 80, 'ToPort': 80,"
        " 'IpRanges': [{'CidrIp': '10.9.8.7/8', 'Description': 'inside'}],"
        " 'Ipv6Ranges': [{'CidrIpv6': '2001:DB8::1/32'}]}]}",
        group);
    assert_int_equal(json_array_size(fixture_at(made, "SecurityGroupRules")), 2);
    assert_memory_equal(fixture_text(made, "SecurityGroupRules.0.SecurityGroupRuleId"), "sgr-0", 5);
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupName': 'web', 'IpProtocol': 'tcp', 'FromPort': 80,"
                           " 'ToPort': 80, 'SourceSecurityGroupName': 'default'}"));
    json_auto_t *shown = show();
    assert_int_equal(json_array_size(fixture_at(shown, "SecurityGroups.0.IpPermissions")), 1);
#define PERMISSION "SecurityGroups.0.IpPermissions.0."
    assert_string_equal(fixture_text(shown, PERMISSION "IpProtocol"), "tcp");
    assert_string_equal(fixture_text(shown, PERMISSION "IpRanges.0.CidrIp"), "10.0.0.0/8");
    assert_string_equal(fixture_text(shown, PERMISSION "IpRanges.0.Description"), "inside");
    assert_string_equal(fixture_text(shown, PERMISSION "Ipv6Ranges.0.CidrIpv6"), "2001:db8::/32");
    assert_non_null(fixture_at(shown, PERMISSION "UserIdGroupPairs.0.GroupId"));
#undef PERMISSION
}

static void a_rule_exists_once(void **state)
{
    (void)state;
    const char *rule = "{'GroupId': '%s', 'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 22,"
                       " 'CidrIp': '%s'}";
    char first[160], same[160];
    snprintf(first, sizeof first, rule, group, "10.1.0.0/16");
    snprintf(same, sizeof same, rule, group, "10.1.2.3/16");
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress", "%s", first));
    fixture_fails(f, "InvalidPermission.Duplicate", "ec2", "AuthorizeSecurityGroupIngress", "%s",
                  same);
    assert_string_equal(f->err.text, "the specified rule \"peer: 10.1.0.0/16, TCP, from port: 22, "
                                     "to port: 22, ALLOW\" already exists");
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupEgress", "%s", first));
    fixture_fails(f, "InvalidParameterValue", "ec2", "AuthorizeSecurityGroupIngress",
                  "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '-1',"
                  " 'IpRanges': [{'CidrIp': '1.0.0.0/8'}, {'CidrIp': '1.2.0.0/8'}]}]}",
                  group);
}

static void rules_are_revoked_by_content_and_by_id(void **state)
{
    (void)state;
    json_auto_t *made = fixture_ok(
        f, "ec2", "AuthorizeSecurityGroupIngress",
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'udp', 'FromPort': 1, 'ToPort': 2,"
        " 'IpRanges': [{'CidrIp': '1.0.0.0/8', 'Description': 'd'}, {'CidrIp': '2.0.0.0/8'}]}]}",
        group);
    json_auto_t *revoked =
        fixture_ok(f, "ec2", "RevokeSecurityGroupIngress",
                   "{'GroupId': '%s', 'IpProtocol': 'udp', 'FromPort': 1, 'ToPort': 2,"
                   " 'CidrIp': '1.0.0.0/8'}",
                   group);
    assert_string_equal(fixture_text(revoked, "RevokedSecurityGroupRules.0.CidrIpv4"), "1.0.0.0/8");
    const char *id = fixture_text(made, "SecurityGroupRules.1.SecurityGroupRuleId");
    fixture_fails(f, "InvalidSecurityGroupRuleId.NotFound", "ec2", "RevokeSecurityGroupEgress",
                  "{'GroupId': '%s', 'SecurityGroupRuleIds': ['%s']}", group, id);
    json_decref(fixture_ok(f, "ec2", "RevokeSecurityGroupIngress",
                           "{'GroupId': '%s', 'SecurityGroupRuleIds': ['%s']}", group, id));
    fixture_fails(f, "InvalidPermission.NotFound", "ec2", "RevokeSecurityGroupIngress",
                  "{'GroupId': '%s', 'IpProtocol': 'udp', 'FromPort': 1, 'ToPort': 2,"
                  " 'CidrIp': '2.0.0.0/8'}",
                  group);
    json_auto_t *shown = show();
    assert_int_equal(json_array_size(fixture_at(shown, "SecurityGroups.0.IpPermissions")), 0);
}

static void permissions_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *code, *permission;
    } cases[] = {
        {"InvalidParameterValue", "'IpProtocol': 'tcp', 'CidrIp': '0.0.0.0/0'"},
        {"InvalidParameterValue",
         "'IpProtocol': 'tcp', 'FromPort': 90, 'ToPort': 80, 'CidrIp': '0.0.0.0/0'"},
        {"InvalidParameterValue",
         "'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 65536, 'CidrIp': '0.0.0.0/0'"},
        {"InvalidParameterValue", "'IpProtocol': 'carrier', 'CidrIp': '0.0.0.0/0'"},
        {"InvalidParameterValue",
         "'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 80, 'CidrIp': '0.0.0.0/33'"},
        {"MissingParameter", "'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 80"},
        {"MissingParameter", "'CidrIp': '0.0.0.0/0'"},
        {"MissingParameter", "'IpPermissions': []"},
        {"InvalidGroup.NotFound", "'IpPermissions': [{'IpProtocol': '-1',"
                                  " 'UserIdGroupPairs': [{'GroupId': 'sg-00000000000000000'}]}]"},
        {"InvalidPrefixListId.Malformed",
         "'IpPermissions': [{'IpProtocol': '-1', 'PrefixListIds': [{'PrefixListId': 'pl-1'}]}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fixture_fails(f, cases[i].code, "ec2", "AuthorizeSecurityGroupIngress",
                      "{'GroupId': '%s', %s}", group, cases[i].permission);
}

static void a_group_has_at_most_60_rules_a_direction(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++)
        json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                               "{'GroupId': '%s', 'IpProtocol': 'tcp', 'FromPort': %d,"
                               " 'ToPort': %d, 'CidrIp': '0.0.0.0/0'}",
                               group, i, i));
    fixture_fails(f, "RulesPerSecurityGroupLimitExceeded", "ec2", "AuthorizeSecurityGroupIngress",
                  "{'GroupId': '%s', 'IpProtocol': '-1', 'CidrIp': '0.0.0.0/0'}", group);
}

static void names_are_unique_in_a_vpc_and_groups_in_use_stay(void **state)
{
    (void)state;
    fixture_fails(f, "InvalidGroup.Duplicate", "ec2", "CreateSecurityGroup",
                  "{'GroupName': 'web', 'Description': 'again'}");
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateSecurityGroup",
                  "{'GroupName': 'sg-x', 'Description': 'd'}");
    json_auto_t *other = fixture_ok(f, "ec2", "CreateSecurityGroup",
                                    "{'GroupName': 'db', 'Description': 'databases'}");
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '-1',"
                           " 'UserIdGroupPairs': [{'GroupId': '%s'}]}]}",
                           fixture_text(other, "GroupId"), group));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteSecurityGroup", "{'GroupId': '%s'}",
                  group);
    json_decref(fixture_ok(f, "ec2", "DeleteSecurityGroup", "{'GroupName': 'db'}"));
    json_decref(fixture_ok(f, "ec2", "DeleteSecurityGroup", "{'GroupId': '%s'}", group));
    fixture_fails(f, "CannotDelete", "ec2", "DeleteSecurityGroup", "{'GroupName': 'default'}");
    fixture_fails(f, "InvalidGroup.NotFound", "ec2", "DescribeSecurityGroups",
                  "{'GroupIds': ['%s']}", group);
}

static void a_rule_can_be_changed_but_not_into_another(void **state)
{
    (void)state;
    json_auto_t *made = fixture_ok(
        f, "ec2", "AuthorizeSecurityGroupIngress",
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 1, 'ToPort': 1,"
        " 'IpRanges': [{'CidrIp': '1.0.0.0/8'}, {'CidrIp': '2.0.0.0/8'}]}]}",
        group);
    const char *change = "{'GroupId': '%s', 'SecurityGroupRules': [{'SecurityGroupRuleId': '%s',"
                         " 'SecurityGroupRule': {'IpProtocol': 'tcp', 'FromPort': 1, 'ToPort': 1,"
                         " 'CidrIpv4': '%s', 'Description': 'changed'}}]}";
    char in[512];
    const char *id = fixture_text(made, "SecurityGroupRules.0.SecurityGroupRuleId");
    snprintf(in, sizeof in, change, group, id, "2.0.0.0/8");
    fixture_fails(f, "InvalidPermission.Duplicate", "ec2", "ModifySecurityGroupRules", "%s", in);
    snprintf(in, sizeof in, change, group, id, "3.0.0.0/8");
    json_decref(fixture_ok(f, "ec2", "ModifySecurityGroupRules", "%s", in));
    json_auto_t *rule =
        fixture_ok(f, "ec2", "DescribeSecurityGroupRules", "{'SecurityGroupRuleIds': ['%s']}", id);
    assert_string_equal(fixture_text(rule, "SecurityGroupRules.0.CidrIpv4"), "3.0.0.0/8");
    assert_string_equal(fixture_text(rule, "SecurityGroupRules.0.Description"), "changed");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(rules_of_one_kind_of_traffic_are_one_permission),
        TEST(a_rule_exists_once),
        TEST(rules_are_revoked_by_content_and_by_id),
        TEST(permissions_are_checked),
        TEST(a_group_has_at_most_60_rules_a_direction),
        TEST(names_are_unique_in_a_vpc_and_groups_in_use_stay),
        TEST(a_rule_can_be_changed_but_not_into_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
