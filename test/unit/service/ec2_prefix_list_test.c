#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], list[32], group[32], table[32], gateway[32];

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateManagedPrefixList",
                    "{'PrefixListName': 'offices', 'AddressFamily': 'IPv4', 'MaxEntries': 3, "
                    "'Entries': [{'Cidr': '192.0.2.7/24', 'Description': 'north'}, "
                    "{'Cidr': '198.51.100.0/24'}]}"),
         "PrefixList.PrefixListId", list);
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'GroupName': 'a', 'Description': 'a', 'VpcId': '%s'}", vpc),
         "GroupId", group);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", table);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

#define MODIFY(rest, ...)                                                                          \
    fixture_ok(f, "ec2", "ModifyManagedPrefixList", "{'PrefixListId': '%s', " rest "}", list,      \
               ##__VA_ARGS__)
#define MODIFY_FAILS(code, rest)                                                                   \
    fixture_fails(f, code, "ec2", "ModifyManagedPrefixList", "{'PrefixListId': '%s', " rest "}",   \
                  list)

static void a_list_is_made_with_its_entries(void **state)
{
    (void)state;
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeManagedPrefixLists", "{'PrefixListIds': ['%s']}", list);
    assert_string_equal(fixture_text(out, "PrefixLists.0.State"), "create-complete");
    assert_string_equal(fixture_text(out, "PrefixLists.0.Version"), "1");
    assert_string_equal(fixture_text(out, "PrefixLists.0.MaxEntries"), "3");
    json_auto_t *entries =
        fixture_ok(f, "ec2", "GetManagedPrefixListEntries", "{'PrefixListId': '%s'}", list);
    assert_int_equal(json_array_size(fixture_at(entries, "Entries")), 2);
    assert_string_equal(fixture_text(entries, "Entries.0.Cidr"), "192.0.2.0/24");
    assert_string_equal(fixture_text(entries, "Entries.0.Description"), "north");
}

static void entries_change_by_version(void **state)
{
    (void)state;
    MODIFY_FAILS("PrefixListVersionMismatch",
                 "'CurrentVersion': 2, 'AddEntries': [{'Cidr': '203.0.113.0/24'}]");
    MODIFY_FAILS("MissingParameter", "'AddEntries': [{'Cidr': '203.0.113.0/24'}]");
    json_decref(MODIFY("'CurrentVersion': 1, 'AddEntries': [{'Cidr': '203.0.113.0/24'}], "
                       "'RemoveEntries': [{'Cidr': '192.0.2.0/24'}]"));
    json_auto_t *entries = fixture_ok(f, "ec2", "GetManagedPrefixListEntries",
                                      "{'PrefixListId': '%s', 'TargetVersion': 2}", list);
    assert_int_equal(json_array_size(fixture_at(entries, "Entries")), 2);
    assert_string_equal(fixture_text(entries, "Entries.1.Cidr"), "203.0.113.0/24");
    fixture_fails(f, "UnsupportedOperation", "ec2", "GetManagedPrefixListEntries",
                  "{'PrefixListId': '%s', 'TargetVersion': 1}", list);
    json_decref(MODIFY("'PrefixListName': 'sites'"));
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeManagedPrefixLists",
                   "{'Filters': [{'Name': 'prefix-list-name', 'Values': ['sites']}]}");
    assert_string_equal(fixture_text(out, "PrefixLists.0.Version"), "2");
    assert_string_equal(fixture_text(out, "PrefixLists.0.State"), "modify-complete");
}

static void a_list_holds_no_more_than_it_may(void **state)
{
    (void)state;
    MODIFY_FAILS("PrefixListMaxEntriesExceeded",
                 "'CurrentVersion': 1, 'AddEntries': [{'Cidr': '1.0.0.0/8'}, {'Cidr': "
                 "'2.0.0.0/8'}]");
    MODIFY_FAILS("PrefixListMaxEntriesExceeded", "'MaxEntries': 1");
    MODIFY_FAILS("InvalidParameterValue", "'MaxEntries': 1001");
    MODIFY_FAILS("InvalidParameterCombination",
                 "'CurrentVersion': 1, 'MaxEntries': 4, 'AddEntries': [{'Cidr': '1.0.0.0/8'}]");
    json_decref(MODIFY("'MaxEntries': 4"));
    json_decref(MODIFY("'CurrentVersion': 1, 'AddEntries': [{'Cidr': '1.0.0.0/8'}, {'Cidr': "
                       "'2.0.0.0/8'}]"));
}

static void entries_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    MODIFY_FAILS("InvalidParameterValue", "'CurrentVersion': 1, 'AddEntries': [{'Cidr': 'x'}]");
    MODIFY_FAILS("InvalidParameterValue", "'CurrentVersion': 1, 'AddEntries': [{'Cidr': '::/0'}]");
    MODIFY_FAILS("InvalidParameterValue",
                 "'CurrentVersion': 1, 'RemoveEntries': [{'Cidr': '5.0.0.0/8'}]");
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateManagedPrefixList",
                  "{'PrefixListName': 'com.amazonaws.x', 'AddressFamily': 'IPv4', "
                  "'MaxEntries': 3}");
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateManagedPrefixList",
                  "{'PrefixListName': 'x', 'AddressFamily': 'IPv5', 'MaxEntries': 3}");
}

#define RULE                                                                                       \
    "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 1, 'ToPort': 2, "       \
    "'PrefixListIds': [{'PrefixListId': '%s', 'Description': 'all'}]}]}"

static void a_rule_names_a_list(void **state)
{
    (void)state;
    fixture_fails(f, "InvalidPrefixListID.NotFound", "ec2", "AuthorizeSecurityGroupIngress", RULE,
                  group, "pl-01234567");
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress", RULE, group, list));
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeSecurityGroups", "{'GroupIds': ['%s']}", group);
    static const char path[] = "SecurityGroups.0.IpPermissions.0.PrefixListIds.0.PrefixListId";
    assert_string_equal(fixture_text(out, path), list);
    fixture_fails(f, "InvalidPermission.Duplicate", "ec2", "AuthorizeSecurityGroupIngress", RULE,
                  group, list);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteManagedPrefixList",
                  "{'PrefixListId': '%s'}", list);
    json_decref(fixture_ok(f, "ec2", "RevokeSecurityGroupIngress", RULE, group, list));
    json_decref(fixture_ok(f, "ec2", "DeleteManagedPrefixList", "{'PrefixListId': '%s'}", list));
    fixture_fails(f, "InvalidPrefixListID.NotFound", "ec2", "DescribeManagedPrefixLists",
                  "{'PrefixListIds': ['%s']}", list);
}

static void a_list_counts_for_all_that_it_may_hold(void **state)
{
    (void)state;
    json_decref(MODIFY("'MaxEntries': 61"));
    fixture_fails(f, "RulesPerSecurityGroupLimitExceeded", "ec2", "AuthorizeSecurityGroupIngress",
                  RULE, group, list);
    json_decref(MODIFY("'MaxEntries': 60"));
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress", RULE, group, list));
    MODIFY_FAILS("RulesPerSecurityGroupLimitExceeded", "'MaxEntries': 61");
}

static void a_route_leads_to_a_list(void **state)
{
    static const char route[] = "{'RouteTableId': '%s', 'DestinationPrefixListId': '%s', "
                                "'GatewayId': '%s'}";
    (void)state;
    json_decref(fixture_ok(f, "ec2", "CreateRoute", route, table, list, gateway));
    fixture_fails(f, "RouteAlreadyExists", "ec2", "CreateRoute", route, table, list, gateway);
    json_auto_t *out = fixture_ok(
        f, "ec2", "DescribeRouteTables",
        "{'Filters': [{'Name': 'route.destination-prefix-list-id', 'Values': ['%s']}]}", list);
    assert_string_equal(fixture_text(out, "RouteTables.0.Routes.1.State"), "active");
    assert_null(fixture_at(out, "RouteTables.0.Routes.1.DestinationCidrBlock"));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteManagedPrefixList",
                  "{'PrefixListId': '%s'}", list);
    MODIFY_FAILS("RouteLimitExceeded", "'MaxEntries': 500");
    json_decref(fixture_ok(f, "ec2", "DeleteRoute",
                           "{'RouteTableId': '%s', 'DestinationPrefixListId': '%s'}", table, list));
    fixture_fails(f, "InvalidRoute.NotFound", "ec2", "DeleteRoute",
                  "{'RouteTableId': '%s', 'DestinationPrefixListId': '%s'}", table, list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_made_with_its_entries),
        TEST(entries_change_by_version),
        TEST(a_list_holds_no_more_than_it_may),
        TEST(entries_that_make_no_sense_are_refused),
        TEST(a_rule_names_a_list),
        TEST(a_list_counts_for_all_that_it_may_hold),
        TEST(a_route_leads_to_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
