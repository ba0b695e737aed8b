/* What may be changed of instances and images afterwards, and the groups and defaults of launches.
 */
#include "base/cleanup.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/public_images.h"
#include "service_fixture.h"

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

static json_t *run_type(struct service_fixture *fixture, const char *type, const char *more)
{
    return fixture_ok(fixture, "ec2", "RunInstances",
                      "{'ImageId': '%s', 'InstanceType': '%s', 'MinCount': 1, 'MaxCount': 1%s}",
                      image_id, type, more);
}

/* As the host and the user would bring it about. */
static void bring_to(struct service_fixture *fixture, const char *id, const char *state)
{
    struct err err;
    auto_txn *txn = txn_begin(fixture->store);
    json_object_set_new(txn_edit(txn, "instance", "us-east-1", id), "State",
                        instance_state_shape(state));
    assert_int_equal(txn_commit(ptr_take(&txn), &err), 0);
}

static void run_to(struct service_fixture *fixture, const char *state, char id[32])
{
    json_auto_t *out = run_type(fixture, "t3.micro", "");
    snprintf(id, 32, "%s", fixture_text(out, "Instances.0.InstanceId"));
    bring_to(fixture, id, state);
}

static void credits_are_of_burstable_types_only(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    char id[32];
    run_to(fixture, "running", id);
    json_auto_t *fixed = run_type(fixture, "m5.large", "");
    json_auto_t *out = fixture_ok(fixture, "ec2", "ModifyInstanceCreditSpecification",
                                  "{'InstanceCreditSpecifications': [{'InstanceId': '%s', "
                                  "'CpuCredits': 'standard'}, {'InstanceId': '%s', 'CpuCredits': "
                                  "'standard'}]}",
                                  id, fixture_text(fixed, "Instances.0.InstanceId"));
    assert_string_equal(fixture_text(out, "SuccessfulInstanceCreditSpecifications.0.InstanceId"),
                        id);
    assert_string_equal(fixture_text(out, "UnsuccessfulInstanceCreditSpecifications.0.Error.Code"),
                        "InstanceCreditSpecification.NotSupported");
    json_auto_t *shown = fixture_ok(fixture, "ec2", "DescribeInstanceCreditSpecifications",
                                    "{'InstanceIds': ['%s']}", id);
    assert_string_equal(fixture_text(shown, "InstanceCreditSpecifications.0.CpuCredits"),
                        "standard");
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "ModifyInstanceCreditSpecification",
                  "{'InstanceCreditSpecifications': [{'InstanceId': '%s', 'CpuCredits': 'all'}]}",
                  id);
    fixture_destroy(fixture);
}

static void placement_groups_are_joined_at_launch_and_while_stopped(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_decref(fixture_ok(fixture, "ec2", "CreatePlacementGroup",
                           "{'GroupName': 'parts', 'Strategy': 'partition', 'PartitionCount': 3}"));
    json_decref(fixture_ok(fixture, "ec2", "CreatePlacementGroup",
                           "{'GroupName': 'near', 'Strategy': 'cluster'}"));
    fixture_fails(fixture, "InvalidPlacementGroup.Duplicate", "ec2", "CreatePlacementGroup",
                  "{'GroupName': 'near', 'Strategy': 'cluster'}");
    fixture_fails(fixture, "InvalidPlacementGroup.Unknown", "ec2", "RunInstances",
                  "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1, "
                  "'Placement': {'GroupName': 'none'}}",
                  image_id);
    json_auto_t *out = run_type(fixture, "t3.micro", ", 'Placement': {'GroupName': 'parts'}");
    assert_string_equal(fixture_text(out, "Instances.0.Placement.PartitionNumber"), "1");
    json_auto_t *chosen = run_type(fixture, "t3.micro",
                                   ", 'Placement': {'GroupName': 'parts', 'PartitionNumber': 3}");
    assert_string_equal(fixture_text(chosen, "Instances.0.Placement.PartitionNumber"), "3");
    char id[32];
    snprintf(id, sizeof id, "%s", fixture_text(out, "Instances.0.InstanceId"));
    fixture_fails(fixture, "InvalidPlacementGroup.InUse", "ec2", "DeletePlacementGroup",
                  "{'GroupName': 'parts'}");
    fixture_fails(fixture, "IncorrectInstanceState", "ec2", "ModifyInstancePlacement",
                  "{'InstanceId': '%s', 'GroupName': 'near'}", id);
    bring_to(fixture, id, "stopped");
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstancePlacement",
                           "{'InstanceId': '%s', 'GroupName': 'near'}", id));
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeInstances", "{'InstanceIds': ['%s']}", id);
    const json_t *placement = fixture_at(shown, "Reservations.0.Instances.0.Placement");
    assert_string_equal(fixture_text(placement, "GroupName"), "near");
    assert_null(fixture_at(placement, "PartitionNumber"));
    fixture_fails(fixture, "UnsupportedOperation", "ec2", "ModifyInstancePlacement",
                  "{'InstanceId': '%s', 'Tenancy': 'host'}", id);
    fixture_destroy(fixture);
}

static void a_spread_group_has_seven_places_in_a_zone(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_decref(fixture_ok(fixture, "ec2", "CreatePlacementGroup",
                           "{'GroupName': 'apart', 'Strategy': 'spread'}"));
    static const char launch[] = "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, "
                                 "'MaxCount': %d, 'Placement': {'GroupName': 'apart', "
                                 "'AvailabilityZone': 'us-east-1%c'}}";
    json_decref(fixture_ok(fixture, "ec2", "RunInstances", launch, image_id, 7, 'a'));
    fixture_fails(fixture, "InsufficientInstanceCapacity", "ec2", "RunInstances", launch, image_id,
                  1, 'a');
    json_decref(fixture_ok(fixture, "ec2", "RunInstances", launch, image_id, 1, 'b'));
    fixture_destroy(fixture);
}

static void the_accounts_metadata_defaults_stand_behind_the_request(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceMetadataDefaults",
                           "{'HttpTokens': 'required', 'HttpPutResponseHopLimit': 3, "
                           "'InstanceMetadataTags': 'enabled'}"));
    json_auto_t *out =
        run_type(fixture, "t3.micro", ", 'MetadataOptions': {'InstanceMetadataTags': 'disabled'}");
    const json_t *options = fixture_at(out, "Instances.0.MetadataOptions");
    assert_string_equal(fixture_text(options, "HttpPutResponseHopLimit"), "3");
    assert_string_equal(fixture_text(options, "InstanceMetadataTags"), "disabled");
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceMetadataDefaults",
                           "{'HttpPutResponseHopLimit': -1}"));
    json_auto_t *shown = fixture_ok(fixture, "ec2", "GetInstanceMetadataDefaults", "{}");
    assert_string_equal(fixture_text(shown, "AccountLevel.HttpTokens"), "required");
    assert_null(fixture_at(shown, "AccountLevel.HttpPutResponseHopLimit"));
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "ModifyInstanceMetadataDefaults",
                  "{'HttpPutResponseHopLimit': 65}");
    fixture_destroy(fixture);
}

static void attributes_of_an_own_image_change(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    char id[32], image[32];
    run_to(fixture, "stopped", id);
    json_auto_t *made =
        fixture_ok(fixture, "ec2", "CreateImage", "{'InstanceId': '%s', 'Name': 'mine'}", id);
    snprintf(image, sizeof image, "%s", fixture_text(made, "ImageId"));
    json_decref(fixture_ok(fixture, "ec2", "ModifyImageAttribute",
                           "{'ImageId': '%s', 'Description': {'Value': 'a better one'}, "
                           "'LaunchPermission': {'Add': [{'Group': 'all'}]}}",
                           image));
    json_decref(fixture_ok(fixture, "ec2", "EnableImageDeprecation",
                           "{'ImageId': '%s', 'DeprecateAt': %lld}", image,
                           (long long)fixture->now_ms / 1000 + 86400));
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeImages", "{'ImageIds': ['%s']}", image);
    assert_string_equal(fixture_text(shown, "Images.0.Description"), "a better one");
    assert_string_equal(fixture_text(shown, "Images.0.Public"), "true");
    assert_non_null(fixture_at(shown, "Images.0.DeprecationTime"));
    json_decref(fixture_ok(fixture, "ec2", "ResetImageAttribute",
                           "{'ImageId': '%s', 'Attribute': 'launchPermission'}", image));
    json_auto_t *permissions =
        fixture_ok(fixture, "ec2", "DescribeImageAttribute",
                   "{'ImageId': '%s', 'Attribute': 'launchPermission'}", image);
    assert_int_equal(json_array_size(fixture_at(permissions, "LaunchPermissions")), 0);
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "EnableImageDeprecation",
                  "{'ImageId': '%s', 'DeprecateAt': 1000000}", image);
    fixture_fails(fixture, "AuthFailure", "ec2", "ModifyImageAttribute",
                  "{'ImageId': '%s', 'Description': {'Value': 'not mine'}}", image_id);
    fixture_destroy(fixture);
}

static void a_launch_template_can_be_made_of_an_instance(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    json_auto_t *out = run_type(fixture, "t3.micro",
                                ", 'UserData': 'IyEvYmluL3NoCg==', 'TagSpecifications': "
                                "[{'ResourceType': 'instance', 'Tags': [{'Key': 'Name', 'Value': "
                                "'web'}]}]");
    json_auto_t *data = fixture_ok(fixture, "ec2", "GetLaunchTemplateData", "{'InstanceId': '%s'}",
                                   fixture_text(out, "Instances.0.InstanceId"));
    assert_string_equal(fixture_text(data, "LaunchTemplateData.TagSpecifications.0.Tags.0.Value"),
                        "web");
    auto_free char *text = json_dumps(fixture_at(data, "LaunchTemplateData"), JSON_COMPACT);
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'again', 'LaunchTemplateData': %s}", text));
    json_auto_t *again = fixture_ok(fixture, "ec2", "RunInstances",
                                    "{'LaunchTemplate': {'LaunchTemplateName': 'again'}, "
                                    "'MinCount': 1, 'MaxCount': 1}");
    assert_string_equal(fixture_text(again, "Instances.0.Tags.0.Value"), "web");
    assert_string_equal(fixture_text(again, "Instances.0._user_data"), "IyEvYmluL3NoCg==");
    fixture_destroy(fixture);
}

static void what_instances_do_not_have_is_said(void **state)
{
    (void)state;
    struct service_fixture *fixture = create();
    char id[32];
    run_to(fixture, "running", id);
    json_auto_t *out = fixture_ok(fixture, "ec2", "GetPasswordData", "{'InstanceId': '%s'}", id);
    assert_string_equal(fixture_text(out, "PasswordData"), "");
    fixture_fails(fixture, "UnsupportedOperation", "ec2", "ResetInstanceAttribute",
                  "{'InstanceId': '%s', 'Attribute': 'kernel'}", id);
    fixture_fails(fixture, "UnsupportedOperation", "ec2", "StopInstances",
                  "{'InstanceIds': ['%s'], 'Hibernate': true}", id);
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceAttribute",
                           "{'InstanceId': '%s', 'SourceDestCheck': {'Value': false}}", id));
    json_decref(fixture_ok(fixture, "ec2", "ResetInstanceAttribute",
                           "{'InstanceId': '%s', 'Attribute': 'sourceDestCheck'}", id));
    json_auto_t *check = fixture_ok(fixture, "ec2", "DescribeInstanceAttribute",
                                    "{'InstanceId': '%s', 'Attribute': 'sourceDestCheck'}", id);
    assert_string_equal(fixture_text(check, "SourceDestCheck.Value"), "true");
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credits_are_of_burstable_types_only),
        cmocka_unit_test(placement_groups_are_joined_at_launch_and_while_stopped),
        cmocka_unit_test(a_spread_group_has_seven_places_in_a_zone),
        cmocka_unit_test(the_accounts_metadata_defaults_stand_behind_the_request),
        cmocka_unit_test(attributes_of_an_own_image_change),
        cmocka_unit_test(a_launch_template_can_be_made_of_an_instance),
        cmocka_unit_test(what_instances_do_not_have_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
