"""What a group launches: versions of its template, its tags, and what the history says if EC2 refuses."""
import pytest
from backend import refuses
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "60"]


@pytest.fixture(scope="module")
def fleet(cloud):
    return Fleet(cloud)


def test_a_launch_that_fails_is_told_in_the_words_of_ec2(fleet):
    group = fleet.ec2.create_security_group(GroupName="doomed", Description="doomed")["GroupId"]
    fleet.template("failing", SecurityGroupIds=[group])
    fleet.create("failing", 0, 2, template="failing")
    fleet.ec2.delete_security_group(GroupId=group)
    fleet.set_desired("failing", 1)
    failed = eventually(lambda: next((a for a in fleet.activities("failing") if a["StatusCode"] == "Failed"), None),
                        what="the failed launch")
    assert failed["StatusMessage"] == f"The security group '{group}' does not exist. Launching EC2 instance failed."
    assert failed["Description"] == f"Launching a new EC2 instance.  Status Reason: {failed['StatusMessage']}"
    assert "EndTime" in failed and failed["Progress"] == 100
    assert not fleet.members("failing")
    # Mended, it launches at once, not when the next try would have been due.
    fleet.ec2.create_launch_template_version(LaunchTemplateName="failing", LaunchTemplateData={
        "ImageId": fleet.image, "InstanceType": "t3.micro"})
    fleet.update("failing", LaunchTemplate={"LaunchTemplateName": "failing", "Version": "2"})
    fleet.wait("failing", 1)
    fleet.delete("failing")


def test_new_instances_come_from_the_version_that_the_group_names(fleet):
    fleet.template("versions")
    fleet.create("versions", 0, 4, desired=1, template="versions", version="$Default")
    first, = fleet.wait("versions", 1)
    fleet.ec2.create_launch_template_version(LaunchTemplateName="versions", SourceVersion="1",
                                             LaunchTemplateData={"InstanceType": "t3.small"})
    fleet.set_desired("versions", 2)
    fleet.wait("versions", 2)
    assert {m["LaunchTemplate"]["Version"] for m in fleet.members("versions").values()} == {"1"}
    fleet.update("versions", LaunchTemplate={"LaunchTemplateName": "versions", "Version": "$Latest"})
    fleet.set_desired("versions", 3)
    fleet.wait("versions", 3)
    members = fleet.members("versions")
    new, = [i for i, m in members.items() if m["LaunchTemplate"]["Version"] == "2"]
    assert members[new]["InstanceType"] == "t3.small"
    # Instances of old versions go first, and within the zones' balance the oldest.
    fleet.set_desired("versions", 1)
    assert fleet.wait("versions", 1) == [new] and first != new
    refuses("ValidationError", fleet.update, name="versions",
            LaunchTemplate={"LaunchTemplateName": "versions", "Version": "9"})
    fleet.delete("versions")


def test_tags_go_to_instances_if_they_are_to(fleet):
    tags = [{"Key": "Stage", "Value": "test", "PropagateAtLaunch": True},
            {"Key": "Owner", "Value": "me", "PropagateAtLaunch": False}]
    fleet.create("tagged", 1, 2, Tags=tags)
    only, = fleet.wait("tagged", 1)

    def tags_of(instance):
        found = fleet.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}
    found = tags_of(only)
    assert found["Stage"] == "test" and "Owner" not in found and found["aws:autoscaling:groupName"] == "tagged"
    fleet.asg.create_or_update_tags(Tags=[{"ResourceId": "tagged", "ResourceType": "auto-scaling-group", "Key": "Stage",
                                           "Value": "next", "PropagateAtLaunch": True}])
    fleet.set_desired("tagged", 2)
    fleet.wait("tagged", 2)
    assert sorted(tags_of(i)["Stage"] for i in fleet.members("tagged")) == ["next", "test"]
    shown = fleet.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": ["tagged"]}])["Tags"]
    assert {tag["Key"]: (tag["Value"], tag["PropagateAtLaunch"]) for tag in shown} == {
        "Stage": ("next", True), "Owner": ("me", False)}
    fleet.delete("tagged")


def test_a_group_needs_a_template_a_place_and_sizes_that_agree(fleet):
    def create(**options):
        refuses("ValidationError", fleet.asg.create_auto_scaling_group, **{
            "AutoScalingGroupName": "wrong", "MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": fleet.subnets[0],
            "LaunchTemplate": {"LaunchTemplateName": "fleet"}, **options})
    create(LaunchTemplate={"LaunchTemplateName": "no-such-template"})
    create(VPCZoneIdentifier="subnet-00000000000000000")
    create(MinSize=2)
    create(DesiredCapacity=2)
    create(TargetGroupARNs=["arn:aws:elasticloadbalancing:ap-south-1:000000000000:targetgroup/no/0123456789abcdef"])
    assert fleet.describe("wrong") is None
