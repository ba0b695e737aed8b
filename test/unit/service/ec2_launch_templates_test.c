/* Launch templates: versions, and what is honestly refused. */
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static void create(struct service_fixture *fixture)
{
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplate",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'InstanceType': "
                           "'t3.micro', 'KeyName': 'k'}}"));
}

static void a_version_takes_over_what_its_source_says(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    create(fixture);
    json_auto_t *made = fixture_ok(fixture, "ec2", "CreateLaunchTemplateVersion",
                                   "{'LaunchTemplateName': 'web', 'SourceVersion': '1', "
                                   "'LaunchTemplateData': {'InstanceType': 't3.small'}}");
    const char *data = "LaunchTemplateVersion.LaunchTemplateData";
    assert_string_equal(fixture_text(fixture_at(made, data), "InstanceType"), "t3.small");
    assert_string_equal(fixture_text(fixture_at(made, data), "KeyName"), "k");
    assert_string_equal(fixture_text(made, "LaunchTemplateVersion.VersionNumber"), "2");
    assert_string_equal(fixture_text(made, "LaunchTemplateVersion.DefaultVersion"), "false");
    fixture_destroy(fixture);
}

static void versions_are_named_by_number_and_by_role(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    create(fixture);
    json_decref(fixture_ok(fixture, "ec2", "CreateLaunchTemplateVersion",
                           "{'LaunchTemplateName': 'web', 'LaunchTemplateData': "
                           "{'InstanceType': 't3.small'}}"));
    json_auto_t *named = fixture_ok(fixture, "ec2", "DescribeLaunchTemplateVersions",
                                    "{'LaunchTemplateName': 'web', 'Versions': "
                                    "['$Latest', '$Default']}");
    assert_string_equal(fixture_text(named, "LaunchTemplateVersions.0.VersionNumber"), "2");
    assert_string_equal(fixture_text(named, "LaunchTemplateVersions.1.VersionNumber"), "1");
    json_auto_t *modified = fixture_ok(fixture, "ec2", "ModifyLaunchTemplate",
                                       "{'LaunchTemplateName': 'web', 'DefaultVersion': '2'}");
    assert_string_equal(fixture_text(modified, "LaunchTemplate.DefaultVersionNumber"), "2");
    json_auto_t *all = fixture_ok(fixture, "ec2", "DescribeLaunchTemplateVersions",
                                  "{'LaunchTemplateName': 'web'}");
    assert_string_equal(fixture_text(all, "LaunchTemplateVersions.0.DefaultVersion"), "true");
    fixture_fails(fixture, "InvalidLaunchTemplateId.VersionNotFound", "ec2",
                  "DescribeLaunchTemplateVersions",
                  "{'LaunchTemplateName': 'web', 'Versions': ['7']}");
    fixture_destroy(fixture);
}

static void the_default_version_stays(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    create(fixture);
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "DeleteLaunchTemplateVersions",
                  "{'LaunchTemplateName': 'web', 'Versions': ['1']}");
    json_auto_t *out = fixture_ok(fixture, "ec2", "DeleteLaunchTemplateVersions",
                                  "{'LaunchTemplateName': 'web', 'Versions': ['9']}");
    const char *code = "UnsuccessfullyDeletedLaunchTemplateVersions.0.ResponseError.Code";
    assert_string_equal(fixture_text(out, code), "launchTemplateVersionDoesNotExist");
    json_decref(
        fixture_ok(fixture, "ec2", "DeleteLaunchTemplate", "{'LaunchTemplateName': 'web'}"));
    assert_int_equal(store_count(fixture->store, "launch-template-version", "us-east-1"), 0);
    fixture_destroy(fixture);
}

static void what_would_have_no_effect_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "'IamInstanceProfile': {'Name': 'role'}",
        "'BlockDeviceMappings': [{'DeviceName': '/dev/xvda', 'Ebs': {'Encrypted': true}}]",
        "'Placement': {'Tenancy': 'dedicated'}",
        "'InstanceMarketOptions': {'MarketType': 'spot'}",
        "'TagSpecifications': [{'ResourceType': 'spot-instances-request', 'Tags': []}]",
        "'HibernationOptions': {'Configured': true}",
        "'KernelId': 'aki-1'",
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        fixture_fails(fixture, "UnsupportedOperation", "ec2", "CreateLaunchTemplate",
                      "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {%s}}", refused[i]);
    assert_int_equal(store_count(fixture->store, "launch-template", "us-east-1"), 0);
    fixture_destroy(fixture);
}

static void what_happens_anyway_is_accepted(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(
        fixture, "ec2", "CreateLaunchTemplate",
        "{'LaunchTemplateName': 'web', 'LaunchTemplateData': {'EbsOptimized': false, 'Placement': "
        "{'Tenancy': 'default', 'AvailabilityZone': 'us-east-1a'}, 'BlockDeviceMappings': "
        "[{'DeviceName': '/dev/xvda', 'Ebs': {'DeleteOnTermination': true}}], 'MetadataOptions': "
        "{'HttpTokens': 'required', 'HttpProtocolIpv6': 'disabled'}, 'ElasticGpuSpecifications': "
        "[], 'NetworkInterfaces': [{'DeviceIndex': 0, 'AssociatePublicIpAddress': true, "
        "'DeleteOnTermination': true, 'Groups': ['sg-12345678']}]}}"));
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_takes_over_what_its_source_says),
        cmocka_unit_test(versions_are_named_by_number_and_by_role),
        cmocka_unit_test(the_default_version_stays),
        cmocka_unit_test(what_would_have_no_effect_is_refused),
        cmocka_unit_test(what_happens_anyway_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
