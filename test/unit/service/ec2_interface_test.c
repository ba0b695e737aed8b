#include "service/ec2/interface.h"
#include "service/ec2/vpc.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char subnet[32]; /* 10.0.0.0/28: room for 11 interfaces */
static char group[32];  /* the default group of its VPC */
static char gateway[32];
static char vpc[32];

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
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.0.0/28'}", vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "DescribeSecurityGroups",
                    "{'Filters': [{'Name': 'vpc-id', 'Values': ['%s']}]}", vpc),
         "SecurityGroups.0.GroupId", group);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

/* Creates an interface for instance `owner`; returns what ec2_interface_create() does. */
static int create(const char *owner, const char *private_ip, bool want_public, char id[32])
{
    struct txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    json_auto_t *groups = json_pack("[s]", group);
    struct ec2_interface_spec spec = {
        .subnet = store_get(f->store, "subnet", f->region, subnet),
        .group_ids = groups,
        .private_ip = private_ip,
        .want_public = want_public,
        .kind = "instance",
        .owner = owner,
        .description = "",
    };
    if (ec2_interface_create(&call, &spec, id, &f->err) < 0) {
        txn_rollback(txn);
        return -1;
    }
    return txn_commit(txn, &f->err);
}

static void delete (const char *id)
{
    struct txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    ec2_interface_delete(&call, id);
    assert_int_equal(txn_commit(txn, &f->err), 0);
}

static const json_t *interface(const char *id)
{
    return store_get(f->store, "network-interface", f->region, id);
}

static void a_subnet_gives_each_address_once_and_reserves_five(void **state)
{
    (void)state;
    char id[32], first[32];
    assert_int_equal(create("i-1", NULL, false, first), 0);
    assert_string_equal(fixture_text(interface(first), "PrivateIpAddress"), "10.0.0.4");
    assert_string_equal(fixture_text(interface(first), "PrivateDnsName"),
                        "ip-10-0-0-4.ec2.internal");
    for (int i = 0; i < 10; i++)
        assert_int_equal(create("i-1", NULL, false, id), 0);
    assert_string_equal(fixture_text(interface(id), "PrivateIpAddress"), "10.0.0.14");
    assert_int_equal(create("i-1", NULL, false, id), -1);
    assert_string_equal(f->err.code, "InsufficientFreeAddressesInSubnet");
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteSubnet", "{'SubnetId': '%s'}", subnet);
    delete (first);
    assert_int_equal(create("i-1", NULL, false, id), 0);
    assert_string_equal(fixture_text(interface(id), "PrivateIpAddress"), "10.0.0.4");
    assert_string_equal(
        fixture_text(store_get(f->store, "subnet", f->region, subnet), "AvailableIpAddressCount"),
        "0");
}

static void an_address_that_was_given_back_is_not_used_again_at_once(void **state)
{
    (void)state;
    char first[32], second[32];
    assert_int_equal(create("i-1", NULL, false, first), 0);
    delete (first);
    assert_int_equal(create("i-1", NULL, false, second), 0);
    assert_string_equal(fixture_text(interface(second), "PrivateIpAddress"), "10.0.0.5");
}

static void a_wanted_address_must_be_free_and_in_the_subnet(void **state)
{
    (void)state;
    static const struct {
        const char *address, *code;
    } cases[] = {
        {"10.0.0.3", "InvalidParameterValue"},   {"10.0.0.15", "InvalidParameterValue"},
        {"10.0.1.5", "InvalidParameterValue"},   {"10.0.0.05", "InvalidParameterValue"},
        {"10.0.0.14", "InvalidIPAddress.InUse"},
    };
    char id[32];
    assert_int_equal(create("i-1", "10.0.0.14", false, id), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(create("i-2", cases[i].address, false, id), -1);
        assert_string_equal(f->err.code, cases[i].code);
    }
}

static void a_public_address_goes_and_comes_with_the_instance(void **state)
{
    (void)state;
    char id[32];
    assert_int_equal(create("i-1", NULL, true, id), 0);
    json_decref(
        fixture_ok(f, "ec2", "DescribeNetworkInterfaces", "{'NetworkInterfaceIds': ['%s']}", id));
    const char *address = fixture_text(interface(id), "Association.PublicIp");
    assert_memory_equal(address, "100.64.", 7);
    assert_non_null(store_get(f->store, "public-address", "", address));
    struct txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    ec2_interface_release_public(&call, id);
    assert_null(fixture_at(interface(id), "Association"));
    assert_int_equal(store_count(f->store, "public-address", ""), 0);
    assert_int_equal(ec2_interface_acquire_public(&call, id, &f->err), 0);
    assert_non_null(fixture_at(interface(id), "Association"));
    assert_int_equal(ec2_interface_acquire_public(&call, id, &f->err), 0);
    assert_int_equal(store_count(f->store, "public-address", ""), 1);
    assert_int_equal(txn_commit(txn, &f->err), 0);
}

static void an_elastic_address_takes_the_place_of_the_assigned_one(void **state)
{
    (void)state;
    char id[32], allocation[32], association[32];
    assert_int_equal(create("i-1", NULL, true, id), 0);
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{'Domain': 'vpc'}"), "AllocationId", allocation);
    fixture_fails(f, "Gateway.NotAttached", "ec2", "AssociateAddress",
                  "{'AllocationId': '%s', 'NetworkInterfaceId': '%s'}", allocation, id);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    keep(fixture_ok(f, "ec2", "AssociateAddress",
                    "{'AllocationId': '%s', 'NetworkInterfaceId': '%s'}", allocation, id),
         "AssociationId", association);
    assert_string_equal(fixture_text(interface(id), "Association.AllocationId"), allocation);
    assert_int_equal(store_count(f->store, "public-address", ""), 1);
    fixture_fails(f, "InvalidIPAddress.InUse", "ec2", "ReleaseAddress", "{'AllocationId': '%s'}",
                  allocation);
    fixture_fails(f, "DependencyViolation", "ec2", "DetachInternetGateway",
                  "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway);
    delete (id); /* the elastic address outlives it */
    json_auto_t *shown =
        fixture_ok(f, "ec2", "DescribeAddresses", "{'AllocationIds': ['%s']}", allocation);
    assert_null(fixture_at(shown, "Addresses.0.AssociationId"));
    fixture_fails(f, "InvalidAssociationID.NotFound", "ec2", "DisassociateAddress",
                  "{'AssociationId': '%s'}", association);
    json_decref(fixture_ok(f, "ec2", "ReleaseAddress", "{'AllocationId': '%s'}", allocation));
    assert_int_equal(store_count(f->store, "public-address", ""), 0);
}

static void an_elastic_address_moves_unless_that_is_forbidden(void **state)
{
    (void)state;
    char first[32], second[32], allocation[32];
    assert_int_equal(create("i-1", NULL, false, first), 0);
    assert_int_equal(create("i-2", NULL, false, second), 0);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", allocation);
    const char *associate =
        "{'AllocationId': '%s', 'NetworkInterfaceId': '%s', 'AllowReassociation': %s}";
    char in[200];
    snprintf(in, sizeof in, associate, allocation, first, "false");
    json_decref(fixture_ok(f, "ec2", "AssociateAddress", "%s", in));
    snprintf(in, sizeof in, associate, allocation, second, "false");
    fixture_fails(f, "Resource.AlreadyAssociated", "ec2", "AssociateAddress", "%s", in);
    snprintf(in, sizeof in, associate, allocation, second, "true");
    json_decref(fixture_ok(f, "ec2", "AssociateAddress", "%s", in));
    assert_null(fixture_at(interface(first), "Association"));
    json_auto_t *shown = fixture_ok(f, "ec2", "DescribeAddresses", "{}");
    assert_string_equal(fixture_text(shown, "Addresses.0.NetworkInterfaceId"), second);
    assert_string_equal(fixture_text(shown, "Addresses.0.InstanceId"), "i-2");
    json_decref(fixture_ok(f, "ec2", "DisassociateAddress", "{'PublicIp': '%s'}",
                           fixture_text(shown, "Addresses.0.PublicIp")));
    assert_null(fixture_at(interface(second), "Association"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_subnet_gives_each_address_once_and_reserves_five),
        TEST(an_address_that_was_given_back_is_not_used_again_at_once),
        TEST(a_wanted_address_must_be_free_and_in_the_subnet),
        TEST(a_public_address_goes_and_comes_with_the_instance),
        TEST(an_elastic_address_takes_the_place_of_the_assigned_one),
        TEST(an_elastic_address_moves_unless_that_is_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
