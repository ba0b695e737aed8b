#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], table[32];

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char *ret, size_t size)
{
    snprintf(ret, size, "%s", fixture_text(out, path));
    json_decref(out);
}

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc,
         sizeof vpc);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", table, sizeof table);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static void associate(const char *block, char ret[64])
{
    keep(fixture_ok(f, "ec2", "AssociateVpcCidrBlock", "{'VpcId': '%s', 'CidrBlock': '%s'}", vpc,
                    block),
         "CidrBlockAssociation.AssociationId", ret, 64);
}

static void fails(const char *code, const char *block)
{
    fixture_fails(f, code, "ec2", "AssociateVpcCidrBlock", "{'VpcId': '%s', 'CidrBlock': '%s'}",
                  vpc, block);
}

static size_t count_routes(void)
{
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    return json_array_size(fixture_at(out, "RouteTables.0.Routes"));
}

static void a_second_block_has_subnets_and_local_routes(void **state)
{
    char association[64];
    (void)state;
    fixture_fails(f, "InvalidSubnet.Range", "ec2", "CreateSubnet",
                  "{'VpcId': '%s', 'CidrBlock': '10.1.2.0/24'}", vpc);
    associate("10.1.2.3/16", association);
    json_decref(
        fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.1.2.0/24'}", vpc));
    json_auto_t *vpcs = fixture_ok(f, "ec2", "DescribeVpcs", "{'VpcIds': ['%s']}", vpc);
    assert_string_equal(fixture_text(vpcs, "Vpcs.0.CidrBlock"), "10.0.0.0/16");
    assert_string_equal(fixture_text(vpcs, "Vpcs.0.CidrBlockAssociationSet.1.CidrBlock"),
                        "10.1.0.0/16");
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    assert_string_equal(fixture_text(out, "RouteTables.0.Routes.1.DestinationCidrBlock"),
                        "10.1.0.0/16");
    assert_string_equal(fixture_text(out, "RouteTables.0.Routes.1.GatewayId"), "local");
    char later[32];
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", later, sizeof later);
    json_auto_t *tables =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", later);
    assert_int_equal(json_array_size(fixture_at(tables, "RouteTables.0.Routes")), 2);
}

static void a_block_without_subnets_is_disassociated(void **state)
{
    char association[64], subnet[32];
    (void)state;
    associate("10.1.0.0/16", association);
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.1.2.0/24'}", vpc),
         "Subnet.SubnetId", subnet, sizeof subnet);
    fixture_fails(f, "DependencyViolation", "ec2", "DisassociateVpcCidrBlock",
                  "{'AssociationId': '%s'}", association);
    json_decref(fixture_ok(f, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet));
    assert_int_equal(count_routes(), 2);
    json_decref(
        fixture_ok(f, "ec2", "DisassociateVpcCidrBlock", "{'AssociationId': '%s'}", association));
    assert_int_equal(count_routes(), 1);
    fixture_fails(f, "InvalidVpcCidrBlockAssociationID.NotFound", "ec2", "DisassociateVpcCidrBlock",
                  "{'AssociationId': '%s'}", association);
}

static void the_primary_block_stays(void **state)
{
    char association[64];
    (void)state;
    keep(fixture_ok(f, "ec2", "DescribeVpcs", "{'VpcIds': ['%s']}", vpc),
         "Vpcs.0.CidrBlockAssociationSet.0.AssociationId", association, sizeof association);
    fixture_fails(f, "OperationNotPermitted", "ec2", "DisassociateVpcCidrBlock",
                  "{'AssociationId': '%s'}", association);
}

static void blocks_that_a_vpc_cannot_add_are_refused(void **state)
{
    static const struct {
        const char *code, *block;
    } cases[] = {
        {"InvalidParameterValue", "10.1.0.0"},  {"InvalidVpc.Range", "10.0.5.0/24"},
        {"InvalidVpc.Range", "10.0.0.0/15"},    {"InvalidVpc.Range", "10.1.0.0/29"},
        {"InvalidVpc.Range", "192.168.0.0/16"}, {"InvalidVpc.Range", "172.16.0.0/16"},
        {"InvalidVpc.Range", "198.19.0.0/16"},  {"InvalidVpc.Range", "169.254.0.0/16"},
        {"InvalidVpc.Range", "100.100.0.0/16"}, {"InvalidVpc.Range", "127.0.0.0/16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fails(cases[i].code, cases[i].block);
}

static void a_vpc_has_five_blocks(void **state)
{
    static const char *const blocks[] = {"10.1.0.0/16", "10.2.0.0/28", "198.18.0.0/16",
                                         "8.0.0.0/16"};
    char association[64];
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        associate(blocks[i], association);
    fails("CidrLimitExceeded", "10.9.0.0/16");
}

static void a_block_that_a_route_leads_out_of_is_refused(void **state)
{
    char gateway[32], association[64];
    (void)state;
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway, sizeof gateway);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    json_decref(fixture_ok(f, "ec2", "CreateRoute",
                           "{'RouteTableId': '%s', 'DestinationCidrBlock': '10.1.0.0/24', "
                           "'GatewayId': '%s'}",
                           table, gateway));
    fails("InvalidVpc.Range", "10.1.0.0/24");
    fails("InvalidVpc.Range", "10.1.0.0/16");
    associate("10.1.0.0/25", association);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateRoute",
                  "{'RouteTableId': '%s', 'DestinationCidrBlock': '10.1.0.0/26', "
                  "'GatewayId': '%s'}",
                  table, gateway);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_second_block_has_subnets_and_local_routes),
        TEST(a_block_without_subnets_is_disassociated),
        TEST(the_primary_block_stays),
        TEST(blocks_that_a_vpc_cannot_add_are_refused),
        TEST(a_vpc_has_five_blocks),
        TEST(a_block_that_a_route_leads_out_of_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
