#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static size_t count(json_t *out, const char *path)
{
    size_t size = json_array_size(fixture_at(out, path));
    json_decref(out);
    return size;
}

static void a_region_has_a_default_vpc(void **state)
{
    (void)state;
    f->region = "eu-west-1";
    json_auto_t *vpcs = fixture_ok(f, "ec2", "DescribeVpcs", "{}");
    assert_int_equal(json_array_size(fixture_at(vpcs, "Vpcs")), 1);
    assert_string_equal(fixture_text(vpcs, "Vpcs.0.CidrBlock"), "172.31.0.0/16");
    assert_string_equal(fixture_text(vpcs, "Vpcs.0.IsDefault"), "true");
    assert_string_equal(fixture_text(vpcs, "Vpcs.0.CidrBlockAssociationSet.0.CidrBlockState.State"),
                        "associated");
    json_auto_t *subnets = fixture_ok(f, "ec2", "DescribeSubnets", "{}");
    assert_int_equal(json_array_size(fixture_at(subnets, "Subnets")), 3);
    assert_string_equal(fixture_text(subnets, "Subnets.2.CidrBlock"), "172.31.32.0/20");
    assert_string_equal(fixture_text(subnets, "Subnets.2.AvailabilityZone"), "eu-west-1c");
    assert_string_equal(fixture_text(subnets, "Subnets.2.AvailabilityZoneId"), "euw1-az3");
    assert_string_equal(fixture_text(subnets, "Subnets.2.MapPublicIpOnLaunch"), "true");
    assert_string_equal(fixture_text(subnets, "Subnets.2.AvailableIpAddressCount"), "4091");
    json_auto_t *tables =
        fixture_ok(f, "ec2", "DescribeRouteTables",
                   "{'Filters': [{'Name': 'association.main', 'Values': ['true']}]}");
    assert_string_equal(fixture_text(tables, "RouteTables.0.Routes.0.GatewayId"), "local");
    assert_string_equal(fixture_text(tables, "RouteTables.0.Routes.1.DestinationCidrBlock"),
                        "0.0.0.0/0");
    assert_string_equal(fixture_text(tables, "RouteTables.0.Routes.1.State"), "active");
    json_auto_t *groups = fixture_ok(f, "ec2", "DescribeSecurityGroups", "{}");
    assert_string_equal(fixture_text(groups, "SecurityGroups.0.GroupName"), "default");
    char group[32];
    snprintf(group, sizeof group, "%s", fixture_text(groups, "SecurityGroups.0.GroupId"));
    assert_string_equal(
        fixture_text(groups, "SecurityGroups.0.IpPermissions.0.UserIdGroupPairs.0.GroupId"), group);
    assert_string_equal(
        fixture_text(groups, "SecurityGroups.0.IpPermissionsEgress.0.IpRanges.0.CidrIp"),
        "0.0.0.0/0");
}

static void a_region_is_prepared_once(void **state)
{
    (void)state;
    json_decref(fixture_ok(f, "ec2", "DescribeVpcs", "{}"));
    f->region = "us-west-2";
    json_decref(fixture_ok(f, "ec2", "DescribeVpcs", "{}"));
    f->region = "us-east-1";
    assert_int_equal(count(fixture_ok(f, "ec2", "DescribeVpcs", "{}"), "Vpcs"), 1);
    f->region = "mars-north-1";
    fixture_fails(f, "InvalidParameterValue", "ec2", "DescribeVpcs", "{}");
}

static void vpc_blocks_are_checked_and_made_canonical(void **state)
{
    (void)state;
    fixture_fails(f, "InvalidVpc.Range", "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/8'}");
    fixture_fails(f, "InvalidVpc.Range", "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/29'}");
    fixture_fails(f, "InvalidVpc.Range", "ec2", "CreateVpc", "{'CidrBlock': '169.254.0.0/16'}");
    fixture_fails(f, "InvalidVpc.Range", "ec2", "CreateVpc", "{'CidrBlock': '100.70.0.0/16'}");
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateVpc", "{'CidrBlock': '10.0.0/16'}");
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateVpc", "{'CidrBlock': '010.0.0.0/16'}");
    fixture_fails(f, "MissingParameter", "ec2", "CreateVpc", "{}");
    fixture_fails(f, "UnsupportedOperation", "ec2", "CreateVpc",
                  "{'CidrBlock': '10.0.0.0/16', 'AmazonProvidedIpv6CidrBlock': true}");
    json_auto_t *vpc = fixture_ok(f, "ec2", "CreateVpc",
                                  "{'CidrBlock': '10.1.2.3/16', 'InstanceTenancy': 'default',"
                                  " 'AmazonProvidedIpv6CidrBlock': false}");
    assert_string_equal(fixture_text(vpc, "Vpc.CidrBlock"), "10.1.0.0/16");
}

static void subnets_lie_in_their_vpc_and_do_not_overlap(void **state)
{
    (void)state;
    char vpc[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    json_decref(
        fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24'}", vpc));
    fixture_fails(f, "InvalidSubnet.Conflict", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.0.0.0/20'}", vpc);
    fixture_fails(f, "InvalidSubnet.Conflict", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.0.1.128/25'}", vpc);
    fixture_fails(f, "InvalidSubnet.Range", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.1.0.0/24'}", vpc);
    fixture_fails(f, "InvalidSubnet.Range", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/29'}", vpc);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/24', 'AvailabilityZone': 'us-east-1z'}",
                  vpc);
    fixture_fails(f, "InvalidVpcID.NotFound", "ec2", "CreateSubnet",
                  "{'VpcId': 'vpc-00000000000000000', 'CidrBlock': '10.0.2.0/24'}");
    fixture_fails(f, "InvalidVpcID.Malformed", "ec2", "CreateSubnet",
                  "{'VpcId': 'vpc-x', 'CidrBlock': '10.0.2.0/24'}");
    json_auto_t *subnet = fixture_ok(
        f, "ec2", "CreateSubnet",
        "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/24', 'AvailabilityZoneId': 'use1-az2'}", vpc);
    assert_string_equal(fixture_text(subnet, "Subnet.AvailabilityZone"), "us-east-1b");
    assert_string_equal(fixture_text(subnet, "Subnet.MapPublicIpOnLaunch"), "false");
}

static void a_vpc_is_deleted_only_when_nothing_is_left_in_it(void **state)
{
    (void)state;
    char vpc[32], subnet[32], gateway[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24'}", vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc);
    json_decref(fixture_ok(f, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteInternetGateway",
                  "{'InternetGatewayId': '%s'}", gateway);
    json_decref(fixture_ok(f, "ec2", "DetachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    json_decref(fixture_ok(f, "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc));
    static const char *const kinds[] = {"vpc", "route-table", "security-group", "network-acl"};
    for (size_t i = 0; i < 4; i++) /* only the default VPC's are left */
        assert_int_equal(store_count(f->store, kinds[i], "us-east-1"), 1);
    assert_int_equal(store_count(f->store, "security-group-rule", "us-east-1"), 2);
}

static void a_route_needs_a_gateway_of_its_vpc_and_blackholes_without(void **state)
{
    (void)state;
    char vpc[32], gateway[32], table[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", table);
    const char *route =
        "{'RouteTableId': '%s', 'DestinationCidrBlock': '0.0.0.0/0', 'GatewayId': '%s'}";
    char in[256];
    snprintf(in, sizeof in, route, table, gateway);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateRoute", "%s", in);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    fixture_fails(f, "Resource.AlreadyAssociated", "ec2", "AttachInternetGateway",
                  "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway);
    json_decref(fixture_ok(f, "ec2", "CreateRoute", "%s", in));
    fixture_fails(f, "RouteAlreadyExists", "ec2", "CreateRoute", "%s", in);
    fixture_fails(f, "InvalidNatGatewayID.NotFound", "ec2", "CreateRoute",
                  "{'RouteTableId': '%s', 'DestinationCidrBlock': '1.0.0.0/8',"
                  " 'NatGatewayId': 'nat-00000000000000000'}",
                  table);
    fixture_fails(f, "InvalidParameterValue", "ec2", "DeleteRoute",
                  "{'RouteTableId': '%s', 'DestinationCidrBlock': '10.0.0.0/16'}", table);
    json_decref(fixture_ok(f, "ec2", "DetachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    json_auto_t *shown =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    assert_string_equal(fixture_text(shown, "RouteTables.0.Routes.1.State"), "blackhole");
}

static void the_main_route_table_can_be_replaced(void **state)
{
    (void)state;
    char vpc[32], table[32], association[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", table);
    json_auto_t *main_table = fixture_ok(f, "ec2", "DescribeRouteTables",
                                         "{'Filters': [{'Name': 'vpc-id', 'Values': ['%s']},"
                                         " {'Name': 'association.main', 'Values': ['true']}]}",
                                         vpc);
    snprintf(association, sizeof association, "%s",
             fixture_text(main_table, "RouteTables.0.Associations.0.RouteTableAssociationId"));
    fixture_fails(f, "InvalidParameterValue", "ec2", "DisassociateRouteTable",
                  "{'AssociationId': '%s'}", association);
    json_decref(fixture_ok(f, "ec2", "ReplaceRouteTableAssociation",
                           "{'AssociationId': '%s', 'RouteTableId': '%s'}", association, table));
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteRouteTable", "{'RouteTableId': '%s'}",
                  table);
    json_decref(fixture_ok(f, "ec2", "DeleteRouteTable", "{'RouteTableId': '%s'}",
                           fixture_text(main_table, "RouteTables.0.RouteTableId")));
    json_decref(fixture_ok(f, "ec2", "DeleteVpc", "{'VpcId': '%s'}", vpc));
}

static void filters_take_alternatives_patterns_and_tags(void **state)
{
    (void)state;
    char vpc[32];
    keep(fixture_ok(f, "ec2", "CreateVpc",
                    "{'CidrBlock': '10.0.0.0/16', 'TagSpecifications': [{'ResourceType': 'vpc',"
                    " 'Tags': [{'Key': 'Name', 'Value': 'web*'}]}]}"),
         "Vpc.VpcId", vpc);
#define DESCRIBE(filters)                                                                          \
    count(fixture_ok(f, "ec2", "DescribeVpcs", "{'Filters': " filters "}"), "Vpcs")
    assert_int_equal(DESCRIBE("[{'Name': 'cidr', 'Values': ['10.0.0.0/16', '172.31.0.0/16']}]"), 2);
    assert_int_equal(DESCRIBE("[{'Name': 'cidr', 'Values': ['10.*']}]"), 1);
    assert_int_equal(DESCRIBE("[{'Name': 'tag:Name', 'Values': ['web\\\\*']}]"), 1);
    assert_int_equal(DESCRIBE("[{'Name': 'tag:Name', 'Values': ['Web*']}]"), 0);
    assert_int_equal(DESCRIBE("[{'Name': 'tag-key', 'Values': ['Name']},"
                              " {'Name': 'is-default', 'Values': ['true']}]"),
                     0);
#undef DESCRIBE
    fixture_fails(f, "InvalidParameterValue", "ec2", "DescribeVpcs",
                  "{'Filters': [{'Name': 'colour', 'Values': ['red']}]}");
    assert_string_equal(f->err.text, "The filter 'colour' is invalid");
    fixture_fails(f, "InvalidVpcID.NotFound", "ec2", "DescribeVpcs",
                  "{'VpcIds': ['%s', 'vpc-00000000000000000']}", vpc);
    fixture_fails(f, "InvalidParameterCombination", "ec2", "DescribeVpcs",
                  "{'VpcIds': ['%s'], 'MaxResults': 5}", vpc);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    char vpc[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    for (int i = 0; i < 4; i++)
        json_decref(fixture_ok(f, "ec2", "CreateSubnet",
                               "{'VpcId': '%s', 'CidrBlock': '10.0.%d.0/24'}", vpc, i));
    json_auto_t *first = fixture_ok(f, "ec2", "DescribeSubnets", "{'MaxResults': 5}");
    assert_int_equal(json_array_size(fixture_at(first, "Subnets")), 5);
    json_auto_t *rest =
        fixture_ok(f, "ec2", "DescribeSubnets", "{'MaxResults': 5, 'NextToken': '%s'}",
                   fixture_text(first, "NextToken"));
    assert_int_equal(json_array_size(fixture_at(rest, "Subnets")), 2);
    assert_null(fixture_at(rest, "NextToken"));
    fixture_fails(f, "InvalidNextToken", "ec2", "DescribeSubnets", "{'NextToken': 'nonsense'}");
    fixture_fails(f, "InvalidParameterValue", "ec2", "DescribeSubnets", "{'MaxResults': 4}");
}

static void tags_have_limits_and_reserved_names(void **state)
{
    (void)state;
    char vpc[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateTags",
                  "{'Resources': ['%s'], 'Tags': [{'Key': 'aws:x', 'Value': 'y'}]}", vpc);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateVpc",
                  "{'CidrBlock': '10.0.0.0/16', 'TagSpecifications': [{'ResourceType': 'subnet',"
                  " 'Tags': [{'Key': 'a', 'Value': 'b'}]}]}");
    for (int i = 0; i < 50; i++)
        json_decref(fixture_ok(f, "ec2", "CreateTags",
                               "{'Resources': ['%s'], 'Tags': [{'Key': 'k%d', 'Value': 'v'}]}", vpc,
                               i));
    json_decref(fixture_ok(f, "ec2", "CreateTags",
                           "{'Resources': ['%s'], 'Tags': [{'Key': 'k7', 'Value': 'w'}]}", vpc));
    fixture_fails(f, "TagLimitExceeded", "ec2", "CreateTags",
                  "{'Resources': ['%s'], 'Tags': [{'Key': 'k50', 'Value': 'v'}]}", vpc);
    json_decref(fixture_ok(f, "ec2", "DeleteTags",
                           "{'Resources': ['%s'], 'Tags': [{'Key': 'k7', 'Value': 'v'},"
                           " {'Key': 'k8'}]}",
                           vpc)); /* k7 has another value and stays */
    assert_int_equal(
        count(fixture_ok(f, "ec2", "DescribeTags",
                         "{'Filters': [{'Name': 'resource-id', 'Values': ['%s']}]}", vpc),
              "Tags"),
        49);
    fixture_fails(f, "InvalidSubnetID.NotFound", "ec2", "CreateTags",
                  "{'Resources': ['subnet-00000000000000000'], 'Tags': [{'Key': 'a'}]}");
    fixture_fails(f, "InvalidID", "ec2", "CreateTags",
                  "{'Resources': ['bogus'], 'Tags': [{'Key': 'a'}]}");
}

static void every_description_can_be_encoded(void **state)
{
    (void)state;
    static const struct {
        const char *operation, *list;
        size_t count;
    } cases[] = {
        {"DescribeAvailabilityZones", "AvailabilityZones", 3},
        {"DescribeRegions", "Regions", 34},
        {"DescribeAccountAttributes", "AccountAttributes", 6},
        {"DescribeDhcpOptions", "DhcpOptions", 1},
        {"DescribeInternetGateways", "InternetGateways", 1},
        {"DescribeNetworkAcls", "NetworkAcls", 1},
        {"DescribeSecurityGroupRules", "SecurityGroupRules", 2},
        {"DescribeNetworkInterfaces", "NetworkInterfaces", 0},
        {"DescribeAddresses", "Addresses", 1},
        {"DescribeAddressesAttribute", "Addresses", 1},
    };
    json_decref(fixture_ok(f, "ec2", "AllocateAddress", "{}"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(count(fixture_ok(f, "ec2", cases[i].operation, "{}"), cases[i].list),
                         cases[i].count);
    json_auto_t *acls = fixture_ok(f, "ec2", "DescribeNetworkAcls", "{}");
    assert_int_equal(json_array_size(fixture_at(acls, "NetworkAcls.0.Associations")), 3);
}

static void vpc_attributes_change_one_at_a_time(void **state)
{
    (void)state;
    char vpc[32];
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    fixture_fails(f, "InvalidParameterCombination", "ec2", "ModifyVpcAttribute",
                  "{'VpcId': '%s', 'EnableDnsSupport': {'Value': true},"
                  " 'EnableDnsHostnames': {'Value': true}}",
                  vpc);
    fixture_fails(f, "UnsupportedOperation", "ec2", "ModifyVpcAttribute",
                  "{'VpcId': '%s', 'EnableNetworkAddressUsageMetrics': {'Value': true}}", vpc);
    json_decref(fixture_ok(f, "ec2", "ModifyVpcAttribute",
                           "{'VpcId': '%s', 'EnableDnsHostnames': {'Value': true}}", vpc));
    json_auto_t *shown = fixture_ok(f, "ec2", "DescribeVpcAttribute",
                                    "{'VpcId': '%s', 'Attribute': 'enableDnsHostnames'}", vpc);
    assert_string_equal(fixture_text(shown, "EnableDnsHostnames.Value"), "true");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_region_has_a_default_vpc),
        TEST(a_region_is_prepared_once),
        TEST(vpc_blocks_are_checked_and_made_canonical),
        TEST(subnets_lie_in_their_vpc_and_do_not_overlap),
        TEST(a_vpc_is_deleted_only_when_nothing_is_left_in_it),
        TEST(a_route_needs_a_gateway_of_its_vpc_and_blackholes_without),
        TEST(the_main_route_table_can_be_replaced),
        TEST(filters_take_alternatives_patterns_and_tags),
        TEST(pages_follow_each_other),
        TEST(tags_have_limits_and_reserved_names),
        TEST(every_description_can_be_encoded),
        TEST(vpc_attributes_change_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
