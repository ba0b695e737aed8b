#include "base/buf.h"
#include "base/cleanup.h"
#include "service/ec2/interface.h"
#include "service/ec2/public_images.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct service_fixture *f;
static char vpc[32], subnet[32], other_zone[32], group[32], image[32];

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
    keep(fixture_ok(f, "ec2", "CreateSubnet",
                    "{'VpcId': '%s', 'CidrBlock': '10.0.0.0/24', 'AvailabilityZone': "
                    "'us-east-1a'}",
                    vpc),
         "Subnet.SubnetId", subnet);
    keep(fixture_ok(f, "ec2", "CreateSubnet",
                    "{'VpcId': '%s', 'CidrBlock': '10.0.1.0/24', 'AvailabilityZone': "
                    "'us-east-1b'}",
                    vpc),
         "Subnet.SubnetId", other_zone);
    keep(fixture_ok(f, "ec2", "CreateSecurityGroup",
                    "{'GroupName': 'g', 'Description': 'g', 'VpcId': '%s'}", vpc),
         "GroupId", group);
    json_auto_t *public_image = public_image_at("us-east-1", 0);
    snprintf(image, sizeof image, "%s", fixture_text(public_image, "ImageId"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_destroy(f);
    return 0;
}

static const json_t *interface(const char *id)
{
    return store_get(f->store, "network-interface", f->region, id);
}

static const json_t *instance(const char *id)
{
    return store_get(f->store, "instance", f->region, id);
}

static void create(const char *in_subnet, const char *more, char id[32])
{
    keep(fixture_ok(f, "ec2", "CreateNetworkInterface", "{'SubnetId': '%s'%s}", in_subnet, more),
         "NetworkInterface.NetworkInterfaceId", id);
}

/* The launch; NULL if it fails. */
static json_t *launch(const char *type, const char *interfaces)
{
    return fixture_call(f, "ec2", "RunInstances",
                        "{'ImageId': '%s', 'InstanceType': '%s', 'MinCount': 1, 'MaxCount': 1, %s}",
                        image, type, interfaces);
}

static void set_state(const char *id, int code, const char *state)
{
    struct txn *txn = txn_begin(f->store);
    json_object_set_new(txn_edit(txn, "instance", f->region, id), "State",
                        json_pack("{s:i, s:s}", "Code", code, "Name", state));
    assert_int_equal(txn_commit(txn, &f->err), 0);
}

/* An instance with one interface in the subnet, running. */
static void run(const char *type, char id[32])
{
    char in[96];
    snprintf(in, sizeof in, "'SubnetId': '%s'", subnet);
    json_auto_t *out = launch(type, in);
    assert_non_null(out);
    snprintf(id, 32, "%s", fixture_text(out, "Instances.0.InstanceId"));
    set_state(id, 16, "running");
}

static int free_addresses(void)
{
    return (int)json_integer_value(
        fixture_at(store_get(f->store, "subnet", f->region, subnet), "AvailableIpAddressCount"));
}

/* What the controller does when the host has done what it was told. */
static void go_on(const char *id)
{
    struct txn *txn = txn_begin(f->store);
    struct call call = fixture_context(f, txn);
    ec2_interface_go_on(&call, id);
    assert_int_equal(txn_commit(txn, &f->err), 0);
}

static void attach(const char *id, const char *instance_id, int index, char attachment[32])
{
    keep(fixture_ok(f, "ec2", "AttachNetworkInterface",
                    "{'NetworkInterfaceId': '%s', 'InstanceId': '%s', 'DeviceIndex': %d}", id,
                    instance_id, index),
         "AttachmentId", attachment);
}

/* ---- interfaces that users make ---- */

static void a_new_interface_is_available_with_what_was_asked_for(void **state)
{
    (void)state;
    char id[32];
    int before = free_addresses();
    json_auto_t *out = fixture_ok(
        f, "ec2", "CreateNetworkInterface",
        "{'SubnetId': '%s', 'Description': 'mine', 'Groups': ['%s'], 'PrivateIpAddresses': "
        "[{'PrivateIpAddress': '10.0.0.50'}, {'PrivateIpAddress': '10.0.0.40', 'Primary': true}], "
        "'TagSpecifications': [{'ResourceType': 'network-interface', 'Tags': [{'Key': 'a', "
        "'Value': 'b'}]}]}",
        subnet, group);
    assert_string_equal(fixture_text(out, "NetworkInterface.Status"), "pending");
    snprintf(id, sizeof id, "%s", fixture_text(out, "NetworkInterface.NetworkInterfaceId"));
    json_auto_t *found = fixture_ok(f, "ec2", "DescribeNetworkInterfaces",
                                    "{'Filters': [{'Name': 'status', 'Values': ['available']}]}");
    const json_t *shown = fixture_at(found, "NetworkInterfaces.0");
    assert_string_equal(fixture_text(shown, "NetworkInterfaceId"), id);
    assert_string_equal(fixture_text(shown, "PrivateIpAddress"), "10.0.0.40");
    assert_string_equal(fixture_text(shown, "PrivateIpAddresses.1.PrivateIpAddress"), "10.0.0.50");
    assert_string_equal(fixture_text(shown, "PrivateIpAddresses.1.Primary"), "false");
    assert_string_equal(fixture_text(shown, "Groups.0.GroupId"), group);
    assert_string_equal(fixture_text(shown, "TagSet.0.Key"), "a");
    assert_null(fixture_at(shown, "Attachment"));
    assert_int_equal(free_addresses(), before - 2);
    fixture_fails(f, "DependencyViolation", "ec2", "DeleteSecurityGroup", "{'GroupId': '%s'}",
                  group);
    json_decref(fixture_ok(f, "ec2", "DeleteNetworkInterface", "{'NetworkInterfaceId': '%s'}", id));
    assert_int_equal(free_addresses(), before);
    fixture_fails(f, "InvalidNetworkInterfaceID.NotFound", "ec2", "DeleteNetworkInterface",
                  "{'NetworkInterfaceId': '%s'}", id);
}

static void bad_interfaces_are_not_made(void **state)
{
    (void)state;
    static const struct {
        const char *code, *members;
    } bad[] = {
        {"InvalidGroup.NotFound", "'Groups': ['sg-00000000000000000']"},
        {"InvalidParameterValue", "'PrivateIpAddress': '10.9.0.4'"},
        {"InvalidParameterValue", "'PrivateIpAddresses': [{'PrivateIpAddress': '10.9.0.4'}]"},
        {"InvalidParameterCombination", "'PrivateIpAddress': '10.0.0.9', 'PrivateIpAddresses': "
                                        "[{'PrivateIpAddress': '10.0.0.10', 'Primary': true}]"},
        {"InvalidIPAddress.InUse", "'PrivateIpAddress': '10.0.0.9', 'PrivateIpAddresses': "
                                   "[{'PrivateIpAddress': '10.0.0.9'}]"},
        {"InvalidParameterCombination", "'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.0.9'}], "
                                        "'SecondaryPrivateIpAddressCount': 1"},
        {"InvalidParameterValue", "'SecondaryPrivateIpAddressCount': -1"},
        {"InvalidParameterValue", "'SecondaryPrivateIpAddressCount': 50"},
        {"UnsupportedOperation", "'InterfaceType': 'efa'"},
        {"UnsupportedOperation", "'Ipv6AddressCount': 1"},
    };
    int before = free_addresses();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(f, bad[i].code, "ec2", "CreateNetworkInterface", "{'SubnetId': '%s', %s}",
                      subnet, bad[i].members);
    fixture_fails(f, "InvalidSubnetID.NotFound", "ec2", "CreateNetworkInterface",
                  "{'SubnetId': 'subnet-00000000000000000'}");
    assert_int_equal(free_addresses(), before);
    assert_int_equal(store_count(f->store, "network-interface", f->region), 0);
}

/* ---- secondary addresses ---- */

static void secondary_addresses_are_counted_limited_and_given_back(void **state)
{
    (void)state;
    char server[32], id[32];
    run("t3.micro", server); /* two addresses an interface */
    int before = free_addresses();
    snprintf(id, sizeof id, "%s",
             fixture_text(instance(server), "NetworkInterfaces.0.NetworkInterfaceId"));
    json_auto_t *out =
        fixture_ok(f, "ec2", "AssignPrivateIpAddresses",
                   "{'NetworkInterfaceId': '%s', 'SecondaryPrivateIpAddressCount': 1}", id);
    const char *address = fixture_text(out, "AssignedPrivateIpAddresses.0.PrivateIpAddress");
    assert_string_equal(address,
                        fixture_text(instance(server),
                                     "NetworkInterfaces.0.PrivateIpAddresses.1.PrivateIpAddress"));
    assert_int_equal(free_addresses(), before - 1);
    fixture_fails(f, "PrivateIpAddressLimitExceeded", "ec2", "AssignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s', 'SecondaryPrivateIpAddressCount': 1}", id);
    fixture_fails(f, "InvalidParameterValue", "ec2", "UnassignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['%s']}", id,
                  fixture_text(interface(id), "PrivateIpAddress"));
    fixture_fails(f, "InvalidParameterValue", "ec2", "UnassignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['10.0.0.99']}", id);
    json_decref(fixture_ok(f, "ec2", "UnassignPrivateIpAddresses",
                           "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['%s']}", id,
                           fixture_text(out, "AssignedPrivateIpAddresses.0.PrivateIpAddress")));
    assert_int_equal(free_addresses(), before);
    assert_null(fixture_at(instance(server), "NetworkInterfaces.0.PrivateIpAddresses.1"));
    fixture_fails(f, "MissingParameter", "ec2", "AssignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s'}", id);
}

static void a_secondary_address_moves_with_its_elastic_one(void **state)
{
    (void)state;
    char from[32], to[32], allocation[32], gateway[32];
    create(subnet, ", 'PrivateIpAddresses': [{'PrivateIpAddress': '10.0.0.77'}]", from);
    create(subnet, "", to);
    keep(fixture_ok(f, "ec2", "CreateInternetGateway", "{}"), "InternetGateway.InternetGatewayId",
         gateway);
    json_decref(fixture_ok(f, "ec2", "AttachInternetGateway",
                           "{'VpcId': '%s', 'InternetGatewayId': '%s'}", vpc, gateway));
    keep(fixture_ok(f, "ec2", "AllocateAddress", "{}"), "AllocationId", allocation);
    fixture_fails(f, "InvalidParameterValue", "ec2", "AssociateAddress",
                  "{'AllocationId': '%s', 'NetworkInterfaceId': '%s', 'PrivateIpAddress': "
                  "'10.0.0.77'}",
                  allocation, to);
    json_decref(fixture_ok(f, "ec2", "AssociateAddress",
                           "{'AllocationId': '%s', 'NetworkInterfaceId': '%s', "
                           "'PrivateIpAddress': '10.0.0.77'}",
                           allocation, from));
    assert_null(fixture_at(interface(from), "Association"));
    assert_string_equal(
        fixture_text(interface(from), "PrivateIpAddresses.1.Association.AllocationId"), allocation);

    fixture_fails(f, "InvalidIPAddress.InUse", "ec2", "AssignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['10.0.0.77']}", to);
    json_decref(fixture_ok(f, "ec2", "AssignPrivateIpAddresses",
                           "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['10.0.0.77'], "
                           "'AllowReassignment': true}",
                           to));
    assert_null(fixture_at(interface(from), "PrivateIpAddresses.1"));
    json_auto_t *shown = fixture_ok(f, "ec2", "DescribeAddresses", "{}");
    assert_string_equal(fixture_text(shown, "Addresses.0.NetworkInterfaceId"), to);
    assert_string_equal(fixture_text(shown, "Addresses.0.PrivateIpAddress"), "10.0.0.77");

    fixture_fails(f, "InvalidParameterValue", "ec2", "AssignPrivateIpAddresses",
                  "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['%s'], "
                  "'AllowReassignment': true}",
                  from, fixture_text(interface(to), "PrivateIpAddress")); /* its primary one */
    json_decref(fixture_ok(f, "ec2", "UnassignPrivateIpAddresses",
                           "{'NetworkInterfaceId': '%s', 'PrivateIpAddresses': ['10.0.0.77']}",
                           to));
    json_auto_t *free = fixture_ok(f, "ec2", "DescribeAddresses", "{}");
    assert_null(fixture_at(free, "Addresses.0.AssociationId"));
}

/* ---- attachment ---- */

static void an_attachment_begins_and_ends_when_the_host_says_so(void **state)
{
    (void)state;
    char server[32], id[32], attachment[32];
    run("t3.micro", server);
    create(subnet, "", id);
    attach(id, server, 1, attachment);
    assert_string_equal(fixture_text(interface(id), "Status"), "in-use");
    assert_string_equal(fixture_text(interface(id), "Attachment.Status"), "attaching");
    assert_string_equal(fixture_text(interface(id), "Attachment.DeleteOnTermination"), "false");
    assert_string_equal(fixture_text(instance(server), "NetworkInterfaces.1.NetworkInterfaceId"),
                        id);
    go_on(id);
    assert_string_equal(fixture_text(instance(server), "NetworkInterfaces.1.Attachment.Status"),
                        "attached");
    fixture_fails(f, "InvalidParameterValue", "ec2", "DeleteNetworkInterface",
                  "{'NetworkInterfaceId': '%s'}", id);
    json_decref(fixture_ok(f, "ec2", "ModifyNetworkInterfaceAttribute",
                           "{'NetworkInterfaceId': '%s', 'Attachment': {'AttachmentId': '%s', "
                           "'DeleteOnTermination': true}}",
                           id, attachment));
    assert_string_equal(
        fixture_text(instance(server), "NetworkInterfaces.1.Attachment.DeleteOnTermination"),
        "true");
    json_decref(
        fixture_ok(f, "ec2", "DetachNetworkInterface", "{'AttachmentId': '%s'}", attachment));
    assert_string_equal(fixture_text(interface(id), "Attachment.Status"), "detaching");
    go_on(id);
    assert_string_equal(fixture_text(interface(id), "Status"), "available");
    assert_null(fixture_at(interface(id), "Attachment"));
    assert_null(fixture_at(instance(server), "NetworkInterfaces.1"));
    fixture_fails(f, "InvalidAttachmentID.NotFound", "ec2", "DetachNetworkInterface",
                  "{'AttachmentId': '%s'}", attachment);
    json_auto_t *shown =
        fixture_ok(f, "ec2", "DescribeNetworkInterfaces",
                   "{'Filters': [{'Name': 'attachment.attachment-id', 'Values': ['%s']}]}",
                   attachment); /* as clients look for it after a detachment */
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.0.Attachment.Status"), "detached");
    f->now_ms += 31000;
    json_auto_t *later =
        fixture_ok(f, "ec2", "DescribeNetworkInterfaces", "{'NetworkInterfaceIds': ['%s']}", id);
    assert_null(fixture_at(later, "NetworkInterfaces.0.Attachment"));
}

static void what_cannot_be_attached_is_refused(void **state)
{
    (void)state;
    char server[32], id[32], far[32], full[32], second[32], attachment[32];
    run("t3.micro", server); /* two interfaces with two addresses each */
    create(subnet, "", id);
    create(other_zone, "", far);
    create(subnet, ", 'SecondaryPrivateIpAddressCount': 2", full);
    create(subnet, "", second);
    static const char *const in =
        "{'NetworkInterfaceId': '%s', 'InstanceId': '%s', 'DeviceIndex': %d}";
    char request[200];
#define REFUSED(code, interface_id, index)                                                         \
    snprintf(request, sizeof request, in, interface_id, server, index);                            \
    fixture_fails(f, code, "ec2", "AttachNetworkInterface", "%s", request)
    REFUSED("InvalidParameterValue", id, 0);
    REFUSED("InvalidParameterValue", id, -1);
    REFUSED("InvalidParameterValue", id, 2);
    REFUSED("InvalidParameterCombination", far, 1);
    REFUSED("PrivateIpAddressLimitExceeded", full, 1);
    REFUSED("InvalidNetworkInterfaceID.NotFound", "eni-00000000000000000", 1);
    set_state(server, 64, "stopping");
    REFUSED("IncorrectInstanceState", id, 1);
    set_state(server, 80, "stopped");
    attach(id, server, 1, attachment);
    REFUSED("InvalidNetworkInterface.InUse", id, 1);
    REFUSED("InvalidParameterValue", second, 1);
    char other[32];
    run("t3.micro", other);
    snprintf(server, sizeof server, "%s", other);
    attach(second, server, 1, attachment);
    create(subnet, "", id);
    REFUSED("AttachmentLimitExceeded", id, 2);
#undef REFUSED
}

static void some_attachments_are_not_the_users_to_end(void **state)
{
    (void)state;
    char server[32], primary[64];
    run("t3.micro", server);
    snprintf(primary, sizeof primary, "%s",
             fixture_text(instance(server), "NetworkInterfaces.0.Attachment.AttachmentId"));
    fixture_fails(f, "OperationNotPermitted", "ec2", "DetachNetworkInterface",
                  "{'AttachmentId': '%s'}", primary);
    fixture_fails(f, "OperationNotPermitted", "ec2", "DetachNetworkInterface",
                  "{'AttachmentId': 'ela-attach-00000000000000000'}");
    fixture_fails(f, "InvalidAttachmentID.Malformed", "ec2", "DetachNetworkInterface",
                  "{'AttachmentId': 'x'}");
}

static void an_instance_with_several_is_not_one_of_them(void **state)
{
    (void)state;
    char server[32], id[32], attachment[32];
    run("t3.small", server);
    create(subnet, "", id);
    attach(id, server, 1, attachment);
    fixture_fails(f, "InvalidInstanceID", "ec2", "ModifyInstanceAttribute",
                  "{'InstanceId': '%s', 'Groups': ['%s']}", server, group);
    fixture_fails(f, "InvalidInstanceID", "ec2", "ModifyInstanceAttribute",
                  "{'InstanceId': '%s', 'SourceDestCheck': {'Value': false}}", server);
    fixture_fails(f, "InvalidAddress.NotFound", "ec2", "AssociateAddress",
                  "{'PublicIp': '100.64.0.9', 'InstanceId': '%s'}", server);
    set_state(server, 80, "stopped");
    char third[32];
    create(subnet, "", third);
    attach(third, server, 2, attachment);
    fixture_fails(f, "AttachmentLimitExceeded", "ec2", "ModifyInstanceAttribute",
                  "{'InstanceId': '%s', 'InstanceType': {'Value': 't3.micro'}}", server);
}

static void a_public_address_comes_and_goes_while_the_instance_runs(void **state)
{
    (void)state;
    char server[32], id[32];
    run("t3.micro", server); /* in a subnet that gives none */
    snprintf(id, sizeof id, "%s",
             fixture_text(instance(server), "NetworkInterfaces.0.NetworkInterfaceId"));
    assert_null(fixture_at(instance(server), "PublicIpAddress"));
    json_decref(fixture_ok(f, "ec2", "ModifyNetworkInterfaceAttribute",
                           "{'NetworkInterfaceId': '%s', 'AssociatePublicIpAddress': true}", id));
    assert_non_null(fixture_at(instance(server), "PublicIpAddress"));
    json_decref(fixture_ok(f, "ec2", "ModifyNetworkInterfaceAttribute",
                           "{'NetworkInterfaceId': '%s', 'AssociatePublicIpAddress': false}", id));
    assert_null(fixture_at(instance(server), "PublicIpAddress"));
    assert_int_equal(store_count(f->store, "public-address", ""), 0);
}

/* ---- launches ---- */

static void a_launch_takes_new_interfaces_and_existing_ones(void **state)
{
    (void)state;
    char existing[32], in[512];
    create(subnet, ", 'Description': 'kept'", existing);
    snprintf(in, sizeof in,
             "'NetworkInterfaces': [{'DeviceIndex': 2, 'NetworkInterfaceId': '%s'}, "
             "{'DeviceIndex': 1, 'DeleteOnTermination': false, 'PrivateIpAddresses': "
             "[{'PrivateIpAddress': '10.0.0.60', 'Primary': true}, {'PrivateIpAddress': "
             "'10.0.0.61'}]}, {'DeviceIndex': 0, 'SubnetId': '%s', 'Groups': ['%s']}]",
             existing, subnet, group);
    json_auto_t *out = launch("t3.small", in);
    assert_non_null(out);
    const json_t *shown = fixture_at(out, "Instances.0");
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.0.Groups.0.GroupId"), group);
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.1.PrivateIpAddress"), "10.0.0.60");
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.1.Attachment.DeleteOnTermination"),
                        "false");
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.2.NetworkInterfaceId"), existing);
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.2.Description"), "kept");
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.2.Attachment.DeleteOnTermination"),
                        "false");
    assert_string_equal(fixture_text(shown, "NetworkInterfaces.0.Attachment.DeleteOnTermination"),
                        "true");
    assert_string_equal(fixture_text(shown, "SecurityGroups.0.GroupId"), group);
}

/* Appends the text with ids in place of 'S' (the subnet), 'E' (`here`) and 'F' (`far`). */
static void append_named(struct buf *out, const char *text, const char *here, const char *far)
{
    for (; *text; text++) {
        bool is_name = text[0] == '\'' && text[1] && text[2] == '\'' && strchr("SEF", text[1]);
        if (!is_name) {
            buf_append(out, text, 1);
            continue;
        }
        buf_printf(out, "'%s'", text[1] == 'S' ? subnet : text[1] == 'E' ? here : far);
        text += 2;
    }
}

static void bad_interfaces_of_a_launch_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *code, *interfaces;
    } bad[] = {
        {"InvalidParameterValue", "{'SubnetId': 'S'}"},
        {"InvalidParameterCombination", "{'DeviceIndex': 1, 'SubnetId': 'S'}"},
        {"InvalidParameterValue", "{'DeviceIndex': 0, 'SubnetId': 'S'}, {'DeviceIndex': 0}"},
        {"InvalidParameterValue", "{'DeviceIndex': 0, 'SubnetId': 'S'}, {'DeviceIndex': 7}"},
        {"AttachmentLimitExceeded", "{'DeviceIndex': 0}, {'DeviceIndex': 1}, {'DeviceIndex': 2}"},
        {"InvalidParameterCombination", "{'DeviceIndex': 0, 'SubnetId': 'S', "
                                        "'AssociatePublicIpAddress': true}, {'DeviceIndex': 1}"},
        {"PrivateIpAddressLimitExceeded",
         "{'DeviceIndex': 0, 'SubnetId': 'S', 'SecondaryPrivateIpAddressCount': 2}"},
        {"InvalidParameterCombination",
         "{'DeviceIndex': 0, 'SubnetId': 'S'}, {'DeviceIndex': 1, 'NetworkInterfaceId': 'F'}"},
        {"InvalidParameterCombination",
         "{'DeviceIndex': 0, 'NetworkInterfaceId': 'E', 'SubnetId': 'S'}"},
        {"InvalidParameterCombination",
         "{'DeviceIndex': 0, 'NetworkInterfaceId': 'E', 'DeleteOnTermination': true}"},
        {"InvalidParameterValue", "{'DeviceIndex': 0, 'NetworkInterfaceId': 'E'}, "
                                  "{'DeviceIndex': 1, 'NetworkInterfaceId': 'E'}"},
        {"InvalidNetworkInterfaceID.NotFound",
         "{'DeviceIndex': 0, 'NetworkInterfaceId': 'eni-00000000000000000'}"},
    };
    char here[32], far[32];
    create(subnet, "", here);
    create(other_zone, "", far);
    int before = free_addresses();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        auto_buf in = {0};
        buf_append_string(&in, "'NetworkInterfaces': [");
        append_named(&in, bad[i].interfaces, here, far);
        buf_append_string(&in, "]");
        json_t *out = launch("t3.micro", in.data);
        assert_null(out);
        assert_string_equal(f->err.code, bad[i].code);
    }
    assert_int_equal(free_addresses(), before);
    assert_int_equal(store_count(f->store, "instance", f->region), 0);
    assert_string_equal(fixture_text(interface(here), "Status"), "available");
}

static void an_interface_that_exists_is_for_one_instance(void **state)
{
    (void)state;
    char id[32];
    create(subnet, "", id);
    fixture_fails(f, "InvalidParameterCombination", "ec2", "RunInstances",
                  "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 2, 'MaxCount': 2, "
                  "'NetworkInterfaces': [{'DeviceIndex': 0, 'NetworkInterfaceId': '%s'}]}",
                  image, id);
    char in[128];
    snprintf(in, sizeof in, "'NetworkInterfaces': [{'DeviceIndex': 0, 'NetworkInterfaceId': '%s'}]",
             id);
    json_auto_t *out = launch("t3.micro", in);
    assert_non_null(out);
    assert_string_equal(fixture_text(out, "Instances.0.PrivateIpAddress"),
                        fixture_text(interface(id), "PrivateIpAddress"));
    assert_null(launch("t3.micro", in));
    assert_string_equal(f->err.code, "InvalidNetworkInterface.InUse");
}

static void a_subnet_that_runs_full_leaves_no_half_of_an_instance(void **state)
{
    (void)state;
    char small[32];
    keep(fixture_ok(f, "ec2", "CreateSubnet", "{'VpcId': '%s', 'CidrBlock': '10.0.2.0/28'}", vpc),
         "Subnet.SubnetId", small); /* eleven addresses */
    json_auto_t *out =
        fixture_ok(f, "ec2", "RunInstances",
                   "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 20, "
                   "'NetworkInterfaces': [{'DeviceIndex': 0, 'SubnetId': '%s'}, "
                   "{'DeviceIndex': 1, 'SecondaryPrivateIpAddressCount': 1}]}",
                   image, small);
    assert_int_equal(json_array_size(json_object_get(out, "Instances")), 3);
    assert_int_equal(store_count(f->store, "network-interface", f->region), 6);
    assert_int_equal(store_count(f->store, "slot", ""), 3);
    assert_string_equal(
        fixture_text(store_get(f->store, "subnet", f->region, small), "AvailableIpAddressCount"),
        "2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_interface_is_available_with_what_was_asked_for),
        TEST(bad_interfaces_are_not_made),
        TEST(secondary_addresses_are_counted_limited_and_given_back),
        TEST(a_secondary_address_moves_with_its_elastic_one),
        TEST(an_attachment_begins_and_ends_when_the_host_says_so),
        TEST(what_cannot_be_attached_is_refused),
        TEST(some_attachments_are_not_the_users_to_end),
        TEST(an_instance_with_several_is_not_one_of_them),
        TEST(a_public_address_comes_and_goes_while_the_instance_runs),
        TEST(a_launch_takes_new_interfaces_and_existing_ones),
        TEST(bad_interfaces_of_a_launch_change_nothing),
        TEST(an_interface_that_exists_is_for_one_instance),
        TEST(a_subnet_that_runs_full_leaves_no_half_of_an_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
