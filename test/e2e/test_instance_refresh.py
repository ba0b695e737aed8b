"""A new version of a launch template reaches every instance of a group under load, and no request fails."""
import base64
import sys

import pytest
from backend import needs_boto3_with
from conftest import ROOT, eventually
from group import SERVER, Group

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "20"]
SIZE = 10


@pytest.fixture(scope="module")
def group(cloud):
    made = Group(cloud, minimum=1, maximum=SIZE, desired=SIZE, grace=60)
    made.asg.update_auto_scaling_group(AutoScalingGroupName=made.name,
                                       LaunchTemplate={"LaunchTemplateName": made.name, "Version": "1"})
    made.wait_healthy(SIZE)
    return made


def new_version(group, server):
    made = group.ec2.create_launch_template_version(LaunchTemplateName=group.name, SourceVersion="1", LaunchTemplateData={
        "UserData": base64.b64encode(server.encode()).decode()})
    return str(made["LaunchTemplateVersion"]["VersionNumber"])


def start(group, version, **preferences):
    group.asg.start_instance_refresh(
        AutoScalingGroupName=group.name, Preferences={"MinHealthyPercentage": 90, "InstanceWarmup": 0, **preferences},
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": group.name, "Version": version}})


def refresh(group):
    return group.asg.describe_instance_refreshes(AutoScalingGroupName=group.name)["InstanceRefreshes"][0]


def versions(group):
    return [instance["LaunchTemplate"]["Version"] for instance in group.describe()["Instances"]
            if instance["LifecycleState"] == "InService"]


def states(group):
    found = group.elb.describe_target_health(TargetGroupArn=group.targets)["TargetHealthDescriptions"]
    return [target["TargetHealth"]["State"] for target in found]


def test_every_instance_is_replaced_and_no_request_fails(group):
    version = new_version(group, SERVER.replace("os.hostname()", "'second ' + os.hostname()"))
    with Load("127.0.0.1", 80, rate=100, name=group.host) as load:
        start(group, version)
        eventually(lambda: refresh(group)["Status"] == "Successful", timeout=300, what="the refresh to succeed")
        asked = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > asked + 200, what="more load")
    assert not load.failures, (len(load.failures), load.failures[:3])
    assert versions(group) == [version] * SIZE
    assert all(outcome.body.startswith("second ip-") for outcome in load.outcomes[-100:])
    assert group.describe()["LaunchTemplate"]["Version"] == version


def test_a_version_that_fails_its_health_checks_gets_no_further_and_is_rolled_back(cloud, group):
    needs_boto3_with(group.asg, "StartInstanceRefresh", "AutoRollback")
    good = versions(group)[0]
    bad = new_version(group, SERVER.replace("response.end(", "response.writeHead(500); response.end("))
    with Load("127.0.0.1", 80, rate=50, name=group.host) as load:
        start(group, bad, AutoRollback=True)
        eventually(lambda: "unhealthy" in states(group), what="a bad instance to be found out")
        cloud.advance("61m")
        eventually(lambda: refresh(group)["Status"] == "RollbackSuccessful", timeout=300, what="the rollback")
    assert not load.failures, (len(load.failures), load.failures[:3])
    assert versions(group) == [good] * SIZE
    assert refresh(group)["RollbackDetails"]["InstancesToUpdateOnRollback"] >= SIZE - 1
