/* RunInstances and what follows: what a launch promises, and what it refuses without a trace. */
#include "base/cleanup.h"
#include "service/ec2/public_images.h"
#include "service_fixture.h"
#include "wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static char image_id[32];

static struct service_fixture *create(void)
{
    json_auto_t *image = public_image_at("us-east-1", 0);
    snprintf(image_id, sizeof image_id, "%s", json_string_value(json_object_get(image, "ImageId")));
    return fixture_create();
}

/* RunInstances of one t3.micro with more members. */
static json_t *run(struct service_fixture *fixture, const char *more)
{
    return fixture_ok(fixture, "ec2", "RunInstances",
                      "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1"
                      "%s}",
                      image_id, more);
}

static void a_plain_launch_goes_to_the_default_vpc(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    const json_t *instance = fixture_at(out, "Instances.0");
    assert_string_equal(fixture_text(instance, "State.Name"), "pending");
    assert_int_equal(strncmp(fixture_text(instance, "PrivateIpAddress"), "172.31.", 7), 0);
    assert_non_null(fixture_at(instance, "PublicIpAddress"));
    assert_string_equal(fixture_text(instance, "SecurityGroups.0.GroupName"), "default");
    assert_string_equal(fixture_text(instance, "NetworkInterfaces.0.Attachment.DeviceIndex"), "0");
    assert_string_equal(fixture_text(instance, "CpuOptions.ThreadsPerCore"), "2");
    assert_string_equal(fixture_text(instance, "MetadataOptions.HttpTokens"), "required");
    assert_string_equal(fixture_text(instance, "_cpu_thousandths"), "2000");
    assert_string_equal(fixture_text(instance, "_memory_mib"), "1024");
    assert_string_equal(fixture_text(instance, "_layers.0"), "host");
    fixture_destroy(fixture);
}

static void instances_of_one_call_are_one_reservation(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_decref(fixture_ok(fixture, "ec2", "RunInstances",
                           "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, "
                           "'MaxCount': 3}",
                           image_id));
    json_decref(run(fixture, ""));
    json_auto_t *out = fixture_ok(fixture, "ec2", "DescribeInstances", "{}");
    assert_int_equal(json_array_size(json_object_get(out, "Reservations")), 2);
    assert_int_equal(json_array_size(fixture_at(out, "Reservations.0.Instances")), 3);
    assert_string_equal(fixture_text(out, "Reservations.0.Instances.2.AmiLaunchIndex"), "2");
    json_auto_t *filtered = fixture_ok(fixture, "ec2", "DescribeInstances",
                                       "{'Filters': [{'Name': 'reservation-id', 'Values': "
                                       "['%s']}]}",
                                       fixture_text(out, "Reservations.1.ReservationId"));
    assert_int_equal(json_array_size(json_object_get(filtered, "Reservations")), 1);
    fixture_destroy(fixture);
}

static size_t reservations(struct service_fixture *fixture, const char *filter, const char *value)
{
    json_auto_t *out = fixture_ok(fixture, "ec2", "DescribeInstances",
                                  "{'Filters': [{'Name': '%s', 'Values': ['%s']}]}", filter, value);
    return json_array_size(json_object_get(out, "Reservations"));
}

static void filters_compare_times_as_text_and_what_nobody_has_finds_nothing(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    fixture->now_ms = 1767323045678; /* 2026-01-02T03:04:05.678Z */
    json_decref(run(fixture, ""));
    assert_int_equal(reservations(fixture, "launch-time", "2026-01-02T03:04:05.678Z"), 1);
    assert_int_equal(reservations(fixture, "launch-time", "2026-01-02T*"), 1);
    assert_int_equal(reservations(fixture, "launch-time", "2026-01-03T*"), 0);
    assert_int_equal(reservations(fixture, "network-interface.attachment.device-index", "0"), 1);
    assert_int_equal(reservations(fixture, "ena-support", "true"), 1);
    assert_int_equal(reservations(fixture, "ipv6-address", "*"), 0);
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "DescribeInstances",
                  "{'Filters': [{'Name': 'colour', 'Values': ['red']}]}");
    json_auto_t *types = fixture_ok(fixture, "ec2", "DescribeInstanceTypes",
                                    "{'InstanceTypes': ['t3.micro'], 'Filters': [{'Name': "
                                    "'processor-info.sustained-clock-speed-in-ghz', 'Values': "
                                    "['2.5']}]}");
    assert_int_equal(json_array_size(json_object_get(types, "InstanceTypes")), 1);
    fixture_destroy(fixture);
}

static void a_template_is_overridden_by_the_request(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_decref(fixture_ok(
        fixture, "ec2", "CreateLaunchTemplate",
        "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': '%s', 'InstanceType': "
        "'t3.micro', 'TagSpecifications': [{'ResourceType': 'instance', 'Tags': [{'Key': 'Name', "
        "'Value': 'a'}, {'Key': 'Team', 'Value': 'x'}]}]}}",
        image_id));
    json_auto_t *out = fixture_ok(
        fixture, "ec2", "RunInstances",
        "{'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'InstanceType': 't3.small', 'MinCount': "
        "1, 'MaxCount': 1, 'TagSpecifications': [{'ResourceType': 'instance', 'Tags': [{'Key': "
        "'Name', 'Value': 'b'}]}]}");
    const json_t *instance = fixture_at(out, "Instances.0");
    assert_string_equal(fixture_text(instance, "InstanceType"), "t3.small");
    assert_string_equal(fixture_text(instance, "Tags.0.Value"), "b");
    assert_string_equal(fixture_text(instance, "Tags.1.Value"), "x");
    assert_string_equal(fixture_text(instance, "Tags.2.Key"), "aws:ec2launchtemplate:id");
    fixture_destroy(fixture);
}

static void an_image_is_named_by_a_parameter(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = fixture_ok(fixture, "ec2", "RunInstances",
                                  "{'ImageId': 'resolve:ssm:/aws/service/ami-amazon-linux-latest/"
                                  "al2023-ami-kernel-default-%s', 'InstanceType': 't3.micro', "
                                  "'MinCount': 1, 'MaxCount': 1}",
                                  public_image_architecture());
    assert_string_equal(fixture_text(out, "Instances.0.ImageId"), image_id);
    fixture_destroy(fixture);
}

static void bad_launches_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *code, *members;
    } bad[] = {
        {"InvalidAMIID.NotFound", "'ImageId': 'ami-00000000000000000'"},
        {"InvalidAMIID.Malformed", "'ImageId': 'x'"},
        {"InvalidParameterValue", "'InstanceType': 't9.huge'"},
        {"InvalidParameterValue", "'InstanceType': 't4g.micro'"},
        {"InvalidKeyPair.NotFound", "'KeyName': 'none'"},
        {"InvalidSubnetID.NotFound", "'SubnetId': 'subnet-00000000000000000'"},
        {"InvalidGroup.NotFound", "'SecurityGroupIds': ['sg-00000000000000000']"},
        {"InvalidGroup.NotFound", "'SecurityGroups': ['none']"},
        {"InvalidUserData.Malformed", "'UserData': '!'"},
        {"InvalidParameterValue", "'MinCount': 2"},
        {"InvalidParameterValue", "'MinCount': 0"},
        {"InstanceLimitExceeded", "'MinCount': 2000, 'MaxCount': 2000"},
        {"UnsupportedOperation", "'IamInstanceProfile': {'Name': 'r'}"},
        {"InvalidParameterCombination",
         "'SubnetId': 'subnet-1', 'NetworkInterfaces': [{'DeviceIndex': 0}]"},
    };
    struct service_fixture *fixture = create();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(fixture, bad[i].code, "ec2", "RunInstances",
                      "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1, "
                      "%s}",
                      image_id, bad[i].members);
    assert_int_equal(store_count(fixture->store, "instance", "us-east-1"), 0);
    assert_int_equal(store_count(fixture->store, "network-interface", "us-east-1"), 0);
    assert_int_equal(store_count(fixture->store, "slot", ""), 0);
    fixture_destroy(fixture);
}

static void user_data_is_limited_to_16_kib(void **state)
{
    (void)state;
    static char raw[16 * 1024 + 1];
    struct service_fixture *fixture = create();
    memset(raw, '#', sizeof raw);
    auto_free char *fits = base64_encode(raw, sizeof raw - 1);
    auto_free char *too_much = base64_encode(raw, sizeof raw);
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "RunInstances",
                  "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1, "
                  "'UserData': '%s'}",
                  image_id, too_much);
    json_decref(fixture_ok(fixture, "ec2", "RunInstances",
                           "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, "
                           "'MaxCount': 1, 'UserData': '%s'}",
                           image_id, fits));
    fixture_destroy(fixture);
}

static void protection_keeps_all_instances_of_the_call(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *plain = run(fixture, ""), *kept = run(fixture, ", 'DisableApiTermination': true");
    char first[32], second[32];
    snprintf(first, sizeof first, "%s", fixture_text(plain, "Instances.0.InstanceId"));
    snprintf(second, sizeof second, "%s", fixture_text(kept, "Instances.0.InstanceId"));
    fixture_fails(fixture, "OperationNotPermitted", "ec2", "TerminateInstances",
                  "{'InstanceIds': ['%s', '%s']}", first, second);
    json_auto_t *out =
        fixture_ok(fixture, "ec2", "TerminateInstances", "{'InstanceIds': ['%s']}", first);
    assert_string_equal(fixture_text(out, "TerminatingInstances.0.CurrentState.Name"),
                        "shutting-down");
    assert_string_equal(fixture_text(out, "TerminatingInstances.0.PreviousState.Name"), "pending");
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeInstances", "{'InstanceIds': ['%s']}", first);
    assert_string_equal(fixture_text(shown, "Reservations.0.Instances.0.StateTransitionReason"),
                        "User initiated (2026-01-02 03:04:05 GMT)");
    fixture_destroy(fixture);
}

static void the_type_changes_only_at_rest(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    char id[32];
    snprintf(id, sizeof id, "%s", fixture_text(out, "Instances.0.InstanceId"));
    fixture_fails(fixture, "IncorrectInstanceState", "ec2", "ModifyInstanceAttribute",
                  "{'InstanceId': '%s', 'InstanceType': {'Value': 't3.small'}}", id);
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceAttribute",
                           "{'InstanceId': '%s', 'Attribute': 'disableApiTermination', 'Value': "
                           "'true'}",
                           id));
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeInstanceAttribute",
                   "{'InstanceId': '%s', 'Attribute': 'disableApiTermination'}", id);
    assert_string_equal(fixture_text(shown, "DisableApiTermination.Value"), "true");
    fixture_destroy(fixture);
}

static void console_output_is_base64(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    json_auto_t *console = fixture_ok(fixture, "ec2", "GetConsoleOutput", "{'InstanceId': '%s'}",
                                      fixture_text(out, "Instances.0.InstanceId"));
    const char *encoded = fixture_text(console, "Output");
    size_t size;
    auto_free char *text = base64_decode(encoded, strlen(encoded), &size);
    assert_non_null(text);
    assert_int_equal(strncmp(text, "console of i-", 13), 0);
    fixture_fails(fixture, "InvalidInstanceID.NotFound", "ec2", "GetConsoleOutput",
                  "{'InstanceId': 'i-00000000000000000'}");
    fixture_destroy(fixture);
}

static void types_are_found_by_filters(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out =
        fixture_ok(fixture, "ec2", "DescribeInstanceTypes", "{'InstanceTypes': ['t3.micro']}");
    assert_string_equal(fixture_text(out, "InstanceTypes.0.MemoryInfo.SizeInMiB"), "1024");
    assert_string_equal(fixture_text(out, "InstanceTypes.0.VCpuInfo.DefaultVCpus"), "2");
    fixture_fails(fixture, "InvalidInstanceType", "ec2", "DescribeInstanceTypes",
                  "{'InstanceTypes': ['t3.giant']}");
    json_auto_t *zones = fixture_ok(fixture, "ec2", "DescribeInstanceTypeOfferings",
                                    "{'LocationType': 'availability-zone', 'Filters': [{'Name': "
                                    "'instance-type', 'Values': ['t3.micro']}]}");
    assert_int_equal(json_array_size(json_object_get(zones, "InstanceTypeOfferings")), 3);
    fixture_destroy(fixture);
}

/* The fixture checks each answer against the model's output shape. */
static void what_reads_and_sets_attributes_answers_in_shape(void **state)
{
    (void)state;
    static const struct {
        const char *operation, *members;
    } calls[] = {
        {"DescribeInstanceStatus", "'IncludeAllInstances': true"},
        {"MonitorInstances", NULL},
        {"UnmonitorInstances", NULL},
        {"DescribeInstanceCreditSpecifications", NULL},
        {"StopInstances", "'Force': true"},
        {"DescribeInstanceStatus", NULL},
    };
    static const char *const attributes[] = {
        "disableApiStop",  "groupSet", "instanceInitiatedShutdownBehavior",
        "instanceType",    "kernel",   "rootDeviceName",
        "sourceDestCheck", "userData", "blockDeviceMapping",
        "enclaveOptions",
    };
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    char id[32];
    snprintf(id, sizeof id, "%s", fixture_text(out, "Instances.0.InstanceId"));
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        json_decref(fixture_ok(fixture, "ec2", "DescribeInstanceAttribute",
                               "{'InstanceId': '%s', 'Attribute': '%s'}", id, attributes[i]));
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceMetadataOptions",
                           "{'InstanceId': '%s', 'HttpTokens': 'optional'}", id));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        json_decref(fixture_ok(fixture, "ec2", calls[i].operation, "{'InstanceIds': ['%s']%s%s}",
                               id, calls[i].members ? ", " : "",
                               calls[i].members ? calls[i].members : ""));
    json_decref(fixture_ok(fixture, "ec2", "DescribeVolumes", "{}"));
    json_decref(fixture_ok(fixture, "ec2", "DescribeImageAttribute",
                           "{'ImageId': '%s', 'Attribute': 'launchPermission'}", image_id));
    json_decref(fixture_ok(fixture, "sts", "GetCallerIdentity", "{}"));
    fixture_destroy(fixture);
}

static void a_template_interface_takes_the_subnet_of_the_request(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *subnets = fixture_ok(fixture, "ec2", "DescribeSubnets", "{}");
    json_decref(fixture_ok(
        fixture, "ec2", "CreateLaunchTemplate",
        "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'ImageId': '%s', 'InstanceType': "
        "'t3.micro', 'NetworkInterfaces': [{'DeviceIndex': 0, 'AssociatePublicIpAddress': false}]}"
        "}",
        image_id));
    json_auto_t *out = fixture_ok(fixture, "ec2", "RunInstances",
                                  "{'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'MinCount': 1,"
                                  " 'MaxCount': 1, 'SubnetId': '%s'}",
                                  fixture_text(subnets, "Subnets.2.SubnetId"));
    assert_string_equal(fixture_text(out, "Instances.0.SubnetId"),
                        json_string_value(fixture_at(subnets, "Subnets.2.SubnetId")));
    assert_null(fixture_at(out, "Instances.0.PublicIpAddress"));
    fixture_destroy(fixture);
}

/* The text at a path of the interface's attribute. */
static void assert_attribute(struct service_fixture *fixture, const char *id, const char *name,
                             const char *path, const char *text)
{
    json_auto_t *out = fixture_ok(fixture, "ec2", "DescribeNetworkInterfaceAttribute",
                                  "{'NetworkInterfaceId': '%s', 'Attribute': '%s'}", id, name);
    assert_string_equal(fixture_text(out, path), text);
}

static void an_interface_has_attributes(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    char id[32];
    snprintf(id, sizeof id, "%s",
             fixture_text(out, "Instances.0.NetworkInterfaces.0.NetworkInterfaceId"));
    static const char modify[] = "{'NetworkInterfaceId': '%s', %s}";
    static const char operation[] = "ModifyNetworkInterfaceAttribute";
    json_decref(
        fixture_ok(fixture, "ec2", operation, modify, id, "'SourceDestCheck': {'Value': false}"));
    json_decref(
        fixture_ok(fixture, "ec2", operation, modify, id, "'Description': {'Value': 'mine'}"));
    assert_attribute(fixture, id, "sourceDestCheck", "SourceDestCheck.Value", "false");
    assert_attribute(fixture, id, "description", "Description.Value", "mine");
    assert_attribute(fixture, id, "groupSet", "Groups.0.GroupName", "default");
    json_auto_t *shown = fixture_ok(fixture, "ec2", "DescribeInstances", "{}");
    assert_string_equal(fixture_text(shown, "Reservations.0.Instances.0.SourceDestCheck"), "false");
    json_decref(fixture_ok(fixture, "ec2", "ResetNetworkInterfaceAttribute",
                           "{'NetworkInterfaceId': '%s', 'SourceDestCheck': 'true'}", id));
    assert_attribute(fixture, id, "sourceDestCheck", "SourceDestCheck.Value", "true");
    fixture_fails(fixture, "InvalidParameterCombination", "ec2", operation, modify, id,
                  "'Description': {'Value': 'a'}, 'SourceDestCheck': {'Value': true}");
    fixture_destroy(fixture);
}

static void a_route_to_an_instance_is_one_to_its_interface(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run(fixture, "");
    json_auto_t *tables = fixture_ok(fixture, "ec2", "DescribeRouteTables", "{}");
    char instance[32], table[32];
    snprintf(instance, sizeof instance, "%s", fixture_text(out, "Instances.0.InstanceId"));
    snprintf(table, sizeof table, "%s", fixture_text(tables, "RouteTables.0.RouteTableId"));
    static const char route[] =
        "{'RouteTableId': '%s', 'DestinationCidrBlock': '%s', 'InstanceId': '%s'}";
    json_decref(fixture_ok(fixture, "ec2", "CreateRoute", route, table, "192.0.2.0/24", instance));
    json_decref(
        fixture_ok(fixture, "ec2", "CreateRoute", route, table, "172.31.16.0/20", instance));
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "CreateRoute", route, table,
                  "172.31.16.0/24", instance);
    json_auto_t *shown = fixture_ok(fixture, "ec2", "DescribeRouteTables", "{}");
    static const char at[] = "RouteTables.0.Routes.2.";
    char path[64], interface[32];
    snprintf(interface, sizeof interface, "%s",
             fixture_text(out, "Instances.0.NetworkInterfaces.0.NetworkInterfaceId"));
    snprintf(path, sizeof path, "%sInstanceId", at);
    assert_string_equal(fixture_text(shown, path), instance);
    snprintf(path, sizeof path, "%sNetworkInterfaceId", at);
    assert_string_equal(fixture_text(shown, path), interface);
    snprintf(path, sizeof path, "%sState", at);
    assert_string_equal(fixture_text(shown, path), "active");
    json_decref(
        fixture_ok(fixture, "ec2", "TerminateInstances", "{'InstanceIds': ['%s']}", instance));
    json_auto_t *after = fixture_ok(fixture, "ec2", "DescribeRouteTables", "{}");
    assert_string_equal(fixture_text(after, path), "blackhole");
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_launch_goes_to_the_default_vpc),
        cmocka_unit_test(instances_of_one_call_are_one_reservation),
        cmocka_unit_test(a_template_is_overridden_by_the_request),
        cmocka_unit_test(an_image_is_named_by_a_parameter),
        cmocka_unit_test(bad_launches_change_nothing),
        cmocka_unit_test(user_data_is_limited_to_16_kib),
        cmocka_unit_test(protection_keeps_all_instances_of_the_call),
        cmocka_unit_test(the_type_changes_only_at_rest),
        cmocka_unit_test(console_output_is_base64),
        cmocka_unit_test(what_reads_and_sets_attributes_answers_in_shape),
        cmocka_unit_test(a_template_interface_takes_the_subnet_of_the_request),
        cmocka_unit_test(filters_compare_times_as_text_and_what_nobody_has_finds_nothing),
        cmocka_unit_test(types_are_found_by_filters),
        cmocka_unit_test(an_interface_has_attributes),
        cmocka_unit_test(a_route_to_an_instance_is_one_to_its_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
