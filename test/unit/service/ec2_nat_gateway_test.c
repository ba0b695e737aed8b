#include "service_fixture.h"

#include "service/ec2/nat_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], gateway[32], subnet[32], allocation[32], table[32];

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static void attach(void)
{
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
}

static void detach(void)
{
    json_decref(fixture_ok(f, "ec2", "DetachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
}

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/28'}", vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", allocation);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", vpc),
         "RouteTable.RouteTableId", table);
    attach();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static void make_public(char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateNatGateway", "{'SubnetId': '%s', 'AllocationId': '%s'}",
                    subnet, allocation),
         "NatGateway.NatGatewayId", ret);
}

static void make_private(char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateNatGateway",
                    "{'SubnetId': '%s', 'ConnectivityType': 'private'}", subnet),
         "NatGateway.NatGatewayId", ret);
}

static void delete_gateway(const char *id)
{
    json_decref(fixture_ok(f, "ec2", "DeleteNatGateway", "{'NatGatewayId': '%s'}", id));
}

/* As the controller does once. */
static void advance(const char *id, bool built)
{
    auto_txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    ec2_nat_gateway_advance(&call, id, built);
    assert_int_equal(txn_commit(txn, &f->err), 0);
    txn = NULL;
}

static json_t *describe(const char *id)
{
    return fixture_ok(f, "ec2", "DescribeNatGateways", "{'NatGatewayIds': ['%s']}", id);
}

static void assert_state(const char *id, const char *state)
{
    json_auto_t *out = describe(id);
    assert_string_equal(fixture_text(out, "NatGateways.0.State"), state);
}

static void assert_failed(const char *id, const char *code, const char *text)
{
    json_auto_t *out = describe(id);
    assert_string_equal(fixture_text(out, "NatGateways.0.State"), "failed");
    assert_string_equal(fixture_text(out, "NatGateways.0.FailureCode"), code);
    assert_non_null(strstr(fixture_text(out, "NatGateways.0.FailureMessage"), text));
}

static size_t count_interfaces(void)
{
    json_auto_t *out = fixture_ok(f, "ec2", "DescribeNetworkInterfaces",
                                  "{'Filters': [{'Name': 'vpc-id', 'Values': ['%s']}]}", vpc);
    return json_array_size(fixture_at(out, "NetworkInterfaces"));
}

static void a_public_gateway_becomes_available_with_its_elastic_address(void **state)
{
    char id[32];
    (void)state;
    make_public(id);
    assert_state(id, "pending");
    advance(id, true);
    assert_state(id, "pending");
    advance(id, false);
    assert_state(id, "pending");
    advance(id, true);
    json_auto_t *out = describe(id);
    assert_string_equal(fixture_text(out, "NatGateways.0.State"), "available");
    assert_string_equal(fixture_text(out, "NatGateways.0.NatGatewayAddresses.0.PrivateIp"),
                        "10.0.1.4");
    json_auto_t *addresses = fixture_ok(f, "ec2", "DescribeAddresses", "{}");
    assert_string_equal(fixture_text(addresses, "Addresses.0.PrivateIpAddress"), "10.0.1.4");
    assert_null(fixture_at(addresses, "Addresses.0.InstanceId"));
    char ip[16];
    snprintf(ip, sizeof ip, "%s", fixture_text(addresses, "Addresses.0.PublicIp"));
    assert_string_equal(fixture_text(out, "NatGateways.0.NatGatewayAddresses.0.PublicIp"), ip);
}

static void its_interface_is_of_a_kind_of_its_own(void **state)
{
    char id[32];
    (void)state;
    make_private(id);
    advance(id, false);
    json_auto_t *out =
        fixture_ok(f, "ec2", "DescribeNetworkInterfaces",
                   "{'Filters': [{'Name': 'interface-type', 'Values': ['nat_gateway']}]}");
    assert_string_equal(fixture_text(out, "NetworkInterfaces.0.SourceDestCheck"), "false");
    assert_string_equal(fixture_text(out, "NetworkInterfaces.0.RequesterManaged"), "true");
    assert_int_equal(json_array_size(fixture_at(out, "NetworkInterfaces.0.Groups")), 0);
    assert_null(fixture_at(out, "NetworkInterfaces.0.Attachment.InstanceId"));
}

static void a_deleted_gateway_gives_everything_back(void **state)
{
    char id[32];
    (void)state;
    make_public(id);
    advance(id, false);
    advance(id, true);
    delete_gateway(id);
    assert_state(id, "deleting");
    advance(id, false);
    assert_state(id, "deleted");
    assert_int_equal(count_interfaces(), 0);
    json_decref(fixture_ok(f, "ec2", "ReleaseAddress", "{'AllocationId': '%s'}", allocation));
    json_decref(fixture_ok(f, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet));
    f->now_ms += 3600 * 1000;
    advance(id, false);
    fixture_fails(f, "NatGatewayNotFound", "ec2", "DescribeNatGateways",
                  "{'NatGatewayIds': ['%s']}", id);
}

static void a_gateway_that_is_deleted_while_pending_never_gets_an_address(void **state)
{
    char id[32];
    (void)state;
    make_public(id);
    delete_gateway(id);
    advance(id, false);
    assert_state(id, "deleted");
    assert_int_equal(count_interfaces(), 0);
}

static void it_fails_without_an_internet_gateway(void **state)
{
    char id[32];
    (void)state;
    detach();
    make_public(id);
    advance(id, false);
    assert_failed(id, "Gateway.NotAttached", "has no Internet gateway attached");
    assert_int_equal(count_interfaces(), 0);
    make_private(id);
    advance(id, false);
    advance(id, true);
    assert_state(id, "available");
}

static void it_fails_when_its_subnet_or_address_goes_meanwhile(void **state)
{
    char id[32], second[32], other[32];
    (void)state;
    make_public(id);
    make_public(second);
    advance(id, false);
    advance(second, false);
    assert_failed(second, "Resource.AlreadyAssociated", "is already associated");
    fixture_fails(f, "Resource.AlreadyAssociated", "ec2", "CreateNatGateway",
                  "{'SubnetId': '%s', 'AllocationId': '%s'}", subnet, allocation);
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", other);
    keep(fixture_ok(f, "ec2", "CreateNatGateway", "{'SubnetId': '%s', 'AllocationId': '%s'}",
                    subnet, other),
         "NatGateway.NatGatewayId", second);
    json_decref(fixture_ok(f, "ec2", "ReleaseAddress", "{'AllocationId': '%s'}", other));
    advance(second, false);
    assert_failed(second, "InvalidAllocationID.NotFound", "could not be associated");
    delete_gateway(id);
    advance(id, false);
    make_private(id);
    json_decref(fixture_ok(f, "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet));
    advance(id, false);
    assert_failed(id, "InvalidSubnetID.NotFound", "could not be found");
}

static void it_fails_in_a_subnet_that_is_full(void **state)
{
    char small[32], id[32];
    (void)state;
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/28'}", vpc),
         "Subnet.SubnetId", small);
    for (int i = 0; i < 12; i++) {
        keep(fixture_ok(f, "ec2", "CreateNatGateway",
                        "{'SubnetId': '%s', 'ConnectivityType': 'private'}", small),
             "NatGateway.NatGatewayId", id);
        advance(id, false);
        if (i < 11) { /* the zone has a quota; the interface stays as if something else had it */
            auto_txn *txn = txn_begin(f->store);
            txn_delete(txn, "nat-gateway", f->region, id);
            assert_int_equal(txn_commit(txn, &f->err), 0);
            txn = NULL;
        }
    }
    assert_failed(id, "InsufficientFreeAddressesInSubnet", "insufficient free addresses");
}

static void a_zone_has_five(void **state)
{
    char id[32];
    (void)state;
    for (int i = 0; i < 5; i++)
        make_private(id);
    fixture_fails(f, "NatGatewayLimitExceeded", "ec2", "CreateNatGateway",
                  "{'SubnetId': '%s', 'ConnectivityType': 'private'}", subnet);
    delete_gateway(id);
    advance(id, false);
    make_private(id);
}

static void what_makes_no_gateway_is_refused(void **state)
{
    static const struct {
        const char *code, *rest;
    } cases[] = {
        {"MissingParameter", "}"},
        {"InvalidAllocationID.NotFound", ", 'AllocationId': 'eipalloc-01234567'}"},
        {"InvalidParameterCombination",
         ", 'ConnectivityType': 'private', 'AllocationId': 'eipalloc-01234567'}"},
        {"InvalidParameterValue",
         ", 'ConnectivityType': 'private', 'PrivateIpAddress': '10.1.1.1'}"},
        {"UnsupportedOperation",
         ", 'ConnectivityType': 'private', 'SecondaryPrivateIpAddressCount': 1}"},
        {"UnsupportedOperation",
         ", 'ConnectivityType': 'private', 'AvailabilityMode': 'regional'}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fixture_fails(f, cases[i].code, "ec2", "CreateNatGateway", "{'SubnetId': '%s'%s", subnet,
                      cases[i].rest);
    fixture_fails(f, "NatGatewayNotFound", "ec2", "DeleteNatGateway",
                  "{'NatGatewayId': 'nat-01234567'}");
}

static void a_route_to_it_is_a_blackhole_once_it_is_deleted(void **state)
{
    char id[32];
    (void)state;
    fixture_fails(f, "InvalidNatGatewayID.NotFound", "ec2", "CreateRoute",
                  "{'RouteTableId': '%s', 'DestinationCidrBlock': '0.0.0.0/0', "
                  "'NatGatewayId': 'nat-01234567'}",
                  table);
    make_public(id);
    advance(id, false);
    json_decref(fixture_ok(f, "ec2", "CreateRoute",
                           "{'RouteTableId': '%s', 'DestinationCidrBlock': '0.0.0.0/0', "
                           "'NatGatewayId': '%s'}",
                           table, id));
    json_auto_t *before =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    assert_string_equal(fixture_text(before, "RouteTables.0.Routes.1.NatGatewayId"), id);
    assert_string_equal(fixture_text(before, "RouteTables.0.Routes.1.State"), "active");
    delete_gateway(id);
    advance(id, false);
    json_auto_t *after =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    assert_string_equal(fixture_text(after, "RouteTables.0.Routes.1.State"), "blackhole");
    json_decref(fixture_ok(f, "ec2", "ReplaceRoute",
                           "{'RouteTableId': '%s', 'DestinationCidrBlock': '0.0.0.0/0', "
                           "'GatewayId': '%s'}",
                           table, gateway));
    json_auto_t *replaced =
        fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
    assert_null(fixture_at(replaced, "RouteTables.0.Routes.1.NatGatewayId"));
    assert_string_equal(fixture_text(replaced, "RouteTables.0.Routes.1.State"), "active");
}

static void its_address_is_not_the_users_to_move(void **state)
{
    char id[32], association[64];
    (void)state;
    make_public(id);
    advance(id, false);
    json_auto_t *out = describe(id);
    snprintf(association, sizeof association, "%s",
             fixture_text(out, "NatGateways.0.NatGatewayAddresses.0.AssociationId"));
    fixture_fails(f, "AuthFailure", "ec2", "DisassociateAddress", "{'AssociationId': '%s'}",
                  association);
    fixture_fails(f, "InvalidIPAddress.InUse", "ec2", "ReleaseAddress", "{'AllocationId': '%s'}",
                  allocation);
    fixture_fails(f, "DependencyViolation", "ec2", "DetachInternetGateway",
                  "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_public_gateway_becomes_available_with_its_elastic_address),
        TEST(its_interface_is_of_a_kind_of_its_own),
        TEST(a_deleted_gateway_gives_everything_back),
        TEST(a_gateway_that_is_deleted_while_pending_never_gets_an_address),
        TEST(it_fails_without_an_internet_gateway),
        TEST(it_fails_when_its_subnet_or_address_goes_meanwhile),
        TEST(it_fails_in_a_subnet_that_is_full),
        TEST(a_zone_has_five),
        TEST(what_makes_no_gateway_is_refused),
        TEST(a_route_to_it_is_a_blackhole_once_it_is_deleted),
        TEST(its_address_is_not_the_users_to_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
