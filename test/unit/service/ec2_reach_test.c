/* What lets a packet through and what stops it, case by case. */
#include "service_fixture.h"

#include "service/doc.h"
#include "service/ec2/nat_gateway.h"
#include "service/ec2/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], left_subnet[32], right_subnet[32], group[32], table[32], acl[32], image[32];
static json_t *answer; /* of the last question */

/* Copies the text at a path of an output; releases the output. */
static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static void ec2(const char *operation, const char *in, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, in);
    vsnprintf(text, sizeof text, in, arguments);
    va_end(arguments);
    json_decref(fixture_ok(f, "ec2", operation, "%s", text));
}

/* ---- a small network ---- */

static void subnet(const char *of, const char *block, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '%s'}", of, block),
         "Subnet.SubnetId", ret);
}

static void set_state(const char *instance, const char *state)
{
    auto_txn *txn = txn_begin(f->store);
    json_t *doc = txn_edit(txn, "instance", f->region, instance);
    json_object_set_new(json_object_get(doc, "State"), "Name", json_string(state));
    assert_int_equal(txn_commit(txn, &f->err), 0);
    txn = NULL;
}

/* An instance that runs. `groups`: one id; NULL: the VPC's default group. */
static void run(const char *in_subnet, bool is_public, const char *in_group, char ret[32])
{
    json_t *out =
        fixture_ok(f, "ec2", "RunInstances",
                   "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1, "
                   "'NetworkInterfaces': [{'DeviceIndex': 0, 'SubnetId': '%s', 'Groups': ['%s'], "
                   "'AssociatePublicIpAddress': %s}]}",
                   image, in_subnet, in_group, is_public ? "true" : "false");
    keep(out, "Instances.0.InstanceId", ret);
    set_state(ret, "running");
}

static const json_t *instance_of(const char *id)
{
    return store_get(f->store, "instance", f->region, id);
}

static const char *interface_of(const char *id)
{
    return fixture_text(instance_of(id), "NetworkInterfaces.0.NetworkInterfaceId");
}

static void new_group(const char *of, const char *name, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'VpcId': '%s', 'GroupName': '%s', 'Description': 'a group'}", of, name),
         "GroupId", ret);
}

/* Lets in what `from` says: a member of IpPermissions. */
static void let_in(const char *to, const char *protocol, int first, int last, const char *from)
{
    ec2("AuthorizeSecurityGroupIngress",
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '%s', 'FromPort': %d, 'ToPort': %d, "
        "%s}]}",
        to, protocol, first, last, from);
}

static void let_all_in(const char *to)
{
    let_in(to, "-1", -1, -1, "'IpRanges': [{'CidrIp': '0.0.0.0/0'}]");
}

static void attach_gateway(const char *to, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         ret);
    ec2("AttachInternetGateway", "{'VpcId': '%s', 'InternetGatewayId': '%s'}", to, ret);
}

static void route(const char *of, const char *block, const char *member, const char *target)
{
    ec2("CreateRoute", "{'RouteTableId': '%s', 'DestinationCidrBlock': '%s', '%s': '%s'}", of,
        block, member, target);
}

/* A route table of its own for a subnet. */
static void own_table(const char *of, const char *for_subnet, char ret[32])
{
    keep(fixture_ok(f, "ec2", "CreateRouteTable", "{'VpcId': '%s'}", of), "RouteTable.RouteTableId",
         ret);
    ec2("AssociateRouteTable", "{'RouteTableId': '%s', 'SubnetId': '%s'}", ret, for_subnet);
}

/* A network ACL of its own, without entries, for a subnet. */
static void own_acl(const char *for_subnet, char ret[32])
{
    const json_t *doc = store_get(f->store, "subnet", f->region, for_subnet);
    keep(fixture_ok(f, "ec2", "CreateNetworkAcl", "{'VpcId': '%s'}", vpc),
         "NetworkAcl.NetworkAclId", ret);
    ec2("ReplaceNetworkAclAssociation", "{'AssociationId': '%s', 'NetworkAclId': '%s'}",
        doc_text(doc, "_acl_association"), ret);
}

static void entry(const char *of, int number, bool is_egress, const char *action, int first,
                  int last)
{
    ec2("CreateNetworkAclEntry",
        "{'NetworkAclId': '%s', 'RuleNumber': %d, 'Egress': %s, 'Protocol': '6', 'CidrBlock': "
        "'0.0.0.0/0', 'RuleAction': '%s', 'PortRange': {'From': %d, 'To': %d}}",
        of, number, is_egress ? "true" : "false", action, first, last);
}

static int setup(void **state)
{
    (void)state;
    f = fixture_create();
    keep(fixture_ok(f, "ssm", "GetParameter",
                    "{'Name': '/aws/service/ami-amazon-linux-latest/"
                    "al2023-ami-kernel-default-x86_64'}"),
         "Parameter.Value", image);
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    const json_t *doc = store_get(f->store, "vpc", f->region, vpc);
    snprintf(table, sizeof table, "%s", doc_text(doc, "_main_route_table"));
    subnet(vpc, "10.0.1.0/24", left_subnet);
    subnet(vpc, "10.0.2.0/24", right_subnet);
    new_group(vpc, "all", group);
    let_all_in(group);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(answer);
    answer = NULL;
    fixture_destroy(f);
    return 0;
}

/* ---- questions ---- */

static void ask(const char *source, const char *destination, const char *protocol, const char *port)
{
    const struct call call = {
        .world = &f->world, .store = f->store, .account = "000000000000", .region = f->region};
    json_auto_t *question = json_pack("{s:s, s:s, s:s, s:s}", "Source", source, "Destination",
                                      destination, "Protocol", protocol, "Port", port);
    json_decref(answer);
    answer = ec2_reach(&call, question, &f->err);
}

static void reaches(const char *source, const char *destination, const char *protocol,
                    const char *port)
{
    ask(source, destination, protocol, port);
    assert_non_null(answer);
    if (!json_is_true(json_object_get(answer, "Reachable")))
        json_dumpf(answer, stderr, JSON_INDENT(2));
    assert_true(json_is_true(json_object_get(answer, "Reachable")));
    assert_int_equal(json_array_size(json_object_get(answer, "Explanations")), 0);
}

/* Asserts the first explanation: its code, and what it is about. */
static void is_stopped(const char *source, const char *destination, const char *port,
                       const char *code, const char *component)
{
    ask(source, destination, "tcp", port);
    assert_non_null(answer);
    assert_true(json_is_false(json_object_get(answer, "Reachable")));
    const json_t *explanation = fixture_at(answer, "Explanations.0");
    if (!explanation || strcmp(doc_text(explanation, "ExplanationCode"), code))
        json_dumpf(answer, stderr, JSON_INDENT(2));
    assert_string_equal(doc_text(explanation, "ExplanationCode"), code);
    if (component)
        assert_string_equal(doc_text(explanation, "ComponentId"), component);
}

static const char *change(void)
{
    return fixture_text(answer, "Explanations.0.Change");
}

/* ---- security groups ---- */

static void test_a_rule_of_the_receiver_must_admit_the_port(void **state)
{
    char left[32], right[32], tight[32];
    (void)state;
    new_group(vpc, "tight", tight);
    let_in(tight, "tcp", 80, 90, "'IpRanges': [{'CidrIp': '10.0.1.0/24'}]");
    run(left_subnet, false, group, left);
    run(right_subnet, false, tight, right);
    reaches(left, right, "tcp", "80");
    reaches(left, right, "tcp", "90");
    is_stopped(left, right, "91", "ENI_SG_RULES_MISMATCH", tight);
    assert_non_null(strstr(change(), "authorize-security-group-ingress"));
    assert_non_null(strstr(change(), group));
    ask(left, right, "udp", "80");
    assert_true(json_is_false(json_object_get(answer, "Reachable")));
}

static void test_a_rule_of_the_sender_must_let_it_out(void **state)
{
    char left[32], right[32], shut[32];
    (void)state;
    new_group(vpc, "shut", shut);
    ec2("RevokeSecurityGroupEgress",
        "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '-1', 'IpRanges': [{'CidrIp': "
        "'0.0.0.0/0'}]}]}",
        shut);
    run(left_subnet, false, shut, left);
    run(right_subnet, false, group, right);
    is_stopped(left, right, "80", "SG_HAS_NO_RULES", shut);
    assert_non_null(strstr(change(), "authorize-security-group-egress"));
}

static void test_a_group_as_source_admits_its_members(void **state)
{
    char left[32], right[32], strange[32], other[32], inner[32];
    char from[96];
    (void)state;
    new_group(vpc, "inner", inner);
    new_group(vpc, "other", other);
    snprintf(from, sizeof from, "'UserIdGroupPairs': [{'GroupId': '%s'}]", group);
    let_in(inner, "tcp", 5432, 5432, from);
    run(left_subnet, false, group, left);
    run(left_subnet, false, other, strange);
    run(right_subnet, false, inner, right);
    reaches(left, right, "tcp", "5432");
    is_stopped(strange, right, "5432", "ENI_SG_RULES_MISMATCH", inner);
}

static void test_an_answer_needs_no_rule(void **state)
{
    char left[32], right[32], inner[32];
    (void)state;
    new_group(vpc, "inner", inner);
    let_in(inner, "tcp", 80, 80, "'IpRanges': [{'CidrIp': '10.0.0.0/16'}]");
    run(left_subnet, false, inner, left);
    run(right_subnet, false, inner, right);
    reaches(left, right, "tcp", "80");
}

static void test_types_of_icmp_are_told_apart(void **state)
{
    char left[32], right[32], inner[32];
    (void)state;
    new_group(vpc, "inner", inner);
    let_in(inner, "icmp", 8, -1, "'IpRanges': [{'CidrIp': '0.0.0.0/0'}]");
    run(left_subnet, false, group, left);
    run(right_subnet, false, inner, right);
    reaches(left, right, "icmp", "");
    ask(left, right, "icmp", "13");
    assert_string_equal(fixture_text(answer, "Explanations.0.ExplanationCode"),
                        "ENI_SG_RULES_MISMATCH");
    ask(left, right, "icmp", "3:1");
    assert_string_equal(fixture_text(answer, "Explanations.0.ExplanationCode"),
                        "PROTOCOL_RESTRICTION");
}

/* ---- network ACLs ---- */

static void test_an_answer_needs_an_entry_of_its_own(void **state)
{
    char left[32], right[32];
    (void)state;
    own_acl(right_subnet, acl);
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, right);
    is_stopped(left, right, "80", "SUBNET_ACL_RESTRICTION", acl);
    assert_non_null(strstr(change(), "--ingress --rule-number 100 --protocol 6 --port-range "
                                     "From=80,To=80 --cidr-block 10.0.1."));
    entry(acl, 100, false, "allow", 80, 80);
    is_stopped(left, right, "80", "SUBNET_ACL_RESTRICTION", acl);
    assert_string_equal(fixture_text(answer, "Explanations.0.Way"), "return");
    entry(acl, 100, true, "allow", 32768, 60999);
    reaches(left, right, "tcp", "80");
}

static void test_every_port_of_the_answer_must_pass(void **state)
{
    char left[32], right[32];
    (void)state;
    own_acl(right_subnet, acl);
    entry(acl, 100, false, "allow", 80, 80);
    entry(acl, 110, true, "allow", 40000, 65535);
    entry(acl, 120, true, "allow", 1024, 30000);
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, right);
    is_stopped(left, right, "80", "SUBNET_ACL_RESTRICTION", acl);
    entry(acl, 130, true, "allow", 30001, 45000);
    reaches(left, right, "tcp", "80");
    entry(acl, 100, true, "deny", 50000, 50000);
    is_stopped(left, right, "80", "SUBNET_ACL_RESTRICTION", acl);
    assert_non_null(strstr(change(), "--egress --rule-number 99 "));
}

static void test_within_a_subnet_no_acl_judges(void **state)
{
    char left[32], beside[32];
    (void)state;
    own_acl(left_subnet, acl);
    run(left_subnet, false, group, left);
    run(left_subnet, false, group, beside);
    reaches(left, beside, "tcp", "80");
}

/* ---- routes, gateways and addresses ---- */

static void test_the_internet_needs_a_gateway_a_route_and_an_address(void **state)
{
    char left[32], private[32], gateway[32];
    (void)state;
    run(left_subnet, true, group, left);
    is_stopped(left, "internet", "443", "NO_ROUTE_TO_DESTINATION", table);
    assert_non_null(strstr(change(), "attach-internet-gateway"));
    attach_gateway(vpc, gateway);
    is_stopped(left, "internet", "443", "NO_ROUTE_TO_DESTINATION", table);
    assert_non_null(strstr(change(), gateway));
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    reaches(left, "internet", "tcp", "443");
    reaches(left, "ec2.us-east-1.amazonaws.com", "tcp", "443");
    assert_string_equal(fixture_text(answer, "Destination.Address"), "100.64.0.2");
    reaches("internet", left, "tcp", "22");
    run(left_subnet, false, group, private);
    is_stopped(private, "internet", "443", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", gateway);
    is_stopped("internet", private, "22", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "internet");
    assert_non_null(strstr(change(), "associate-address --network-interface-id eni-"));
    is_stopped(left, "8.8.8.8", "53", "NO_POSSIBLE_DESTINATION", gateway);
}

static void test_each_private_address_has_a_public_one_of_its_own(void **state)
{
    char left[32], gateway[32], allocation[32], interface[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    run(left_subnet, false, group, left);
    snprintf(interface, sizeof interface, "%s", interface_of(left));
    ec2("AssignPrivateIpAddresses",
        "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['10.0.1.77']}", interface);
    is_stopped("10.0.1.77", "internet", "443", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", gateway);
    assert_non_null(strstr(change(), " --private-ip-address 10.0.1.77 "));
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", allocation);
    ec2("AssociateAddress",
        "{'AllocationId': '%s', 'NetworkInterfaceId': '%s', 'PrivateIpAddress': '10.0.1.77'}",
        allocation, interface);
    reaches("10.0.1.77", "internet", "tcp", "443");
    is_stopped("internet", "10.0.1.77", "22", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "internet");
    reaches("internet",
            fixture_text(answer, "Explanations.0.Text") +
                strlen("from the internet it has the address "),
            "tcp", "22");
    is_stopped(left, "internet", "443", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", gateway);
}

static void test_a_public_address_without_a_gateway_leads_nowhere(void **state)
{
    char left[32];
    (void)state;
    run(left_subnet, true, group, left);
    is_stopped("internet", left, "22", "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "internet");
    assert_non_null(strstr(change(), "attach-internet-gateway"));
}

static void test_an_answer_to_the_internet_needs_a_route(void **state)
{
    char left[32], gateway[32];
    (void)state;
    attach_gateway(vpc, gateway);
    run(left_subnet, true, group, left);
    is_stopped("internet", left, "22", "NO_ROUTE_TO_DESTINATION", table);
    assert_string_equal(fixture_text(answer, "Explanations.0.Way"), "return");
}

static void test_public_addresses_lead_out_and_in_again(void **state)
{
    char left[32], right[32], gateway[32], inner[32], from[96], address[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    new_group(vpc, "inner", inner);
    snprintf(from, sizeof from, "'UserIdGroupPairs': [{'GroupId': '%s'}]", group);
    let_in(inner, "tcp", 80, 80, from);
    run(left_subnet, true, group, left);
    run(right_subnet, true, inner, right);
    snprintf(address, sizeof address, "%s", doc_text(instance_of(right), "PublicIpAddress"));
    reaches(left, right, "tcp", "80");
    is_stopped(left, address, "80", "ENI_SG_RULES_MISMATCH", inner);
    let_in(inner, "tcp", 80, 80, "'IpRanges': [{'CidrIp': '100.64.0.0/10'}]");
    reaches(left, address, "tcp", "80");
}

static void test_the_most_specific_route_decides(void **state)
{
    char left[32], gateway[32], own[32], forwarder[32];
    (void)state;
    attach_gateway(vpc, gateway);
    own_table(vpc, left_subnet, own);
    route(own, "0.0.0.0/0", "GatewayId", gateway);
    run(left_subnet, true, group, left);
    run(right_subnet, false, group, forwarder);
    reaches(left, "internet", "tcp", "443");
    route(own, "100.64.0.0/10", "NetworkInterfaceId", interface_of(forwarder));
    is_stopped(left, "internet", "443", "ENI_SOURCE_DEST_CHECK_RESTRICTION", own);
    assert_non_null(strstr(change(), "--no-source-dest-check"));
}

static void test_a_route_through_an_instance_that_forwards(void **state)
{
    char left[32], right[32], middle[32], middle_subnet[32], own[32];
    (void)state;
    subnet(vpc, "10.0.3.0/24", middle_subnet);
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, right);
    run(middle_subnet, false, group, middle);
    own_table(vpc, left_subnet, own);
    ec2("ModifyInstanceAttribute", "{'InstanceId': '%s', 'SourceDestCheck': {'Value': false}}",
        middle);
    route(own, "10.0.2.0/24", "NetworkInterfaceId", interface_of(middle));
    reaches(left, right, "tcp", "80");
    assert_int_equal(json_array_size(json_object_get(answer, "Assumptions")), 1);
    own_acl(middle_subnet, acl);
    is_stopped(left, right, "80", "SUBNET_ACL_RESTRICTION", acl);
    set_state(middle, "stopped");
    is_stopped(left, right, "80", "BAD_STATE", own);
    assert_non_null(strstr(change(), "start-instances"));
}

static void test_a_route_to_an_interface_that_checks_leads_to_itself(void **state)
{
    char left[32], right[32], other[32], own[32];
    (void)state;
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, right);
    run(right_subnet, false, group, other);
    own_table(vpc, left_subnet, own);
    route(own, "10.0.2.0/24", "NetworkInterfaceId", interface_of(right));
    reaches(left, right, "tcp", "80");
    is_stopped(left, other, "80", "ENI_SOURCE_DEST_CHECK_RESTRICTION", own);
}

static void test_a_packet_that_goes_round_in_circles(void **state)
{
    char left[32], middle[32];
    (void)state;
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, middle);
    ec2("ModifyInstanceAttribute", "{'InstanceId': '%s', 'SourceDestCheck': {'Value': false}}",
        middle);
    route(table, "0.0.0.0/0", "NetworkInterfaceId", interface_of(middle));
    is_stopped(left, "192.0.2.1", "80", "NO_PATH", NULL);
}

static void test_what_nobody_has_and_who_does_not_run(void **state)
{
    char left[32], right[32];
    (void)state;
    run(left_subnet, false, group, left);
    run(right_subnet, false, group, right);
    is_stopped(left, "10.0.2.99", "80", "NO_POSSIBLE_DESTINATION", table);
    set_state(right, "stopped");
    is_stopped(left, right, "80", "BAD_STATE", table);
    is_stopped(right, left, "80", "BAD_STATE", right);
    assert_non_null(strstr(change(), "start-instances"));
}

/* ---- NAT gateways ---- */

/* As the controller does once, with a network that is built. */
static void advance(const char *nat)
{
    auto_txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    ec2_nat_gateway_advance(&call, nat, true);
    assert_int_equal(txn_commit(txn, &f->err), 0);
    txn = NULL;
}

static void nat_gateway(const char *in_subnet, bool is_public, char ret[32], char ret_interface[32])
{
    char allocation[32];
    if (is_public) {
        keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", allocation);
        keep(fixture_ok(f, "ec2", "CreateNatGateway", "{'SubnetId': '%s', 'AllocationId': '%s'}",
                        in_subnet, allocation),
             "NatGateway.NatGatewayId", ret);
    } else {
        keep(fixture_ok(f, "ec2", "CreateNatGateway",
                        "{'SubnetId': '%s', 'ConnectivityType': 'private'}", in_subnet),
             "NatGateway.NatGatewayId", ret);
    }
    advance(ret); /* makes its interface */
    advance(ret); /* and is available */
    const json_t *doc = store_get(f->store, "nat-gateway", f->region, ret);
    snprintf(ret_interface, 32, "%s",
             fixture_text(doc, "NatGatewayAddresses.0.NetworkInterfaceId"));
}

static void test_a_nat_gateway_leads_out_but_not_in(void **state)
{
    char left[32], gateway[32], nat[32], interface[32], own[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    nat_gateway(right_subnet, true, nat, interface);
    own_table(vpc, left_subnet, own);
    route(own, "0.0.0.0/0", "NatGatewayId", nat);
    run(left_subnet, false, group, left);
    reaches(left, "internet", "tcp", "443");
    is_stopped(left, nat, "80", "NO_POSSIBLE_DESTINATION", nat);
    is_stopped("internet", nat, "80", "NO_POSSIBLE_DESTINATION", nat);
    ask(left, "internet", "47", "");
    assert_string_equal(fixture_text(answer, "Explanations.0.ExplanationCode"),
                        "PROTOCOL_RESTRICTION");
}

static void test_an_answer_through_a_nat_gateway_is_none(void **state)
{
    char left[32], gateway[32], nat[32], interface[32], own[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    nat_gateway(right_subnet, true, nat, interface);
    own_table(vpc, left_subnet, own);
    route(own, "0.0.0.0/0", "NatGatewayId", nat);
    run(left_subnet, true, group, left);
    is_stopped("internet", left, "22", "NGW_SOURCE_ADDRESS_REASSIGN", nat);
}

static void test_a_private_nat_gateway_has_no_address_for_the_internet(void **state)
{
    char left[32], gateway[32], nat[32], interface[32], own[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    nat_gateway(right_subnet, false, nat, interface);
    own_table(vpc, left_subnet, own);
    route(own, "0.0.0.0/0", "NatGatewayId", nat);
    run(left_subnet, false, group, left);
    is_stopped(left, "internet", "443", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", gateway);
}

static void test_the_acl_of_a_nat_gateway_judges_both_halves(void **state)
{
    char left[32], gateway[32], nat[32], interface[32], own[32];
    (void)state;
    attach_gateway(vpc, gateway);
    route(table, "0.0.0.0/0", "GatewayId", gateway);
    nat_gateway(right_subnet, true, nat, interface);
    own_table(vpc, left_subnet, own);
    route(own, "0.0.0.0/0", "NatGatewayId", nat);
    run(left_subnet, false, group, left);
    own_acl(right_subnet, acl);
    entry(acl, 100, false, "allow", 443, 443);
    entry(acl, 100, true, "allow", 443, 443);
    is_stopped(left, "internet", "443", "SUBNET_ACL_RESTRICTION", acl);
    assert_int_equal(json_array_size(json_object_get(answer, "Explanations")), 2);
    entry(acl, 110, false, "allow", 1024, 65535);
    entry(acl, 110, true, "allow", 1024, 65535);
    reaches(left, "internet", "tcp", "443");
}

/* ---- peering ---- */

static void peer_with(const char *block, char ret_vpc[32], char ret_subnet[32], char ret[32])
{
    char wide[32];
    snprintf(wide, sizeof wide, "%s.0.0/16", block);
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '%s'}", wide), "Vpc.VpcId", ret_vpc);
    snprintf(wide, sizeof wide, "%s.1.0/24", block);
    subnet(ret_vpc, wide, ret_subnet);
    keep(fixture_ok(f, "ec2", "CreateVpcPeeringConnection", "{'VpcId': '%s', 'PeerVpcId': '%s'}",
                    vpc, ret_vpc),
         "VpcPeeringConnection.VpcPeeringConnectionId", ret);
    ec2("AcceptVpcPeeringConnection", "{'VpcPeeringConnectionId': '%s'}", ret);
}

static void test_peers_need_routes_both_ways(void **state)
{
    char left[32], far[32], far_vpc[32], far_subnet[32], far_group[32], peering[32], far_table[32];
    char from[96];
    (void)state;
    peer_with("10.9", far_vpc, far_subnet, peering);
    new_group(far_vpc, "far", far_group);
    const json_t *doc = store_get(f->store, "vpc", f->region, far_vpc);
    snprintf(far_table, sizeof far_table, "%s", doc_text(doc, "_main_route_table"));
    run(left_subnet, false, group, left);
    run(far_subnet, false, far_group, far);
    is_stopped(left, far, "80", "NO_ROUTE_TO_DESTINATION", table);
    assert_non_null(strstr(change(), peering));
    route(table, "10.9.0.0/16", "VpcPeeringConnectionId", peering);
    is_stopped(left, far, "80", "SG_HAS_NO_RULES", far_group);
    snprintf(from, sizeof from, "'UserIdGroupPairs': [{'GroupId': '%s'}]", group);
    let_in(far_group, "tcp", 80, 80, from);
    is_stopped(left, far, "80", "NO_ROUTE_TO_DESTINATION", far_table);
    route(far_table, "10.0.0.0/16", "VpcPeeringConnectionId", peering);
    reaches(left, far, "tcp", "80");
    ec2("DeleteVpcPeeringConnection", "{'VpcPeeringConnectionId': '%s'}", peering);
    is_stopped(left, doc_text(instance_of(far), "PrivateIpAddress"), "80", "BAD_STATE_ROUTE",
               table);
}

/* ---- load balancers ---- */

static void make_balancer(const char *in_group, char ret_arn[512])
{
    json_t *out = fixture_ok(
        f, "elbv2", "CreateLoadBalancer",
        "{'Name': 'web', 'Scheme': 'internal', 'Subnets': ['%s', '%s'], 'SecurityGroups': ['%s']}",
        left_subnet, right_subnet, in_group);
    snprintf(ret_arn, 512, "%s", fixture_text(out, "LoadBalancers.0.LoadBalancerArn"));
    json_decref(out);
}

static void listen_on(const char *balancer, int port)
{
    json_decref(fixture_ok(f, "elbv2", "CreateListener",
                           "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': %d, "
                           "'DefaultActions': [{'Type': 'fixed-response', 'FixedResponseConfig': "
                           "{'StatusCode': '200'}}]}",
                           balancer, port));
}

/* In zones of its own, as a load balancer's subnets must be. */
static void put_right_subnet_elsewhere(void)
{
    ec2("DeleteSubnet", "{'SubnetId': '%s'}", right_subnet);
    keep(fixture_ok(f, "ec2", "CreateSubnet",
                    "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/24', 'AvailabilityZone': "
                    "'us-east-1b'}",
                    vpc),
         "Subnet.SubnetId", right_subnet);
}

static void test_a_load_balancer_needs_a_listener_and_reaches_targets(void **state)
{
    char left[32], right[32], inner[32], outer[32], from[96], balancer[512];
    (void)state;
    put_right_subnet_elsewhere();
    new_group(vpc, "outer", outer);
    let_in(outer, "tcp", 80, 80, "'IpRanges': [{'CidrIp': '0.0.0.0/0'}]");
    new_group(vpc, "inner", inner);
    snprintf(from, sizeof from, "'UserIdGroupPairs': [{'GroupId': '%s'}]", outer);
    let_in(inner, "tcp", 8080, 8080, from);
    run(left_subnet, false, group, left);
    run(right_subnet, false, inner, right);
    make_balancer(outer, balancer);
    is_stopped(left, "web", "80", "ELBV2_LISTENERS_MISMATCH", balancer);
    listen_on(balancer, 80);
    reaches(left, "web", "tcp", "80");
    reaches(left, balancer, "tcp", "80");
    is_stopped(left, "web", "81", "ENI_SG_RULES_MISMATCH", outer);
    reaches("web", right, "tcp", "8080");
    is_stopped("web", right, "8081", "ENI_SG_RULES_MISMATCH", inner);
    is_stopped(left, right, "8080", "ENI_SG_RULES_MISMATCH", inner);
}

/* ---- endpoints ---- */

static void test_an_endpoint_answers_as_the_service_whose_name_it_has(void **state)
{
    char left[32], shut[32], endpoint[32];
    static const char name[] = "sts.us-east-1.amazonaws.com";
    (void)state;
    run(left_subnet, false, group, left);
    is_stopped(left, name, "443", "NO_ROUTE_TO_DESTINATION", table);
    new_group(vpc, "shut", shut);
    ec2("ModifyVpcAttribute", "{'VpcId': '%s', 'EnableDnsHostnames': {'Value': true}}", vpc);
    keep(fixture_ok(f, "ec2", "CreateVpcEndpoint",
                    "{'VpcId': '%s', 'ServiceName': 'com.amazonaws.us-east-1.sts', "
                    "'VpcEndpointType': 'Interface', 'SubnetIds': ['%s'], 'SecurityGroupIds': "
                    "['%s'], 'PrivateDnsEnabled': true}",
                    vpc, right_subnet, shut),
         "VpcEndpoint.VpcEndpointId", endpoint);
    is_stopped(left, name, "443", "SG_HAS_NO_RULES", shut);
    let_all_in(shut);
    reaches(left, name, "tcp", "443");
    reaches(left, endpoint, "tcp", "80");
    is_stopped(left, endpoint, "22", "PROTOCOL_RESTRICTION", endpoint);
}

/* ---- services, and an instance itself ---- */

static void test_metadata_and_names_are_never_filtered(void **state)
{
    char left[32];
    (void)state;
    own_acl(left_subnet, acl);
    run(left_subnet, false, group, left);
    reaches(left, "169.254.169.254", "tcp", "80");
    reaches(left, "10.0.0.2", "udp", "53");
    is_stopped(left, "169.254.169.254", "81", "SUBNET_ACL_RESTRICTION", acl);
    reaches(left, left, "tcp", "9");
    ec2("ModifyVpcAttribute", "{'VpcId': '%s', 'EnableDnsSupport': {'Value': false}}", vpc);
    ask(left, "10.0.0.2", "udp", "53");
    assert_true(json_is_false(json_object_get(answer, "Reachable")));
}

/* ---- questions that make no sense ---- */

static void fails(const char *source, const char *destination, const char *protocol,
                  const char *port, const char *code)
{
    ask(source, destination, protocol, port);
    assert_null(answer);
    assert_string_equal(f->err.code, code);
}

static void test_a_question_that_makes_no_sense(void **state)
{
    char left[32];
    (void)state;
    run(left_subnet, false, group, left);
    fails(left, "i-0123456789abcdef0", "tcp", "80", "InvalidInstanceID.NotFound");
    fails("i-nonsense", left, "tcp", "80", "InvalidInstanceID.Malformed");
    fails(left, "nobody", "tcp", "80", "InvalidParameterValue");
    fails("10.7.7.7", left, "tcp", "80", "InvalidParameterValue");
    fails(left, "internet", "tcp", "0", "InvalidParameterValue");
    fails(left, "internet", "tcp", "65536", "InvalidParameterValue");
    fails(left, "internet", "tcp", "http", "InvalidParameterValue");
    fails(left, "internet", "sctp", "1", "InvalidParameterValue");
    fails(left, "internet", "icmp", "8:x", "InvalidParameterValue");
    fails("", left, "tcp", "80", "MissingParameter");
    fails("internet", "host", "tcp", "80", "InvalidParameterValue");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_rule_of_the_receiver_must_admit_the_port),
        T(test_a_rule_of_the_sender_must_let_it_out),
        T(test_a_group_as_source_admits_its_members),
        T(test_an_answer_needs_no_rule),
        T(test_types_of_icmp_are_told_apart),
        T(test_an_answer_needs_an_entry_of_its_own),
        T(test_every_port_of_the_answer_must_pass),
        T(test_within_a_subnet_no_acl_judges),
        T(test_the_internet_needs_a_gateway_a_route_and_an_address),
        T(test_each_private_address_has_a_public_one_of_its_own),
        T(test_a_public_address_without_a_gateway_leads_nowhere),
        T(test_an_answer_to_the_internet_needs_a_route),
        T(test_public_addresses_lead_out_and_in_again),
        T(test_the_most_specific_route_decides),
        T(test_a_route_through_an_instance_that_forwards),
        T(test_a_route_to_an_interface_that_checks_leads_to_itself),
        T(test_a_packet_that_goes_round_in_circles),
        T(test_what_nobody_has_and_who_does_not_run),
        T(test_a_nat_gateway_leads_out_but_not_in),
        T(test_an_answer_through_a_nat_gateway_is_none),
        T(test_a_private_nat_gateway_has_no_address_for_the_internet),
        T(test_the_acl_of_a_nat_gateway_judges_both_halves),
        T(test_peers_need_routes_both_ways),
        T(test_a_load_balancer_needs_a_listener_and_reaches_targets),
        T(test_an_endpoint_answers_as_the_service_whose_name_it_has),
        T(test_metadata_and_names_are_never_filtered),
        T(test_a_question_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
