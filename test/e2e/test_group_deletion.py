"""Groups are deleted when they are empty, or with force."""
import pytest
from backend import needs_boto3_with, refuses
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "60"]


@pytest.fixture(scope="module")
def fleet(cloud):
    return Fleet(cloud)


def delete(fleet, name, **options):
    fleet.asg.delete_auto_scaling_group(AutoScalingGroupName=name, **options)


def states(fleet, instances):
    found = fleet.ec2.describe_instances(InstanceIds=instances)["Reservations"]
    return {instance["State"]["Name"] for reservation in found for instance in reservation["Instances"]}


def test_an_empty_group_goes_at_once(fleet):
    fleet.create("empty", 0, 1)
    delete(fleet, "empty")
    assert fleet.describe("empty") is None
    refuses("ValidationError", delete, fleet=fleet, name="empty")


def test_a_group_with_instances_stays_until_they_are_gone(fleet):
    fleet.create("full", 1, 2)
    members = fleet.wait("full", 1)
    assert "while there are instances" in refuses("ResourceInUse", delete, fleet=fleet, name="full")
    fleet.update("full", MinSize=0, MaxSize=0, DesiredCapacity=0)
    fleet.wait("full", 0)
    delete(fleet, "full")
    assert fleet.describe("full") is None and states(fleet, members) == {"terminated"}


def test_force_takes_the_instances_with_it_also_protected_ones(fleet):
    fleet.create("forced", 2, 2, NewInstancesProtectedFromScaleIn=True)
    members = fleet.wait("forced", 2)
    delete(fleet, "forced", ForceDelete=True)
    group = fleet.describe("forced")
    assert group is None or group["Status"] == "Delete in progress"
    eventually(lambda: fleet.describe("forced") is None, what="the group to go")
    eventually(lambda: states(fleet, members) == {"terminated"}, what="its instances to end")
    fleet.create("forced", 0, 1)  # the name is free again
    assert not fleet.activities("forced")
    delete(fleet, "forced")


def test_protection_from_deletion(fleet):
    needs_boto3_with(fleet.asg, "CreateAutoScalingGroup", "DeletionProtection")
    fleet.create("protected", 0, 1, DeletionProtection="prevent-all-deletion")
    refuses("ResourceInUse", delete, fleet=fleet, name="protected", ForceDelete=True)
    fleet.update("protected", DeletionProtection="prevent-force-deletion")
    refuses("ResourceInUse", delete, fleet=fleet, name="protected", ForceDelete=True)
    delete(fleet, "protected")


def test_the_activities_of_a_deleted_group_can_still_be_read(fleet):
    fleet.create("past", 1, 1)
    fleet.wait("past", 1)
    delete(fleet, "past", ForceDelete=True)
    eventually(lambda: fleet.describe("past") is None, what="the group to go")
    found = fleet.asg.describe_scaling_activities(AutoScalingGroupName="past", IncludeDeletedGroups=True)["Activities"]
    assert [a["Description"].split(" EC2")[0] for a in found] == ["Terminating", "Launching a new"]
    assert {a["AutoScalingGroupState"] for a in found} == {"Deleted"}
