#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], subnet[32], acl[32];

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
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24'}", vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "CreateNetworkAcl", "{'VpcId': '%s'}", vpc),
         "NetworkAcl.NetworkAclId", acl);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

/* The association of the subnet. */
static void association(char ret[32])
{
    keep(fixture_ok(f, "ec2", "DescribeNetworkAcls",
                    "{'Filters': [{'Name': 'association.subnet-id', 'Values': ['%s']}]}", subnet),
         "NetworkAcls.0.Associations.0.NetworkAclAssociationId", ret);
}

static void associate(const char *with)
{
    char id[32];
    association(id);
    json_decref(fixture_ok(f, "ec2", "ReplaceNetworkAclAssociation",
                           "{'AssociationId': '%s', 'NetworkAclId': '%s'}", id, with));
}

#define ENTRY "{'NetworkAclId': '%s', 'RuleNumber': %d, 'Egress': %s, 'RuleAction': 'allow', "

static void a_new_acl_denies_everything(void **state)
{
    (void)state;
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeNetworkAcls", "{'NetworkAclIds': ['%s']}", acl);
    assert_int_equal(json_array_size(fixture_at(out, "NetworkAcls.0.Entries")), 2);
    assert_int_equal(json_array_size(fixture_at(out, "NetworkAcls.0.Associations")), 0);
    assert_string_equal(fixture_text(out, "NetworkAcls.0.IsDefault"), "false");
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.0.Egress"), "true");
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.0.RuleAction"), "deny");
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.1.RuleNumber"), "32767");
}

static void entries_are_shown_in_order_of_numbers(void **state)
{
    (void)state;
    static const int numbers[] = {200, 100, 150};
    for (int i = 0; i < 6; i++)
        json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry",
                               ENTRY "'Protocol': '-1', 'CidrBlock': '10.1.2.3/8'}", acl,
                               numbers[i / 2], i % 2 ? "true" : "false"));
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeNetworkAcls", "{'NetworkAclIds': ['%s']}", acl);
    static const char *const shown[] = {"100", "150", "200", "32767", "100", "150", "200", "32767"};
    for (int i = 0; i < 8; i++) {
        char path[64];
        snprintf(path, sizeof path, "NetworkAcls.0.Entries.%d.RuleNumber", i);
        assert_string_equal(fixture_text(out, path), shown[i]);
        snprintf(path, sizeof path, "NetworkAcls.0.Entries.%d.Egress", i);
        assert_string_equal(fixture_text(out, path), i < 4 ? "true" : "false");
    }
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.0.CidrBlock"), "10.0.0.0/8");
}

static void an_entry_keeps_only_what_its_protocol_has(void **state)
{
    (void)state;
    json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry",
                           ENTRY "'Protocol': '-1', 'CidrBlock': '10.0.0.0/8', "
                                 "'PortRange': {'From': 0, 'To': 0}}",
                           acl, 10, "false"));
    json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry",
                           ENTRY "'Protocol': '6', 'Ipv6CidrBlock': '2001:db8::1/32', "
                                 "'PortRange': {'From': 80, 'To': 90}}",
                           acl, 11, "false"));
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeNetworkAcls", "{'NetworkAclIds': ['%s']}", acl);
    assert_null(fixture_at(out, "NetworkAcls.0.Entries.1.PortRange"));
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.2.PortRange.To"), "90");
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Entries.2.Ipv6CidrBlock"),
                        "2001:db8::/32");
    assert_null(fixture_at(out, "NetworkAcls.0.Entries.2.CidrBlock"));
}

static void an_entry_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *code, *rest;
        int number;
    } cases[] = {
        {"MissingParameter", "'Protocol': '-1'}", 1},
        {"InvalidParameterCombination",
         "'Protocol': '-1', 'CidrBlock': '10.0.0.0/8', 'Ipv6CidrBlock': '::/0'}", 1},
        {"InvalidParameterValue", "'Protocol': '-1', 'CidrBlock': '10.0.0.0'}", 1},
        {"InvalidParameterValue", "'Protocol': '-1', 'Ipv6CidrBlock': '10.0.0.0/8'}", 1},
        {"InvalidParameterValue", "'Protocol': 'tcp', 'CidrBlock': '10.0.0.0/8'}", 1},
        {"InvalidParameterValue", "'Protocol': '256', 'CidrBlock': '10.0.0.0/8'}", 1},
        {"InvalidParameterValue", "'Protocol': '-2', 'CidrBlock': '10.0.0.0/8'}", 1},
        {"InvalidParameterValue", "'Protocol': '-1', 'CidrBlock': '10.0.0.0/8'}", 0},
        {"InvalidParameterValue", "'Protocol': '-1', 'CidrBlock': '10.0.0.0/8'}", 32767},
        {"MissingParameter", "'Protocol': '6', 'CidrBlock': '10.0.0.0/8'}", 1},
        {"MissingParameter",
         "'Protocol': '17', 'CidrBlock': '10.0.0.0/8', 'PortRange': {'From': 1}}", 1},
        {"InvalidParameterValue",
         "'Protocol': '17', 'CidrBlock': '10.0.0.0/8', 'PortRange': {'From': 2, 'To': 1}}", 1},
        {"InvalidParameterValue",
         "'Protocol': '6', 'CidrBlock': '10.0.0.0/8', 'PortRange': {'From': 1, 'To': 65536}}", 1},
        {"MissingParameter", "'Protocol': '1', 'CidrBlock': '10.0.0.0/8'}", 1},
        {"InvalidParameterValue",
         "'Protocol': '1', 'CidrBlock': '10.0.0.0/8', 'IcmpTypeCode': {'Type': -1, 'Code': 0}}", 1},
        {"InvalidParameterValue",
         "'Protocol': '1', 'CidrBlock': '10.0.0.0/8', 'IcmpTypeCode': {'Type': 256, 'Code': 0}}",
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char in[256];
        snprintf(in, sizeof in, ENTRY "%s", acl, cases[i].number, "false", cases[i].rest);
        fixture_fails(f, cases[i].code, "ec2", "CreateNetworkAclEntry", "%s", in);
    }
}

static void a_number_names_one_entry_of_a_direction(void **state)
{
    (void)state;
    static const char all[] = ENTRY "'Protocol': '-1', 'CidrBlock': '0.0.0.0/0'}";
    fixture_fails(f, "InvalidNetworkAclEntry.NotFound", "ec2", "ReplaceNetworkAclEntry", all, acl,
                  5, "true");
    json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry", all, acl, 5, "true"));
    fixture_fails(f, "NetworkAclEntryAlreadyExists", "ec2", "CreateNetworkAclEntry", all, acl, 5,
                  "true");
    json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry", all, acl, 5, "false"));
    json_decref(fixture_ok(f, "ec2", "DeleteNetworkAclEntry",
                           "{'NetworkAclId': '%s', 'RuleNumber': 5, 'Egress': true}", acl));
    fixture_fails(f, "InvalidNetworkAclEntry.NotFound", "ec2", "DeleteNetworkAclEntry",
                  "{'NetworkAclId': '%s', 'RuleNumber': 5, 'Egress': true}", acl);
    json_decref(fixture_ok(f, "ec2", "ReplaceNetworkAclEntry", all, acl, 5, "false"));
}

static void a_direction_has_twenty_entries_with_the_last_one(void **state)
{
    (void)state;
    static const char all[] = ENTRY "'Protocol': '-1', 'CidrBlock': '0.0.0.0/0'}";
    for (int i = 1; i <= 19; i++)
        json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry", all, acl, i, "true"));
    fixture_fails(f, "NetworkAclEntryLimitExceeded", "ec2", "CreateNetworkAclEntry", all, acl, 20,
                  "true");
    json_decref(fixture_ok(f, "ec2", "CreateNetworkAclEntry", all, acl, 20, "false"));
}

static void a_subnet_changes_its_acl(void **state)
{
    char old[32], now[32];
    (void)state;
    association(old);
    associate(acl);
    association(now);
    assert_string_not_equal(old, now);
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeNetworkAcls",
                   "{'Filters': [{'Name': 'association.association-id', 'Values': ['%s']}]}", now);
    assert_string_equal(fixture_text(out, "NetworkAcls.0.NetworkAclId"), acl);
    assert_string_equal(fixture_text(out, "NetworkAcls.0.Associations.0.SubnetId"), subnet);
    fixture_fails(f, "InvalidAssociationID.NotFound", "ec2", "ReplaceNetworkAclAssociation",
                  "{'AssociationId': '%s', 'NetworkAclId': '%s'}", old, acl);
}

static void an_acl_of_another_vpc_cannot_be_associated(void **state)
{
    char id[32], other[32], other_vpc[32];
    (void)state;
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", other_vpc);
    keep(fixture_ok(f, "ec2", "CreateNetworkAcl", "{'VpcId': '%s'}", other_vpc),
         "NetworkAcl.NetworkAclId", other);
    association(id);
    fixture_fails(f, "InvalidParameterValue", "ec2", "ReplaceNetworkAclAssociation",
                  "{'AssociationId': '%s', 'NetworkAclId': '%s'}", id, other);
}

static void only_an_acl_that_nothing_needs_is_deleted(void **state)
{
    char initial[32];
    (void)state;
    keep(fixture_ok(f, "ec2", "DescribeNetworkAcls",
                    "{'Filters': [{'Name': 'default', 'Values': ['true']}, "
                    "{'Name': 'vpc-id', 'Values': ['%s']}]}",
                    vpc),
         "NetworkAcls.0.NetworkAclId", initial);
    fixture_fails(f, "InvalidParameterValue", "ec2", "DeleteNetworkAcl", "{'NetworkAclId': '%s'}",
                  initial);
    associate(acl);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteNetworkAcl", "{'NetworkAclId': '%s'}",
                  acl);
    associate(initial);
    json_decref(fixture_ok(f, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc);
    json_decref(fixture_ok(f, "ec2", "DeleteNetworkAcl", "{'NetworkAclId': '%s'}", acl));
    json_decref(fixture_ok(f, "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc));
    fixture_fails(f, "InvalidNetworkAclID.NotFound", "ec2", "DescribeNetworkAcls",
                  "{'NetworkAclIds': ['%s']}", initial);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_acl_denies_everything),
        TEST(entries_are_shown_in_order_of_numbers),
        TEST(an_entry_keeps_only_what_its_protocol_has),
        TEST(an_entry_that_makes_no_sense_is_refused),
        TEST(a_number_names_one_entry_of_a_direction),
        TEST(a_direction_has_twenty_entries_with_the_last_one),
        TEST(a_subnet_changes_its_acl),
        TEST(an_acl_of_another_vpc_cannot_be_associated),
        TEST(only_an_acl_that_nothing_needs_is_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
