"""Story S4: a scaling policy on each of the other three metrics grows the group under load, and lets it shrink after."""
import sys

import pytest
from conftest import ROOT, eventually
from group import Group

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "60"]


@pytest.fixture(scope="module")
def group(cloud):
    made = Group(cloud, minimum=1, maximum=2, interval=60, timeout=59, grace=1800, cooldown=60)
    made.wait_healthy(1)
    return made


def resource_label(group):
    """As the console writes it: of the load balancer's and the target group's ARN, what comes after the account."""
    balancer = group.balancer["LoadBalancerArn"].split("loadbalancer/")[1]
    return f"{balancer}/{group.targets.split(':')[-1]}"


# A minute lasts a second, in which there are fifty requests of some hundred bytes.
@pytest.mark.parametrize("metric,target", [
    ("ASGAverageNetworkIn", 1000.0), ("ASGAverageNetworkOut", 1000.0), ("ALBRequestCountPerTarget", 5.0)])
def test_a_policy_on_it_follows_the_load(cloud, group, metric, target):
    specification = {"PredefinedMetricType": metric}
    if metric.startswith("ALB"):
        specification["ResourceLabel"] = resource_label(group)
    group.asg.put_scaling_policy(
        AutoScalingGroupName=group.name, PolicyName=metric, PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": target, "PredefinedMetricSpecification": specification})
    with Load("127.0.0.1", 80, rate=50, name=group.host):
        eventually(lambda: group.describe()["DesiredCapacity"] == 2, what="growth")
        group.wait_healthy(2)
    assert any(f"triggered policy {metric} changing the desired capacity from 1 to 2." in a["Cause"] for a in group.activities())
    cloud.advance("16m")
    eventually(lambda: group.describe()["DesiredCapacity"] == 1, what="shrinking")
    group.wait_healthy(1)
    group.asg.delete_policy(AutoScalingGroupName=group.name, PolicyName=metric)
