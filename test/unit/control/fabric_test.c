#include "control/control_impl.h"
#include "control/fabric_compose.h"
#include "service/ec2/interface.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SENT_MAX = 16, MESSAGE_BYTES_MAX = 4096 };

/* A world that keeps what is sent. */
static struct {
    struct service_fixture *fixture;
    struct control *control;
    struct {
        enum message_type type;
        size_t size;
        _Alignas(8) char bytes[MESSAGE_BYTES_MAX];
    } sent[SENT_MAX];
    int sent_count;
    int64_t wake_ms;
} w;

static int64_t world_now(void *arg)
{
    (void)arg;
    return w.fixture->now_ms;
}

static void world_send(void *arg, enum message_type type, const void *payload, size_t payload_size,
                       const void *tail, size_t tail_size)
{
    (void)arg;
    assert_true(w.sent_count < SENT_MAX && payload_size + tail_size <= MESSAGE_BYTES_MAX);
    memcpy(w.sent[w.sent_count].bytes, payload, payload_size);
    if (tail_size)
        memcpy(w.sent[w.sent_count].bytes + payload_size, tail, tail_size);
    w.sent[w.sent_count].type = type;
    w.sent[w.sent_count++].size = payload_size + tail_size;
}

static void world_wake(void *arg, int64_t due_ms)
{
    (void)arg;
    w.wake_ms = due_ms;
}

static void world_log(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static const struct control_world world_functions = {
    .now_ms = world_now,
    .send = world_send,
    .wake_at = world_wake,
    .log = world_log,
    .account = "000000000000",
};
static struct control_world world;

static char vpc[32], subnet[32], web[32], db[32], interface[32];

static void keep(json_t *out, const char *path, char ret[32])
{
    snprintf(ret, 32, "%s", fixture_text(out, path));
    json_decref(out);
}

static void create_interface(const char *group, bool want_public, char id[32])
{
    struct txn *txn = txn_begin(w.fixture->store);
    struct call call = fixture_context(w.fixture, txn);
    json_auto_t *groups = json_pack("[s]", group);
    struct ec2_interface_spec spec = {
        .subnet = store_get(w.fixture->store, "subnet", "us-east-1", subnet),
        .group_ids = groups,
        .want_public = want_public,
        .kind = "instance",
        .owner = "i-00000000000000001",
        .description = "",
    };
    assert_int_equal(ec2_interface_create(&call, &spec, id, &w.fixture->err), 0);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
}

/* One VPC 10.0.0.0/16 with a subnet 10.0.1.0/24 and groups web (22 from anywhere) and db (all from
 * web), and one interface in web. */
static void make_network(struct service_fixture *f)
{
    keep(fixture_ok(f, "ec2", "CreateVpc", "{'CidrBlock': '10.0.0.0/16'}"), "Vpc.VpcId", vpc);
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24'}", vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'VpcId': '%s', 'GroupName': 'web', 'Description': 'd'}", vpc),
         "GroupId", web);
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'VpcId': '%s', 'GroupName': 'db', 'Description': 'd'}", vpc),
         "GroupId", db);
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 23,"
                           " 'CidrIp': '192.0.2.0/24'}",
                           web));
    json_decref(fixture_ok(f, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'icmp',"
                           " 'FromPort': 8, 'ToPort': -1,"
                           " 'UserIdGroupPairs': [{'GroupId': '%s'}]}]}",
                           db, web));
    create_interface(web, true, interface);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    w.fixture = fixture_create();
    world = world_functions;
    world.service = &w.fixture->world;
    make_network(w.fixture);
    static struct control control;
    memset(&control, 0, sizeof control);
    control.store = w.fixture->store;
    control.world = &world;
    control.next_due_ms = INT64_MAX;
    w.control = &control;
    assert_int_equal(fabric_controller.create(&control, &w.fixture->err), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fabric_controller.destroy(w.control);
    fixture_destroy(w.fixture);
    return 0;
}

/* Runs the controller after a commit of `kind`; forgets what was sent before. */
static void run_after(const char *kind)
{
    w.sent_count = 0;
    fabric_controller.changed(w.control, kind, "us-east-1");
    fabric_controller.run(w.control);
}

/* The FABRIC message about our VPC; NULL if none was sent. */
static const struct fabric *sent_fabric(void)
{
    for (int i = 0; i < w.sent_count; i++) {
        const struct fabric *fabric = (const struct fabric *)w.sent[i].bytes;
        if (w.sent[i].type == MESSAGE_FABRIC && !strcmp(fabric->vpc, vpc))
            return fabric;
    }
    return NULL;
}

static void done(const struct fabric *fabric, bool failed)
{
    struct message_fabric_done message = {.generation = fabric->generation, .failed = failed};
    memcpy(message.vpc, fabric->vpc, sizeof message.vpc);
    fabric_controller.receive(w.control, MESSAGE_FABRIC_DONE, &message, sizeof message);
}

static void attach_gateway(void)
{
    char gateway[32];
    keep(fixture_ok(w.fixture, "ec2", "CreateInternetGateway", "{}"),
         "InternetGateway.InternetGatewayId", gateway);
    json_decref(fixture_ok(w.fixture, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    const json_t *doc = store_get(w.fixture->store, "vpc", "us-east-1", vpc);
    json_decref(fixture_ok(w.fixture, "ec2", "CreateRoute",
                           "{'RouteTableId': '%s', 'DestinationCidrBlock': '0.0.0.0/0',"
                           " 'GatewayId': '%s'}",
                           fixture_text(doc, "_main_route_table"), gateway));
}

static void the_message_says_what_the_documents_say(void **state)
{
    (void)state;
    attach_gateway();
    run_after("vpc");
    const struct fabric *fabric = sent_fabric();
    assert_non_null(fabric);
    assert_int_equal(fabric->block_count, 1);
    assert_int_equal(fabric->subnet_count, 1);
    assert_int_equal(fabric->route_count, 1);
    assert_int_equal(fabric->group_count, 3);    /* default, web, db */
    assert_int_equal(fabric->rule_count, 3 + 3); /* each all out; one in */
    assert_int_equal(fabric->interface_count, 1);
    const struct fabric_block *blocks = (const void *)(fabric + 1);
    const struct fabric_subnet *subnets = (const void *)(blocks + 1);
    const struct fabric_route *routes = (const void *)(subnets + 1);
    const struct fabric_acl *acls = (const void *)(routes + 1);
    const struct fabric_acl_rule *acl_rules = (const void *)(acls + 1);
    const struct fabric_group *groups = (const void *)(acl_rules + 2);
    const struct fabric_rule *rules = (const void *)(groups + 3);
    const struct fabric_interface *interfaces = (const void *)(rules + 6);
    const struct fabric_address *addresses = (const void *)(interfaces + 1);
    assert_int_equal(blocks[0].network, 0x0a000000);
    assert_int_equal(blocks[0].prefix, 16);
    assert_int_equal(blocks[0].peer, FABRIC_OWN_BLOCK);
    assert_string_equal(subnets[0].id, subnet);
    assert_int_equal(subnets[0].network, 0x0a000100);
    assert_int_equal(routes[0].kind, ROUTE_INTERNET_GATEWAY);
    assert_int_equal(routes[0].table, subnets[0].table);
    assert_int_equal(routes[0].prefix, 0);
    assert_int_equal(fabric->acl_count, 1);
    assert_int_equal(fabric->acl_rule_count, 2); /* the default ACL allows all, both ways */
    assert_int_equal(subnets[0].acl, 0);
    assert_int_equal(acl_rules[1].action, ACTION_ALLOW);
    assert_string_equal(groups[1].id, web);
    const struct fabric_rule from_block = {.group = 1,
                                           .direction = DIRECTION_INGRESS,
                                           .protocol = 6,
                                           .port_from = 22,
                                           .port_to = 23,
                                           .network = 0xc0000200,
                                           .prefix = 24,
                                           .peer_group = FABRIC_NO_GROUP};
    assert_memory_equal(&rules[4], &from_block, sizeof from_block);
    const struct fabric_rule from_group = {.group = 2,
                                           .direction = DIRECTION_INGRESS,
                                           .protocol = 1,
                                           .port_from = 8,
                                           .port_to = 0xffff,
                                           .peer_group = 1};
    assert_memory_equal(&rules[5], &from_group, sizeof from_group);
    assert_string_equal(interfaces[0].id, interface);
    assert_int_equal(addresses[0].address, 0x0a000104);
    assert_int_equal(addresses[0].public_address >> 16, 100 << 8 | 64);
    assert_int_equal(interfaces[0].group_count, 1);
    assert_int_equal(interfaces[0].groups[0], 1);
    assert_int_equal(interfaces[0].mac[0] & 3, 2);
}

static void a_public_address_works_only_with_a_gateway(void **state)
{
    (void)state;
    run_after("vpc");
    const struct fabric *fabric = sent_fabric();
    const struct fabric_address *last =
        (const void *)((const char *)fabric + w.sent[w.sent_count - 1].size);
    assert_int_equal(last[-1].public_address, 0);
}

static void keep_acl(const char *id, const char *entries)
{
    struct txn *txn = txn_begin(w.fixture->store);
    json_t *doc = json_pack("{s:s, s:s, s:o}", "NetworkAclId", id, "VpcId", vpc, "Entries",
                            json_loads(entries, 0, NULL));
    txn_put(txn, "network-acl", "us-east-1", id, doc);
    json_t *changed =
        json_copy((json_t *)(uintptr_t)store_get(w.fixture->store, "subnet", "us-east-1", subnet));
    json_object_set_new(changed, "_network_acl", json_string(id));
    txn_put(txn, "subnet", "us-east-1", subnet, changed);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
}

static void entries_of_network_acls_are_sent_in_order_of_number(void **state)
{
    static const struct fabric_acl_rule wanted[] = {
        {.network = 0x0a000000,
         .prefix = 8,
         .acl = 1,
         .number = 9,
         .port_from = 8,
         .port_to = 0xffff,
         .protocol = 1,
         .direction = DIRECTION_INGRESS,
         .action = ACTION_DENY},
        {.acl = 1,
         .number = 20,
         .port_from = 80,
         .port_to = 81,
         .protocol = 6,
         .direction = DIRECTION_INGRESS,
         .action = ACTION_ALLOW},
        {.acl = 1,
         .number = 5,
         .port_to = 0xffff,
         .direction = DIRECTION_EGRESS,
         .action = ACTION_ALLOW},
    };
    (void)state;
    keep_acl("acl-0000000000000000f",
             "[{\"CidrBlock\": \"0.0.0.0/0\", \"Egress\": true, \"Protocol\": \"-1\","
             "  \"RuleAction\": \"allow\", \"RuleNumber\": 5},"
             " {\"CidrBlock\": \"0.0.0.0/0\", \"Egress\": false, \"Protocol\": \"6\","
             "  \"RuleAction\": \"allow\", \"RuleNumber\": 20,"
             "  \"PortRange\": {\"From\": 80, \"To\": 81}},"
             " {\"CidrBlock\": \"10.0.0.0/8\", \"Egress\": false, \"Protocol\": \"1\","
             "  \"RuleAction\": \"deny\", \"RuleNumber\": 9,"
             "  \"IcmpTypeCode\": {\"Type\": 8, \"Code\": -1}},"
             " {\"Ipv6CidrBlock\": \"::/0\", \"Egress\": false, \"Protocol\": \"-1\","
             "  \"RuleAction\": \"deny\", \"RuleNumber\": 1},"
             " {\"CidrBlock\": \"0.0.0.0/0\", \"Egress\": false, \"Protocol\": \"-1\","
             "  \"RuleAction\": \"deny\", \"RuleNumber\": 32767}]");
    run_after("network-acl");
    const struct fabric *fabric = sent_fabric();
    assert_non_null(fabric);
    assert_int_equal(fabric->acl_count, 2);
    assert_int_equal(fabric->acl_rule_count, 2 + 3);
    const struct fabric_subnet *subnets =
        (const void *)((const struct fabric_block *)(const void *)(fabric + 1) + 1);
    assert_int_equal(subnets[0].acl, 1);
    const struct fabric_acl *acls = (const void *)(subnets + 1);
    assert_string_equal(acls[1].id, "acl-0000000000000000f");
    const struct fabric_acl_rule *rules = (const void *)(acls + 2);
    assert_memory_equal(rules + 2, wanted, sizeof wanted);
}

static void put(const char *kind, const char *id, const char *text)
{
    struct txn *txn = txn_begin(w.fixture->store);
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    json_object_set_new(doc, "VpcId", json_string(vpc));
    txn_put(txn, kind, "us-east-1", id, doc);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
}

/* The rows of an array of the message that was sent. */
static const struct fabric_route *sent_routes(const struct fabric *fabric)
{
    const struct fabric_block *blocks = (const void *)(fabric + 1);
    const struct fabric_subnet *subnets = (const void *)(blocks + fabric->block_count);
    return (const void *)(subnets + fabric->subnet_count);
}

static const struct fabric_interface *sent_interfaces(const struct fabric *fabric)
{
    size_t size = 0;
    for (int i = 0; i < w.sent_count; i++)
        if ((const void *)w.sent[i].bytes == (const void *)fabric)
            size = w.sent[i].size;
    const struct fabric_address *end = (const void *)((const char *)fabric + size);
    const struct fabric_interface *interfaces = (const void *)(end - fabric->address_count);
    return interfaces - fabric->interface_count;
}

static const struct fabric_group *sent_groups(const struct fabric *fabric)
{
    const struct fabric_acl *acls = (const void *)(sent_routes(fabric) + fabric->route_count);
    const struct fabric_acl_rule *rules = (const void *)(acls + fabric->acl_count);
    return (const void *)(rules + fabric->acl_rule_count);
}

static void routes_lead_to_interfaces_and_nat_gateways(void **state)
{
    char nat[256], table[768];
    (void)state;
    snprintf(nat, sizeof nat,
             "{\"SubnetId\": \"%s\", \"PrivateIpAddress\": \"10.0.1.99\","
             " \"MacAddress\": \"02:00:00:00:00:09\", \"SourceDestCheck\": false,"
             " \"_kind\": \"nat\", \"_owner\": \"nat-00000000000000009\"}",
             subnet);
    put("network-interface", "eni-fffffffffffffffff", nat);
    snprintf(
        table, sizeof table,
        "{\"Routes\": ["
        " {\"DestinationCidrBlock\": \"10.0.0.0/16\", \"GatewayId\": \"local\"},"
        " {\"DestinationCidrBlock\": \"0.0.0.0/0\", \"NatGatewayId\": \"nat-00000000000000009\"},"
        " {\"DestinationCidrBlock\": \"10.1.0.0/16\", \"NetworkInterfaceId\": \"%s\"},"
        " {\"DestinationCidrBlock\": \"10.2.0.0/16\","
        "  \"NetworkInterfaceId\": \"eni-fffffffffffffffff\"},"
        " {\"DestinationCidrBlock\": \"10.3.0.0/16\", \"NatGatewayId\": \"nat-1\"}]}",
        interface);
    put("route-table", "rtb-fffffffffffffffff", table);
    run_after("route-table");
    const struct fabric *fabric = sent_fabric();
    assert_int_equal(fabric->interface_count, 2);
    const struct fabric_interface *interfaces = sent_interfaces(fabric);
    uint32_t last = strcmp(interfaces[1].id, "eni-fffffffffffffffff") == 0;
    assert_int_equal(interfaces[last].kind, INTERFACE_NAT);
    assert_int_equal(interfaces[last].flags, 0);
    const struct {
        enum fabric_route_kind kind;
        uint32_t target;
    } wanted[] = {{ROUTE_INTERFACE, last},
                  {ROUTE_INTERFACE, !last},
                  {ROUTE_INTERFACE, last},
                  {ROUTE_BLACKHOLE, 0}};
    assert_int_equal(fabric->route_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sent_routes(fabric)[i].kind, wanted[i].kind);
        assert_int_equal(sent_routes(fabric)[i].target, wanted[i].target);
    }
}

static void secondary_addresses_follow_the_primary_one(void **state)
{
    (void)state;
    attach_gateway();
    struct txn *txn = txn_begin(w.fixture->store);
    json_t *doc = txn_edit(txn, "network-interface", "us-east-1", interface);
    json_t *addresses = json_deep_copy(json_object_get(doc, "PrivateIpAddresses"));
    json_array_append_new(addresses,
                          json_pack("{s:b, s:s, s:{s:s}}", "Primary", 0, "PrivateIpAddress",
                                    "10.0.1.77", "Association", "PublicIp", "100.64.0.77"));
    json_object_set_new(doc, "PrivateIpAddresses", addresses);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
    run_after("network-interface");
    const struct fabric *fabric = sent_fabric();
    assert_int_equal(fabric->address_count, 2);
    const struct fabric_address *rows =
        (const void *)(sent_interfaces(fabric) + fabric->interface_count);
    assert_int_equal(rows[0].address, 0x0a000104);
    assert_int_equal(rows[1].interface, 0);
    assert_int_equal(rows[1].address, 0x0a00014d);
    assert_int_equal(rows[1].public_address, 0x6440004d);
}

static void prefix_lists_stand_for_their_blocks(void **state)
{
    static const char list[] = "pl-00000000000000001";
    static const uint32_t networks[] = {198u << 24, 192u << 24, 203u << 24};
    (void)state;
    put("prefix-list", list,
        "{\"_entries\": [{\"Cidr\": \"192.0.0.0/8\"}, {\"Cidr\": \"198.0.0.0/8\"},"
        " {\"Cidr\": \"10.0.9.0/24\"}, {\"Cidr\": \"203.0.0.0/8\"}]}");
    put("route-table", "rtb-fffffffffffffffff",
        "{\"Routes\": ["
        " {\"DestinationCidrBlock\": \"10.0.0.0/16\", \"GatewayId\": \"local\"},"
        " {\"DestinationPrefixListId\": \"pl-00000000000000001\", \"NatGatewayId\": \"nat-1\"},"
        " {\"DestinationCidrBlock\": \"198.0.0.0/8\", \"NatGatewayId\": \"nat-2\"}]}");
    run_after("route-table");
    uint32_t before = sent_fabric()->rule_count;
    assert_int_equal(sent_fabric()->route_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sent_routes(sent_fabric())[i].network, networks[i]);
    json_decref(fixture_ok(w.fixture, "ec2", "AuthorizeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': '-1',"
                           " 'PrefixListIds': [{'PrefixListId': '%s'}]}]}",
                           web, list));
    run_after("security-group-rule");
    assert_int_equal(sent_fabric()->rule_count, before + 4);
    put("prefix-list", list, "{\"_entries\": [{\"Cidr\": \"203.0.0.0/8\"}]}");
    run_after("prefix-list");
    assert_int_equal(sent_fabric()->rule_count, before + 1);
    assert_int_equal(sent_fabric()->route_count, 2);
}

static void an_instance_may_go_unchecked(void **state)
{
    (void)state;
    struct txn *txn = txn_begin(w.fixture->store);
    json_t *doc = txn_edit(txn, "network-interface", "us-east-1", interface);
    json_object_set_new(doc, "SourceDestCheck", json_false());
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
    run_after("network-interface");
    assert_int_equal(sent_interfaces(sent_fabric())[0].flags, INTERFACE_UNCHECKED);
}

static void add_block(const char *block)
{
    struct txn *txn = txn_begin(w.fixture->store);
    json_t *doc = txn_edit(txn, "vpc", "us-east-1", vpc);
    json_t *blocks = json_deep_copy(json_object_get(doc, "CidrBlockAssociationSet"));
    json_array_append_new(blocks, json_pack("{s:s}", "CidrBlock", block));
    json_object_set_new(doc, "CidrBlockAssociationSet", blocks);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
}

static void every_block_of_a_vpc_is_sent_the_primary_one_first(void **state)
{
    (void)state;
    add_block("10.9.0.0/16");
    run_after("vpc");
    const struct fabric *fabric = sent_fabric();
    const struct fabric_block *blocks = (const void *)(fabric + 1);
    assert_int_equal(fabric->block_count, 2);
    assert_int_equal(blocks[0].network, 0x0a000000);
    assert_int_equal(blocks[1].network, 0x0a090000);
    assert_int_equal(blocks[1].peer, FABRIC_OWN_BLOCK);
}

/* A VPC 10.5.0.0/16 whose group `friends` has the member 10.5.1.4, peered with ours. */
static void make_peer(const char *state, char other[32])
{
    char text[512], friends[32], member[32];
    keep(fixture_ok(w.fixture, "ec2", "CreateVpc", "{'CidrBlock': '10.5.0.0/16'}"), "Vpc.VpcId",
         other);
    keep(fixture_ok(w.fixture, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.5.1.0/24'}",
                    other),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(w.fixture, "ec2", "CreateSecurityGroup",
                    "{'VpcId': '%s', 'GroupName': 'friends', 'Description': 'd'}", other),
         "GroupId", friends);
    create_interface(friends, false, member);
    snprintf(text, sizeof text,
             "{\"RequesterVpcInfo\": {\"VpcId\": \"%s\"},"
             " \"AccepterVpcInfo\": {\"VpcId\": \"%s\"}, \"Status\": {\"Code\": \"%s\"}}",
             other, vpc, state);
    put("vpc-peering-connection", "pcx-00000000000000001", text);
    snprintf(text, sizeof text,
             "{\"GroupId\": \"%s\", \"IpProtocol\": \"-1\", \"IsEgress\": false,"
             " \"ReferencedGroupInfo\": {\"GroupId\": \"%s\", \"VpcId\": \"%s\"}}",
             db, friends, other);
    put("security-group-rule", "sgr-00000000000000001", text);
    put("route-table", "rtb-fffffffffffffffff",
        "{\"Routes\": [{\"DestinationCidrBlock\": \"10.5.0.0/16\","
        " \"VpcPeeringConnectionId\": \"pcx-00000000000000001\"}]}");
}

static void an_active_peering_connection_is_sent_with_blocks_and_members(void **state)
{
    char other[32];
    (void)state;
    make_peer("active", other);
    run_after("vpc-peering-connection");
    const struct fabric *fabric = sent_fabric();
    assert_int_equal(fabric->peer_count, 1);
    assert_int_equal(fabric->block_count, 2);
    assert_int_equal(fabric->group_count, 3 + 1);
    assert_int_equal(fabric->member_count, 1);
    assert_int_equal(fabric->rule_count, 6 + 1);
    const struct fabric_block *blocks = (const void *)(fabric + 1);
    assert_int_equal(blocks[1].network, 0x0a050000);
    assert_int_equal(blocks[1].peer, 0);
    assert_int_equal(sent_routes(fabric)[0].kind, ROUTE_PEER);
    assert_int_equal(sent_routes(fabric)[0].target, 0);
    const struct fabric_peer *peer = (const void *)sent_interfaces(fabric);
    peer--;
    assert_string_equal(peer->id, "pcx-00000000000000001");
    assert_string_equal(peer->vpc, other);
    const struct fabric_member *member = (const void *)peer;
    member--;
    assert_int_equal(member->address, 0x0a050104);
    assert_int_equal(member->group, 3);
    const struct fabric_rule *end = (const void *)member, *rule = end - fabric->rule_count;
    while (rule < end && rule->peer_group != 3)
        rule++;
    assert_true(rule < end);
    assert_string_equal(sent_groups(fabric)[rule->group].id, db);
}

static void a_peering_connection_that_is_not_active_is_nothing(void **state)
{
    char other[32];
    (void)state;
    make_peer("pending-acceptance", other);
    run_after("vpc-peering-connection");
    const struct fabric *fabric = sent_fabric();
    assert_int_equal(fabric->peer_count, 0);
    assert_int_equal(fabric->block_count, 1);
    assert_int_equal(fabric->group_count, 3);
    assert_int_equal(fabric->rule_count, 6);
    assert_int_equal(sent_routes(fabric)[0].kind, ROUTE_BLACKHOLE);
}

static void only_a_difference_is_sent(void **state)
{
    (void)state;
    run_after("vpc");
    assert_non_null(sent_fabric());
    run_after("security-group");
    assert_int_equal(w.sent_count, 0);
    json_decref(fixture_ok(w.fixture, "ec2", "RevokeSecurityGroupIngress",
                           "{'GroupId': '%s', 'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 23,"
                           " 'CidrIp': '192.0.2.0/24'}",
                           web));
    run_after("security-group-rule");
    assert_int_equal(sent_fabric()->rule_count, 5);
}

static void what_failed_is_sent_again_later(void **state)
{
    (void)state;
    run_after("vpc");
    uint64_t generation = sent_fabric()->generation;
    done(sent_fabric(), true);
    w.sent_count = 0;
    fabric_controller.run(w.control);
    assert_int_equal(w.sent_count, 0);
    assert_true(w.control->next_due_ms > w.fixture->now_ms);
    w.fixture->now_ms = w.control->next_due_ms;
    fabric_controller.run(w.control);
    assert_non_null(sent_fabric());
    assert_true(sent_fabric()->generation > generation);
    done(sent_fabric(), false);
    w.sent_count = 0;
    w.fixture->now_ms += 60000;
    fabric_controller.run(w.control);
    assert_int_equal(w.sent_count, 0);
}

static void a_host_that_comes_back_is_told_everything(void **state)
{
    (void)state;
    run_after("vpc");
    done(sent_fabric(), false);
    struct message_hello hello = {0};
    w.sent_count = 0;
    fabric_controller.receive(w.control, MESSAGE_HOST_HELLO, &hello, sizeof hello);
    fabric_controller.run(w.control);
    assert_non_null(sent_fabric());
}

static void a_vpc_without_interfaces_leaves_the_host(void **state)
{
    (void)state;
    run_after("vpc");
    struct txn *txn = txn_begin(w.fixture->store);
    struct call call = fixture_context(w.fixture, txn);
    ec2_interface_delete(&call, interface);
    assert_int_equal(txn_commit(txn, &w.fixture->err), 0);
    run_after("network-interface");
    assert_int_equal(w.sent_count, 1);
    assert_int_equal(w.sent[0].type, MESSAGE_FABRIC_DELETE);
    assert_string_equal(w.sent[0].bytes, vpc);
    run_after("network-interface");
    assert_int_equal(w.sent_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_message_says_what_the_documents_say),
        TEST(a_public_address_works_only_with_a_gateway),
        TEST(entries_of_network_acls_are_sent_in_order_of_number),
        TEST(routes_lead_to_interfaces_and_nat_gateways),
        TEST(secondary_addresses_follow_the_primary_one),
        TEST(prefix_lists_stand_for_their_blocks),
        TEST(an_instance_may_go_unchecked),
        TEST(every_block_of_a_vpc_is_sent_the_primary_one_first),
        TEST(an_active_peering_connection_is_sent_with_blocks_and_members),
        TEST(a_peering_connection_that_is_not_active_is_nothing),
        TEST(only_a_difference_is_sent),
        TEST(what_failed_is_sent_again_later),
        TEST(a_host_that_comes_back_is_told_everything),
        TEST(a_vpc_without_interfaces_leaves_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
