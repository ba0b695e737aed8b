"""A group that shrinks, changes and loses its api under 200 requests a second loses no request."""
import os
import signal
import sys

import pytest
from conftest import ROOT, eventually
from group import Group

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "10"]


@pytest.fixture(scope="module")
def group(cloud):
    made = Group(cloud, minimum=1, maximum=4, desired=4)
    made.wait_healthy(4)
    return made


def set_desired(group, desired):
    group.asg.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=desired)


def settled(group, count):
    eventually(lambda: len(group.describe()["Instances"]) == count, what=f"{count} instances")
    group.wait_healthy(count)


def test_it_shrinks_and_grows(group):
    leaving = set(group.in_service())
    with Load("127.0.0.1", 80, rate=200, name=group.host) as load:
        eventually(lambda: len(load.outcomes) > 200, what="load")
        set_desired(group, 1)
        eventually(lambda: any(state == "draining" for state in states(group)), what="draining")
        settled(group, 1)
        set_desired(group, 3)
        settled(group, 3)
        set_desired(group, 4)
        settled(group, 4)
    assert not load.failures, (len(load.failures), load.failures[:3])
    assert len(leaving - set(group.in_service())) == 3
    causes = [activity["Cause"] for activity in group.activities()]
    assert any("shrinking the capacity from 4 to 1." in cause for cause in causes), causes


def states(group):
    found = group.elb.describe_target_health(TargetGroupArn=group.targets)["TargetHealthDescriptions"]
    return [target["TargetHealth"]["State"] for target in found]


def test_it_shrinks_while_the_api_is_killed(cloud, group):
    with Load("127.0.0.1", 80, rate=200, name=group.host) as load:
        eventually(lambda: len(load.outcomes) > 200, what="load")
        set_desired(group, 2)
        pid = cloud.record()["api"]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: cloud.record().get("api") not in (None, pid), what="a new api")
        eventually(lambda: answers(group), what="the api to answer")
        settled(group, 2)
    assert not load.failures, (len(load.failures), load.failures[:3])
    set_desired(group, 4)
    settled(group, 4)


def answers(group):
    try:
        return group.describe()
    except Exception:  # whatever a client without a server runs into
        return None


def test_its_members_are_taken_out_one_by_one(group):
    with Load("127.0.0.1", 80, rate=200, name=group.host) as load:
        eventually(lambda: len(load.outcomes) > 200, what="load")
        for victim in group.in_service()[:2]:
            group.asg.terminate_instance_in_auto_scaling_group(InstanceId=victim, ShouldDecrementDesiredCapacity=False)
            eventually(lambda: victim not in [i["InstanceId"] for i in group.describe()["Instances"]], what="it to go")
            settled(group, 4)
    assert not load.failures, (len(load.failures), load.failures[:3])


def test_its_load_balancer_gets_another_zone_and_loses_it_again(group):
    arn = group.balancer["LoadBalancerArn"]
    subnets = sorted(subnet["SubnetId"] for subnet in group.ec2.describe_subnets()["Subnets"])
    with Load("127.0.0.1", 80, rate=200, name=group.host) as load:
        for chosen in (subnets, group.subnets, subnets, group.subnets):
            group.elb.set_subnets(LoadBalancerArn=arn, Subnets=chosen)
            done = len(load.outcomes)
            eventually(lambda: len(load.outcomes) > done + 200, what="load")
    assert not load.failures, (len(load.failures), load.failures[:3])
