/* Interface endpoints and sets of DHCP options: what requests may say, and what is shown. */
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct stage {
    struct service_fixture *fixture;
    char vpc[32], subnet[32];
};

static int set_up(void **state)
{
    static struct stage stage;
    stage.fixture = fixture_create();
    json_auto_t *vpc =
        fixture_ok(stage.fixture, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}");
    snprintf(stage.vpc, sizeof stage.vpc, "%s", fixture_text(vpc, "Vpc.VpcId"));
    json_auto_t *subnet = fixture_ok(
        stage.fixture, "ec2", "CreateSubnet",
        "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24', 'AvailabilityZone': 'us-east-1a'}", stage.vpc);
    snprintf(stage.subnet, sizeof stage.subnet, "%s", fixture_text(subnet, "Subnet.SubnetId"));
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    fixture_destroy(stage->fixture);
    return 0;
}

#define ENDPOINT                                                                                   \
    "{'VpcId': '%s', 'ServiceName': 'com.amazonaws.us-east-1.sts', 'VpcEndpointType': "            \
    "'Interface', 'SubnetIds': ['%s'], 'PrivateDnsEnabled': %s}"

static void an_endpoint_has_an_interface_and_names_in_each_subnet(void **state)
{
    const struct stage *stage = *state;
    json_auto_t *made = fixture_ok(stage->fixture, "ec2", "CreateVpcEndpoint", ENDPOINT, stage->vpc,
                                   stage->subnet, "false");
    assert_string_equal(fixture_text(made, "VpcEndpoint.State"), "pending");
    assert_int_equal(json_array_size(fixture_at(made, "VpcEndpoint.NetworkInterfaceIds")), 1);
    assert_int_equal(json_array_size(fixture_at(made, "VpcEndpoint.DnsEntries")), 2);
    assert_string_equal(fixture_text(made, "VpcEndpoint.Groups.0.GroupName"), "default");
    char id[64];
    snprintf(id, sizeof id, "%s", fixture_text(made, "VpcEndpoint.VpcEndpointId"));
    json_auto_t *interfaces = fixture_ok(stage->fixture, "ec2", "DescribeNetworkInterfaces", "{}");
    assert_string_equal(fixture_text(interfaces, "NetworkInterfaces.0.InterfaceType"),
                        "vpc_endpoint");
    fixture_fails(stage->fixture, "DependencyViolation", "ec2", "DeleteSubnet",
                  "{'SubnetId': '%s'}", stage->subnet);
    json_auto_t *gone = fixture_ok(stage->fixture, "ec2", "DeleteVpcEndpoints",
                                   "{'VpcEndpointIds': ['%s', 'vpce-00000000000000000']}", id);
    assert_string_equal(fixture_text(gone, "Unsuccessful.0.Error.Code"),
                        "InvalidVpcEndpointId.NotFound");
    json_decref(
        fixture_ok(stage->fixture, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", stage->subnet));
}

static void private_names_need_the_vpcs_attributes_and_are_given_once(void **state)
{
    const struct stage *stage = *state;
    fixture_fails(stage->fixture, "InvalidParameter", "ec2", "CreateVpcEndpoint", ENDPOINT,
                  stage->vpc, stage->subnet, "true");
    json_decref(fixture_ok(stage->fixture, "ec2", "ModifyVpcAttribute",
                           "{'VpcId': '%s', 'EnableDnsHostnames': {'Value': true}}", stage->vpc));
    json_auto_t *made = fixture_ok(stage->fixture, "ec2", "CreateVpcEndpoint", ENDPOINT, stage->vpc,
                                   stage->subnet, "true");
    assert_int_equal(json_array_size(fixture_at(made, "VpcEndpoint.DnsEntries")), 4);
    fixture_fails(stage->fixture, "InvalidParameter", "ec2", "CreateVpcEndpoint", ENDPOINT,
                  stage->vpc, stage->subnet, "true");
}

static void what_cannot_be_an_endpoint_is_refused(void **state)
{
    const struct stage *stage = *state;
    fixture_fails(stage->fixture, "InvalidServiceName", "ec2", "CreateVpcEndpoint",
                  "{'VpcId': '%s', 'ServiceName': 'com.amazonaws.us-east-1.kms', "
                  "'VpcEndpointType': 'Interface'}",
                  stage->vpc);
    fixture_fails(stage->fixture, "InvalidSubnetID.NotFound", "ec2", "CreateVpcEndpoint", ENDPOINT,
                  stage->vpc, "subnet-00000000000000000", "false");
    assert_int_equal(store_count(stage->fixture->store, "vpc-endpoint", "us-east-1"), 0);
}

static void a_gateway_endpoint_is_a_route_to_awss_own_list(void **state)
{
    const struct stage *stage = *state;
    char table[64], list[64], id[64];
    json_auto_t *tables =
        fixture_ok(stage->fixture, "ec2", "DescribeRouteTables",
                   "{'Filters': [{'Name': 'vpc-id', 'Values': ['%s']}]}", stage->vpc);
    snprintf(table, sizeof table, "%s", fixture_text(tables, "RouteTables.0.RouteTableId"));
    json_auto_t *made = fixture_ok(stage->fixture, "ec2", "CreateVpcEndpoint",
                                   "{'VpcId': '%s', 'ServiceName': 'com.amazonaws.us-east-1.s3', "
                                   "'RouteTableIds': ['%s']}",
                                   stage->vpc, table);
    snprintf(id, sizeof id, "%s", fixture_text(made, "VpcEndpoint.VpcEndpointId"));
    json_auto_t *lists = fixture_ok(stage->fixture, "ec2", "DescribePrefixLists",
                                    "{'Filters': [{'Name': 'prefix-list-name', 'Values': "
                                    "['com.amazonaws.us-east-1.s3']}]}");
    snprintf(list, sizeof list, "%s", fixture_text(lists, "PrefixLists.0.PrefixListId"));
    json_auto_t *shown = fixture_ok(stage->fixture, "ec2", "DescribeRouteTables",
                                    "{'RouteTableIds': ['%s']}", table);
    assert_string_equal(fixture_text(shown, "RouteTables.0.Routes.1.DestinationPrefixListId"),
                        list);
    assert_string_equal(fixture_text(shown, "RouteTables.0.Routes.1.GatewayId"), id);
    assert_string_equal(fixture_text(shown, "RouteTables.0.Routes.1.State"), "active");
    fixture_fails(stage->fixture, "OperationNotPermitted", "ec2", "DeleteManagedPrefixList",
                  "{'PrefixListId': '%s'}", list);
    json_decref(
        fixture_ok(stage->fixture, "ec2", "DeleteVpcEndpoints", "{'VpcEndpointIds': ['%s']}", id));
    json_auto_t *after = fixture_ok(stage->fixture, "ec2", "DescribeRouteTables",
                                    "{'RouteTableIds': ['%s']}", table);
    assert_int_equal(json_array_size(fixture_at(after, "RouteTables.0.Routes")), 1);
}

static void dhcp_options_are_checked(void **state)
{
    static const char *const wrong[] = {
        "{'Key': 'domain-name', 'Values': ['a b\\\\n']}",
        ("{'Key': 'domain-name-servers', 'Values': ['10.0.0.1', '10.0.0.2', '10.0.0.3', "
         "'10.0.0.4', "
         "'10.0.0.5']}"),
        "{'Key': 'ntp-servers', 'Values': ['AmazonProvidedDNS']}",
        "{'Key': 'netbios-node-type', 'Values': ['3']}",
        "{'Key': 'router', 'Values': ['10.0.0.1']}",
    };
    const struct stage *stage = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fixture_fails(stage->fixture, "InvalidParameterValue", "ec2", "CreateDhcpOptions",
                      "{'DhcpConfigurations': [%s]}", wrong[i]);
}

static void a_set_that_is_used_cannot_be_deleted(void **state)
{
    const struct stage *stage = *state;
    char id[64];
    json_auto_t *made =
        fixture_ok(stage->fixture, "ec2", "CreateDhcpOptions",
                   "{'DhcpConfigurations': [{'Key': 'domain-name', 'Values': ['corp.example']}]}");
    snprintf(id, sizeof id, "%s", fixture_text(made, "DhcpOptions.DhcpOptionsId"));
    json_decref(fixture_ok(stage->fixture, "ec2", "AssociateDhcpOptions",
                           "{'DhcpOptionsId': '%s', 'VpcId': '%s'}", id, stage->vpc));
    fixture_fails(stage->fixture, "DependencyViolation", "ec2", "DeleteDhcpOptions",
                  "{'DhcpOptionsId': '%s'}", id);
    json_decref(fixture_ok(stage->fixture, "ec2", "AssociateDhcpOptions",
                           "{'DhcpOptionsId': 'default', 'VpcId': '%s'}", stage->vpc));
    json_decref(
        fixture_ok(stage->fixture, "ec2", "DeleteDhcpOptions", "{'DhcpOptionsId': '%s'}", id));
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_STAGE(an_endpoint_has_an_interface_and_names_in_each_subnet),
        ON_STAGE(private_names_need_the_vpcs_attributes_and_are_given_once),
        ON_STAGE(what_cannot_be_an_endpoint_is_refused),
        ON_STAGE(a_gateway_endpoint_is_a_route_to_awss_own_list),
        ON_STAGE(dhcp_options_are_checked),
        ON_STAGE(a_set_that_is_used_cannot_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
