"""Story S4: a launch template, a group, a CPU policy; a busy loop in one instance, and its end."""
import json
import urllib.request

import pytest
from conftest import REGION, eventually
from group import Group

OPTIONS = ["--clock-speed", "60", "--vcpu-share", "0.1"]


@pytest.fixture(scope="module")
def group(cloud):
    made = Group(cloud, minimum=1, maximum=4, cpu=30.0, interval=60, timeout=59, grace=1800, cooldown=60)
    made.wait_healthy(1)
    return made


def ask(group, path="/"):
    request = urllib.request.Request(f"http://127.0.0.1{path}", headers={"Host": group.host})
    return urllib.request.urlopen(request, timeout=5).read().decode().strip()


def alarm(group, level):
    found = group.cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{group.name}-Alarm{level}")["MetricAlarms"]
    assert len(found) == 1
    return found[0]


def test_the_policy_makes_the_two_alarms_that_aws_makes(group):
    high, low = alarm(group, "High"), alarm(group, "Low")
    assert (high["Threshold"], high["ComparisonOperator"], high["EvaluationPeriods"], high["Period"]) == (
        30.0, "GreaterThanThreshold", 3, 60)
    assert (low["Threshold"], low["ComparisonOperator"], low["EvaluationPeriods"]) == (21.0, "LessThanThreshold", 15)
    policy = group.asg.describe_policies(AutoScalingGroupName=group.name)["ScalingPolicies"][0]
    assert {a["AlarmName"] for a in policy["Alarms"]} == {high["AlarmName"], low["AlarmName"]}


def test_a_busy_loop_makes_the_group_grow_to_what_the_algorithm_says(group):
    ask(group, "/burn")
    eventually(lambda: alarm(group, "High")["StateValue"] == "ALARM", what="the alarm")
    # One of n instances at 100 %: the average is 100/n, and desired = ceil(n x (100/n) / 30) = 4.
    eventually(lambda: group.describe()["DesiredCapacity"] == 4, what="desired capacity 4")
    group.wait_healthy(4)
    assert any("triggered policy cpu changing the desired capacity from 1 to " in a["Cause"] for a in group.activities())


def test_the_instances_are_spread_over_the_zones(group):
    zones = [i["AvailabilityZone"] for i in group.describe()["Instances"] if i["LifecycleState"] == "InService"]
    assert sorted(zones.count(zone) for zone in set(zones)) == [2, 2], zones


def test_the_group_shrinks_when_the_loop_ends(group, cloud):
    # Ends the busy instance's loop by the group's own means: the instance is replaced.
    busy = max(group.in_service(), key=lambda instance: cpu_of(group, instance))
    group.asg.terminate_instance_in_auto_scaling_group(InstanceId=busy, ShouldDecrementDesiredCapacity=True)
    eventually(lambda: busy not in [i["InstanceId"] for i in group.describe()["Instances"]], what="the busy one to go")
    cloud.advance("15m")
    eventually(lambda: group.describe()["DesiredCapacity"] == 1, what="desired capacity 1")
    group.wait_healthy(1)
    assert any("shrinking the capacity" in a["Cause"] for a in group.activities())


def test_it_cost_less_than_a_fleet_of_its_maximum(group, cloud):
    report = json.loads(cloud.pileus("cost", "--json").stdout)
    region = next(row for row in report["Regions"] if row["Region"] == REGION)
    costs = next(row for row in region["Groups"] if row["AutoScalingGroupName"] == group.name)
    assert 0 < costs["Cost"] < costs["FixedCost"], costs
    instances = [row for row in region["Resources"] if row["Item"] == "instance:t3.micro"]
    assert costs["Cost"] == pytest.approx(sum(row["Cost"] for row in instances))
    assert any(row["Running"] for row in instances) and {row["Price"] for row in instances} == {0.0112}


def cpu_of(group, instance):
    found = group.cloudwatch.get_metric_data(
        StartTime="2020-01-01T00:00:00Z", EndTime="2100-01-01T00:00:00Z",
        MetricDataQueries=[{"Id": "cpu", "MetricStat": {"Metric": {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization",
                                                                   "Dimensions": [{"Name": "InstanceId", "Value": instance}]},
                                                        "Period": 60, "Stat": "Average"}}])
    values = found["MetricDataResults"][0]["Values"]
    return values[0] if values else 0.0
