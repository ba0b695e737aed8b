#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char left[32], right[32];

enum { HOUR_MS = 3600 * 1000 };

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static void make_vpc(const char *block, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '%s'}", block), "Vpc.VpcId", ret);
}

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    make_vpc("10.1.0.0/16", left);
    make_vpc("10.2.0.0/16", right);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static void request(const char *vpc, const char *peer, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateVpcPeeringConnection", "{'VpcId': '%s', 'PeerVpcId': '%s'}",
                    vpc, peer),
         "VpcPeeringConnection.VpcPeeringConnectionId", ret);
}

/* An operation on a connection that must succeed. */
static void act(const char *operation, const char *id)
{
    json_decref(fixture_ok(f, "ec2", operation, "{'VpcPeeringConnectionId': '%s'}", id));
}

static void refuse(const char *operation, const char *id)
{
    fixture_fails(f, "InvalidStateTransition", "ec2", operation, "{'VpcPeeringConnectionId': '%s'}",
                  id);
}

static json_t *describe(const char *id)
{
    return fixture_ok(f, "ec2", "DescribeVpcPeeringConnections",
                      "{'VpcPeeringConnectionIds': ['%s']}", id);
}

static void assert_state(const char *id, const char *code, const char *message)
{
    json_auto_t *out = describe(id);
    assert_string_equal(fixture_text(out, "VpcPeeringConnections.0.Status.Code"), code);
    assert_string_equal(fixture_text(out, "VpcPeeringConnections.0.Status.Message"), message);
}

static void assert_forgotten(const char *id)
{
    fixture_fails(f, "InvalidVpcPeeringConnectionID.NotFound", "ec2",
                  "DescribeVpcPeeringConnections", "{'VpcPeeringConnectionIds': ['%s']}", id);
}

static void a_request_is_pending_until_it_is_accepted(void **state)
{
    char id[32];
    (void)state;
    request(left, right, id);
    assert_state(id, "pending-acceptance", "Pending Acceptance by 000000000000");
    json_auto_t *pending = describe(id);
    assert_null(fixture_at(pending, "VpcPeeringConnections.0.AccepterVpcInfo.CidrBlock"));
    act("AcceptVpcPeeringConnection", id);
    assert_state(id, "active", "Active");
    json_auto_t *out = describe(id);
    assert_string_equal(fixture_text(out, "VpcPeeringConnections.0.RequesterVpcInfo.CidrBlock"),
                        "10.1.0.0/16");
    assert_string_equal(
        fixture_text(out, "VpcPeeringConnections.0.AccepterVpcInfo.CidrBlockSet.0.CidrBlock"),
        "10.2.0.0/16");
    assert_null(fixture_at(out, "VpcPeeringConnections.0.ExpirationTime"));
    refuse("AcceptVpcPeeringConnection", id);
    refuse("RejectVpcPeeringConnection", id);
}

static void a_rejected_request_is_shown_for_two_days(void **state)
{
    char id[32];
    (void)state;
    request(left, right, id);
    act("RejectVpcPeeringConnection", id);
    assert_state(id, "rejected", "Rejected by 000000000000");
    refuse("AcceptVpcPeeringConnection", id);
    refuse("DeleteVpcPeeringConnection", id);
    f->now_ms += INT64_C(48) * HOUR_MS;
    assert_forgotten(id);
}

static void a_deleted_connection_is_shown_for_two_hours(void **state)
{
    char id[32], next[32];
    (void)state;
    request(left, right, id);
    act("AcceptVpcPeeringConnection", id);
    act("DeleteVpcPeeringConnection", id);
    assert_state(id, "deleted", "Deleted by 000000000000");
    refuse("DeleteVpcPeeringConnection", id);
    f->now_ms += 2 * HOUR_MS;
    assert_forgotten(id);
    request(right, left, next);
    assert_null(store_get(f->store, "vpc-peering-connection", f->region, id));
}

static void a_request_expires_after_a_week(void **state)
{
    char id[32];
    (void)state;
    request(left, right, id);
    f->now_ms += INT64_C(7 * 24) * HOUR_MS;
    assert_state(id, "expired", "Expired");
    refuse("AcceptVpcPeeringConnection", id);
    f->now_ms += INT64_C(48) * HOUR_MS;
    assert_forgotten(id);
}

static void vpcs_that_cannot_be_peered_fail(void **state)
{
    static const char text[] =
        "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
    char id[32], same[32];
    (void)state;
    make_vpc("10.1.128.0/20", same);
    request(left, same, id);
    assert_state(id, "failed", text);
    request(left, left, id);
    assert_state(id, "failed", text);
    request(left, "vpc-01234567", id);
    assert_state(id, "failed", text);
    refuse("AcceptVpcPeeringConnection", id);
    f->now_ms += 2 * HOUR_MS;
    assert_forgotten(id);
}

static void two_vpcs_have_one_connection(void **state)
{
    char id[32];
    (void)state;
    request(left, right, id);
    fixture_fails(f, "VpcPeeringConnectionAlreadyExists", "ec2", "CreateVpcPeeringConnection",
                  "{'VpcId': '%s', 'PeerVpcId': '%s'}", right, left);
    act("DeleteVpcPeeringConnection", id);
    request(right, left, id);
}

static void another_region_is_refused(void **state)
{
    (void)state;
    fixture_fails(f, "UnsupportedOperation", "ec2", "CreateVpcPeeringConnection",
                  "{'VpcId': '%s', 'PeerVpcId': '%s', 'PeerRegion': 'eu-west-1'}", left, right);
    json_decref(fixture_ok(f, "ec2", "CreateVpcPeeringConnection",
                           "{'VpcId': '%s', 'PeerVpcId': '%s', 'PeerRegion': 'us-east-1', "
                           "'PeerOwnerId': '000000000000'}",
                           left, right));
}

static void a_peered_vpc_stays_and_keeps_its_blocks_apart(void **state)
{
    char id[32];
    (void)state;
    request(left, right, id);
    act("AcceptVpcPeeringConnection", id);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteVpc", "{'VpcId': '%s'}", right);
    fixture_fails(f, "InvalidVpc.Range", "ec2", "AssociateVpcCidrBlock",
                  "{'VpcId': '%s', 'CidrBlock': '10.2.0.0/24'}", left);
    json_decref(fixture_ok(f, "ec2", "AssociateVpcCidrBlock",
                           "{'VpcId': '%s', 'CidrBlock': '10.3.0.0/24'}", left));
    json_auto_t *out = describe(id);
    assert_string_equal(
        fixture_text(out, "VpcPeeringConnections.0.RequesterVpcInfo.CidrBlockSet.1.CidrBlock"),
        "10.3.0.0/24");
    act("DeleteVpcPeeringConnection", id);
    json_decref(fixture_ok(f, "ec2", "DeleteVpc", "{'VpcId': '%s'}", right));
}

static void a_route_to_it_is_active_while_it_is(void **state)
{
    char id[32], table[32], other_table[32];
    (void)state;
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", left),
         "RouteTable.RouteTableId", table);
    make_vpc("10.9.0.0/16", other_table);
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", other_table),
         "RouteTable.RouteTableId", other_table);
    request(left, right, id);
    static const char route[] = "{'RouteTableId': '%s', 'DestinationCidrBlock': '%s', "
                                "'VpcPeeringConnectionId': '%s'}";
    json_decref(fixture_ok(f, "ec2", "CreateRoute", route, table, "10.2.0.0/16", id));
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateRoute", route, other_table,
                  "10.2.0.0/16", id);
    fixture_fails(f, "InvalidParameterValue", "ec2", "CreateRoute", route, table, "10.1.1.0/24",
                  id);
    static const char *const operations[] = {NULL, "AcceptVpcPeeringConnection",
                                             "DeleteVpcPeeringConnection"};
    static const char *const states[] = {"blackhole", "active", "blackhole"};
    for (int i = 0; i < 3; i++) {
        if (operations[i])
            act(operations[i], id);
        json_auto_t *out =
            fixture_ok(f, "ec2", "DescribeRouteTables", "{'RouteTableIds': ['%s']}", table);
        assert_string_equal(fixture_text(out, "RouteTables.0.Routes.1.State"), states[i]);
    }
    fixture_fails(f, "InvalidVpcPeeringConnectionID.NotFound", "ec2", "CreateRoute", route, table,
                  "10.2.1.0/24", id);
}

static void a_rule_may_name_a_group_of_a_peered_vpc(void **state)
{
    char id[32], here[32], there[32];
    (void)state;
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'GroupName': 'a', 'Description': 'a', 'VpcId': '%s'}", left),
         "GroupId", here);
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'GroupName': 'a', 'Description': 'a', 'VpcId': '%s'}", right),
         "GroupId", there);
    static const char rule[] =
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 1, 'ToPort': 2, "
        "'UserIdGroupPairs': [{'GroupId': '%s'}]}]}";
    request(left, right, id);
    fixture_fails(f, "InvalidGroup.NotFound", "ec2", "AuthorizeSecurityGroupIngress", rule, here,
                  there);
    act("AcceptVpcPeeringConnection", id);
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress", rule, here, there));
    static const char pair[] = "SecurityGroups.0.IpPermissions.0.UserIdGroupPairs.0.";
    json_auto_t *out = fixture_ok(f, "ec2", "DescribeSecurityGroups", "{'GroupIds': ['%s']}", here);
    char path[96];
    snprintf(path, sizeof path, "%sVpcPeeringConnectionId", pair);
    assert_string_equal(fixture_text(out, path), id);
    snprintf(path, sizeof path, "%sPeeringStatus", pair);
    assert_string_equal(fixture_text(out, path), "active");
    snprintf(path, sizeof path, "%sVpcId", pair);
    assert_string_equal(fixture_text(out, path), right);
    act("DeleteVpcPeeringConnection", id);
    json_auto_t *rules = fixture_ok(f, "ec2", "DescribeSecurityGroupRules",
                                    "{'Filters': [{'Name': 'group-id', 'Values': ['%s']}]}", here);
    assert_string_equal(
        fixture_text(rules, "SecurityGroupRules.1.ReferencedGroupInfo.PeeringStatus"), "deleted");
    json_decref(fixture_ok(f, "ec2", "RevokeSecurityGroupIngress", rule, here, there));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_pending_until_it_is_accepted),
        TEST(a_rejected_request_is_shown_for_two_days),
        TEST(a_deleted_connection_is_shown_for_two_hours),
        TEST(a_request_expires_after_a_week),
        TEST(vpcs_that_cannot_be_peered_fail),
        TEST(two_vpcs_have_one_connection),
        TEST(another_region_is_refused),
        TEST(a_peered_vpc_stays_and_keeps_its_blocks_apart),
        TEST(a_route_to_it_is_active_while_it_is),
        TEST(a_rule_may_name_a_group_of_a_peered_vpc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
