/* Volumes and snapshots as requests see them; what the host does with them is not here. */
#include "service/ec2/public_images.h"
#include "service/ec2/volume.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

enum { ID_SIZE = 32 };

static const char zone[] = "us-east-1a";

/* As if the host had made it. */
static void create(struct service_fixture *fixture, const char *members, char out[ID_SIZE])
{
    json_auto_t *volume =
        fixture_ok(fixture, "ec2", "CreateVolume", "{'AvailabilityZone': '%s', %s}", zone, members);
    snprintf(out, ID_SIZE, "%s", fixture_text(volume, "VolumeId"));
    assert_string_equal(fixture_text(volume, "State"), "creating");
    struct txn *txn = txn_begin(fixture->store);
    json_t *doc = txn_edit(txn, "volume", "us-east-1", out);
    json_object_set_new(doc, "State", json_string("available"));
    json_object_set(doc, "_made_gib", json_object_get(doc, "Size"));
    assert_int_equal(txn_commit(txn, &fixture->err), 0);
}

/* As if the host had started it. */
static void launch(struct service_fixture *fixture, const char *more, char out[ID_SIZE])
{
    json_auto_t *image = public_image_at("us-east-1", 0);
    json_auto_t *made = fixture_ok(fixture, "ec2", "RunInstances",
                                   "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, "
                                   "'MaxCount': 1, 'Placement': {'AvailabilityZone': '%s'}%s}",
                                   fixture_text(image, "ImageId"), zone, more);
    snprintf(out, ID_SIZE, "%s", fixture_text(made, "Instances.0.InstanceId"));
    struct txn *txn = txn_begin(fixture->store);
    json_t *doc = txn_edit(txn, "instance", "us-east-1", out);
    json_object_set_new(doc, "State", json_pack("{s:i, s:s}", "Code", 16, "Name", "running"));
    struct call call = fixture_context(fixture, txn);
    volumes_instance_started(&call, doc);
    assert_int_equal(txn_commit(txn, &fixture->err), 0);
}

static void a_volume_has_what_its_type_has(void **state)
{
    (void)state;
    static const struct {
        const char *members, *iops;
    } good[] = {
        {"'Size': 1", "100"},
        {"'Size': 1000", "3000"},
        {"'Size': 1, 'VolumeType': 'gp3'", "3000"},
        {"'Size': 100, 'VolumeType': 'gp3', 'Iops': 4000, 'Throughput': 1000", "4000"},
        {"'Size': 10, 'VolumeType': 'io2', 'Iops': 10000", "10000"},
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_auto_t *volume = fixture_ok(fixture, "ec2", "CreateVolume",
                                         "{'AvailabilityZone': '%s', %s}", zone, good[i].members);
        assert_string_equal(fixture_text(volume, "Iops"), good[i].iops);
    }
    fixture_destroy(fixture);
}

static void a_volume_that_aws_does_not_sell_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *code, *members;
    } bad[] = {
        {"MissingParameter", "'VolumeType': 'gp3'"},
        {"InvalidParameterValue", "'Size': 0"},
        {"InvalidParameterValue", "'Size': 100, 'VolumeType': 'st1'"},
        {"InvalidParameterValue", "'Size': 20000, 'VolumeType': 'gp3'"},
        {"UnsupportedOperation", "'Size': 16384, 'VolumeType': 'gp3'"},
        {"InvalidParameterValue", "'Size': 10, 'VolumeType': 'gp3', 'Iops': 100"},
        {"InvalidParameterValue", "'Size': 10, 'VolumeType': 'gp3', 'Iops': 6000"},
        {"InvalidParameterValue", "'Size': 10, 'VolumeType': 'gp3', 'Throughput': 1000"},
        {"InvalidParameterCombination", "'Size': 10, 'VolumeType': 'gp2', 'Iops': 100"},
        {"InvalidParameterCombination", "'Size': 10, 'VolumeType': 'gp2', 'Throughput': 125"},
        {"MissingParameter", "'Size': 10, 'VolumeType': 'io1'"},
        {"UnsupportedOperation", "'Size': 10, 'Encrypted': true"},
        {"InvalidSnapshot.NotFound", "'SnapshotId': 'snap-00000000000000000'"},
        {"InvalidZone.NotFound", "'Size': 1, 'AvailabilityZone': 'us-east-1z'"},
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(fixture, bad[i].code, "ec2", "CreateVolume", "{'AvailabilityZone': '%s', %s}",
                      zone, bad[i].members);
    assert_int_equal(store_count(fixture->store, "volume", "us-east-1"), 0);
    fixture_destroy(fixture);
}

static void a_volume_is_attached_once_and_in_its_zone(void **state)
{
    (void)state;
    static const char attach[] = "{'VolumeId': '%s', 'InstanceId': '%s', 'Device': '%s'}";
    char volume[ID_SIZE], instance[ID_SIZE], away[ID_SIZE];
    struct service_fixture *fixture = fixture_create();
    create(fixture, "'Size': 1", volume);
    launch(fixture, "", instance);
    create(fixture, "'Size': 1, 'AvailabilityZone': 'us-east-1b'", away);
    fixture_fails(fixture, "InvalidVolume.ZoneMismatch", "ec2", "AttachVolume", attach, away,
                  instance, "/dev/sdf");
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "AttachVolume", attach, volume, instance,
                  "/dev/xvda");
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "AttachVolume", attach, volume, instance,
                  "/dev/../x");
    fixture_fails(fixture, "IncorrectState", "ec2", "DetachVolume", "{'VolumeId': '%s'}", volume);
    json_auto_t *out =
        fixture_ok(fixture, "ec2", "AttachVolume", attach, volume, instance, "/dev/sdf");
    assert_string_equal(fixture_text(out, "State"), "attaching");
    fixture_fails(fixture, "VolumeInUse", "ec2", "AttachVolume", attach, volume, instance,
                  "/dev/sdg");
    fixture_fails(fixture, "VolumeInUse", "ec2", "DeleteVolume", "{'VolumeId': '%s'}", volume);
    fixture_fails(fixture, "IncorrectState", "ec2", "DetachVolume", "{'VolumeId': '%s'}", volume);
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeVolumes",
                   "{'Filters': [{'Name': 'attachment.device', 'Values': ['/dev/sdf']}]}");
    assert_string_equal(fixture_text(shown, "Volumes.0.VolumeId"), volume);
    fixture_destroy(fixture);
}

static void a_launch_overrides_what_the_image_says(void **state)
{
    (void)state;
    char instance[ID_SIZE];
    struct service_fixture *fixture = fixture_create();
    launch(fixture,
           ", 'BlockDeviceMappings': [{'DeviceName': '/dev/xvda', 'Ebs': {'VolumeSize': 20, "
           "'VolumeType': 'gp2', 'DeleteOnTermination': false}}, {'DeviceName': '/dev/sdb', 'Ebs': "
           "{'VolumeSize': 2}}], 'TagSpecifications': [{'ResourceType': 'volume', 'Tags': [{'Key': "
           "'k', 'Value': 'v'}]}]",
           instance);
    json_auto_t *shown = fixture_ok(fixture, "ec2", "DescribeVolumes", "{}");
    assert_string_equal(fixture_text(shown, "Volumes.0.Size"), "20");
    assert_string_equal(fixture_text(shown, "Volumes.0.VolumeType"), "gp2");
    assert_string_equal(fixture_text(shown, "Volumes.0.Iops"), "100");
    assert_string_equal(fixture_text(shown, "Volumes.1.Tags.0.Value"), "v");
    fixture_fails(fixture, "OperationNotPermitted", "ec2", "DetachVolume", "{'VolumeId': '%s'}",
                  fixture_text(shown, "Volumes.0.VolumeId"));
    json_decref(fixture_ok(fixture, "ec2", "ModifyInstanceAttribute",
                           "{'InstanceId': '%s', 'BlockDeviceMappings': [{'DeviceName': "
                           "'/dev/sdb', 'Ebs': {'DeleteOnTermination': false}}]}",
                           instance));
    json_auto_t *after =
        fixture_ok(fixture, "ec2", "DescribeInstanceAttribute",
                   "{'InstanceId': '%s', 'Attribute': 'blockDeviceMapping'}", instance);
    assert_string_equal(fixture_text(after, "BlockDeviceMappings.1.Ebs.DeleteOnTermination"),
                        "false");
    fixture_destroy(fixture);
}

static void mappings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *code, *mappings;
    } bad[] = {
        {"InvalidBlockDeviceMapping", "{'DeviceName': '/dev/xvda', 'Ebs': {'VolumeSize': 1}}"},
        {"InvalidBlockDeviceMapping", "{'DeviceName': '/dev/xvda', 'NoDevice': ''}"},
        {"InvalidBlockDeviceMapping", "{'DeviceName': '/etc/passwd', 'Ebs': {'VolumeSize': 1}}"},
        {"InvalidBlockDeviceMapping", "{'DeviceName': '/dev/sdb', 'Ebs': {'VolumeSize': 1}}, "
                                      "{'DeviceName': 'sdb', 'Ebs': {'VolumeSize': 2}}"},
        {"InvalidParameterValue", "{'DeviceName': '/dev/xvda', 'Ebs': {'VolumeSize': 200, "
                                  "'VolumeType': 'st1'}}"},
        {"MissingParameter", "{'DeviceName': '/dev/sdb', 'Ebs': {'VolumeType': 'gp3'}}"},
        {"MissingParameter", "{'DeviceName': '/dev/sdb'}"},
    };
    struct service_fixture *fixture = fixture_create();
    json_auto_t *image = public_image_at("us-east-1", 0);
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s", fixture_text(image, "ImageId"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        fixture_fails(fixture, bad[i].code, "ec2", "RunInstances",
                      "{'ImageId': '%s', 'InstanceType': 't3.micro', 'MinCount': 1, 'MaxCount': 1, "
                      "'BlockDeviceMappings': [%s]}",
                      id, bad[i].mappings);
    assert_int_equal(store_count(fixture->store, "volume", "us-east-1"), 0);
    fixture_destroy(fixture);
}

static void a_volume_only_grows_and_one_step_at_a_time(void **state)
{
    (void)state;
    char volume[ID_SIZE];
    struct service_fixture *fixture = fixture_create();
    create(fixture, "'Size': 10, 'VolumeType': 'gp3'", volume);
    fixture_fails(fixture, "InvalidParameterValue", "ec2", "ModifyVolume",
                  "{'VolumeId': '%s', 'Size': 9}", volume);
    json_auto_t *change = fixture_ok(fixture, "ec2", "ModifyVolume",
                                     "{'VolumeId': '%s', 'Size': 20, 'Iops': 4000}", volume);
    assert_string_equal(fixture_text(change, "VolumeModification.ModificationState"), "modifying");
    assert_string_equal(fixture_text(change, "VolumeModification.OriginalIops"), "3000");
    fixture_fails(fixture, "IncorrectModificationState", "ec2", "ModifyVolume",
                  "{'VolumeId': '%s', 'Size': 30}", volume);
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeVolumesModifications", "{'VolumeIds': ['%s']}", volume);
    assert_string_equal(fixture_text(shown, "VolumesModifications.0.TargetSize"), "20");
    fixture_destroy(fixture);
}

static void a_deleted_snapshot_is_not_found(void **state)
{
    (void)state;
    char volume[ID_SIZE];
    struct service_fixture *fixture = fixture_create();
    create(fixture, "'Size': 10", volume);
    json_auto_t *made = fixture_ok(fixture, "ec2", "CreateSnapshot",
                                   "{'VolumeId': '%s', 'Description': 'd'}", volume);
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s", fixture_text(made, "SnapshotId"));
    assert_string_equal(fixture_text(made, "State"), "pending");
    fixture_fails(fixture, "IncorrectState", "ec2", "CreateVolume",
                  "{'AvailabilityZone': '%s', 'SnapshotId': '%s'}", zone, id);
    json_decref(fixture_ok(fixture, "ec2", "DeleteSnapshot", "{'SnapshotId': '%s'}", id));
    fixture_fails(fixture, "InvalidSnapshot.NotFound", "ec2", "DescribeSnapshots",
                  "{'SnapshotIds': ['%s']}", id);
    fixture_fails(fixture, "InvalidSnapshot.NotFound", "ec2", "DeleteSnapshot",
                  "{'SnapshotId': '%s'}", id);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_has_what_its_type_has),
        cmocka_unit_test(a_volume_that_aws_does_not_sell_is_refused),
        cmocka_unit_test(a_volume_is_attached_once_and_in_its_zone),
        cmocka_unit_test(a_launch_overrides_what_the_image_says),
        cmocka_unit_test(mappings_that_cannot_be_are_refused),
        cmocka_unit_test(a_volume_only_grows_and_one_step_at_a_time),
        cmocka_unit_test(a_deleted_snapshot_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
