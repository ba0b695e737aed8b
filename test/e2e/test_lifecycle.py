"""What instances keep and lose when they are stopped, started, rebooted and terminated; and their attributes."""
import pytest
from botocore.exceptions import ClientError
from conftest import eventually
from machines import Machine, machine, machines

OPTIONS = ["--clock-speed", "20"]


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def volume_folder(machine):
    volume = machine.describe()["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    return machine.machines.cloud.data / "volumes" / volume


def test_stop_keeps_the_root_file_system_and_terminate_removes_it(machines):
    machine, ec2 = machines.run(), machines.ec2
    machine.root("echo kept > /opt/kept; rm /usr/bin/wc; echo lost > /run/lost")
    private = machine.private_address
    ec2.stop_instances(InstanceIds=[machine.id])
    shown = machine.wait("stopped").describe()
    assert shown["StateTransitionReason"].startswith("User initiated (") and shown["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    ec2.start_instances(InstanceIds=[machine.id])
    machine.wait("running")
    assert machine.sh("cat /opt/kept; ls /usr/bin/wc /run/lost 2>&1 | grep -c cannot") == "kept\n2"
    assert machine.private_address == private
    disk = volume_folder(machine)
    assert disk.exists()
    ec2.terminate_instances(InstanceIds=[machine.id])
    machine.wait("terminated")
    eventually(lambda: not disk.exists(), what="the disk's end")
    assert code_of(ec2.start_instances, InstanceIds=[machine.id]) == "IncorrectInstanceState"
    machines.cloud.advance("61m")
    eventually(lambda: ec2.describe_instances()["Reservations"] == [] or machine.id not in str(ec2.describe_instances()),
               what="the terminated instance to be forgotten")


def test_reboot_starts_over_on_the_same_disk_with_the_same_addresses(machines, machine):
    machine.root("echo disk > /opt/disk; echo memory > /run/memory")
    before = machine.describe()
    machines.ec2.reboot_instances(InstanceIds=[machine.id])
    eventually(lambda: machine.attempt("cat /opt/disk /run/memory").stdout == "disk\n", what="the reboot")
    assert machine.address == before["PublicIpAddress"] and machine.state == "running"


def test_shutdown_inside_stops_or_terminates_as_asked(machines):
    for behavior, state in (("stop", "stopped"), ("terminate", "terminated")):
        machine = machines.run(InstanceInitiatedShutdownBehavior=behavior)
        machine.sh("nohup sudo sh -c 'sleep 0.2; kill -TERM 1' >/dev/null 2>&1 &")
        machine.wait(state)
        assert machine.describe()["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_protection_holds_until_it_is_lifted(machines):
    ec2, machine = machines.ec2, machines.run(DisableApiTermination=True)
    assert machine.attribute("disableApiTermination")["DisableApiTermination"]["Value"]
    assert code_of(ec2.terminate_instances, InstanceIds=[machine.id]) == "OperationNotPermitted"
    assert machine.state == "running"
    ec2.modify_instance_attribute(InstanceId=machine.id, DisableApiStop={"Value": True})
    assert code_of(ec2.stop_instances, InstanceIds=[machine.id]) == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=machine.id, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[machine.id])
    machine.wait("terminated")


def test_the_type_changes_only_while_stopped(machines):
    ec2, machine = machines.ec2, machines.run()
    assert code_of(ec2.modify_instance_attribute, InstanceId=machine.id, InstanceType={"Value": "t3.small"}) == "IncorrectInstanceState"
    ec2.stop_instances(InstanceIds=[machine.id])
    machine.wait("stopped")
    ec2.modify_instance_attribute(InstanceId=machine.id, InstanceType={"Value": "t3.small"})
    assert machine.describe()["InstanceType"] == "t3.small"


def test_security_groups_change_while_it_runs(machines):
    ec2, machine = machines.ec2, machines.run()
    closed = ec2.create_security_group(GroupName="closed", Description="closed", VpcId=machines.vpc)["GroupId"]
    machine.sh("true")
    ec2.modify_instance_attribute(InstanceId=machine.id, Groups=[closed])
    eventually(lambda: not machine.answers(), what="the closed group")
    ec2.modify_instance_attribute(InstanceId=machine.id, Groups=[machines.group])
    eventually(machine.answers, what="the open group")


def test_status_checks_pass_after_a_while(machines, machine):
    def status():
        found = machines.ec2.describe_instance_status(InstanceIds=[machine.id])["InstanceStatuses"][0]
        return found["InstanceStatus"]["Status"], found["SystemStatus"]["Status"]

    eventually(lambda: status() == ("ok", "ok"), what="the status checks")
    stopped = machines.run()
    machines.ec2.stop_instances(InstanceIds=[stopped.id])
    stopped.wait("stopped")
    assert machines.ec2.describe_instance_status(InstanceIds=[stopped.id])["InstanceStatuses"] == []
    found = machines.ec2.describe_instance_status(InstanceIds=[stopped.id], IncludeAllInstances=True)["InstanceStatuses"]
    assert found[0]["InstanceState"]["Name"] == "stopped"


def test_types_are_a_real_table(machines):
    ec2 = machines.ec2
    found, = ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"]
    assert found["VCpuInfo"]["DefaultVCpus"] == 2 and found["MemoryInfo"]["SizeInMiB"] == 8192
    assert code_of(ec2.describe_instance_types, InstanceTypes=["z9.huge"]) == "InvalidInstanceType"
    assert code_of(machines.run, InstanceType="z9.huge") == "InvalidParameterValue"


def test_an_image_of_an_instance_launches_in_another_zone(machines):
    ec2, source = machines.ec2, machines.run()
    source.root("echo carried > /opt/carried")
    image = ec2.create_image(InstanceId=source.id, Name="carrier")["ImageId"]
    eventually(lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available", what="the image")
    assert code_of(ec2.create_image, InstanceId=source.id, Name="carrier") == "InvalidAMIName.Duplicate"
    ec2.terminate_instances(InstanceIds=[source.id])
    zone = source.describe()["Placement"]["AvailabilityZone"]
    other = next(z for z in ("ap-south-1a", "ap-south-1b") if z != zone)
    copy = machines.run(ImageId=image, Placement={"AvailabilityZone": other})
    assert copy.sh("cat /opt/carried") == "carried" and copy.describe()["Placement"]["AvailabilityZone"] == other
    assert copy.sh("hostname") == "ip-" + copy.private_address.replace(".", "-")
    ec2.deregister_image(ImageId=image)
    assert code_of(machines.run, ImageId=image) in ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable")
    ec2.reboot_instances(InstanceIds=[copy.id])
    assert copy.sh("cat /opt/carried") == "carried"


def test_launch_templates_have_versions(machines):
    ec2 = machines.ec2
    data = {"ImageId": machines.image, "InstanceType": "t3.nano", "KeyName": "machines"}
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    ec2.create_launch_template_version(LaunchTemplateName="web", SourceVersion="1", LaunchTemplateData={
        "InstanceType": "t3.small", "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "from", "Value": "v2"}]}]})

    def run(version):
        made = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web", "Version": version}, MinCount=1, MaxCount=1)
        return Machine(machines, made["Instances"][0]["InstanceId"]).wait("running").describe()

    assert run("$Default")["InstanceType"] == "t3.nano"
    newest = run("$Latest")
    assert newest["InstanceType"] == "t3.small" and {"Key": "from", "Value": "v2"} in newest["Tags"]
    assert {t["Key"]: t["Value"] for t in newest["Tags"]}["aws:ec2launchtemplate:version"] == "2"
    ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="2")
    assert run("$Default")["InstanceType"] == "t3.small"
    assert code_of(ec2.run_instances, LaunchTemplate={"LaunchTemplateName": "web", "Version": "9"}, MinCount=1, MaxCount=1) \
        == "InvalidLaunchTemplateId.VersionNotFound"
    assert [v["VersionNumber"] for v in ec2.describe_launch_template_versions(LaunchTemplateName="web")["LaunchTemplateVersions"]] == [2, 1]
    ec2.delete_launch_template(LaunchTemplateName="web")
    assert code_of(ec2.describe_launch_templates, LaunchTemplateNames=["web"]) == "InvalidLaunchTemplateName.NotFoundException"
