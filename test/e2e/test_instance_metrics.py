"""What CloudWatch measures of instances: by instance, by group and by image."""
from datetime import datetime, timezone

import pytest
from backend import Backend, ask
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "30", "--vcpu-share", "0.1"]
EVER = {"StartTime": datetime(2020, 1, 1, tzinfo=timezone.utc), "EndTime": datetime(2100, 1, 1, tzinfo=timezone.utc)}

BUSY = """#!/bin/sh
timeout 300 sh -c 'while :; do :; done' &
"""


def values(cloudwatch, name, dimension, value, statistic="Average", namespace="AWS/EC2"):
    """Values of each minute, the newest first."""
    found = cloudwatch.get_metric_data(**EVER, ScanBy="TimestampDescending", MetricDataQueries=[{"Id": "m", "MetricStat": {
        "Period": 60, "Stat": statistic, "Metric": {"Namespace": namespace, "MetricName": name,
                                                    "Dimensions": [{"Name": dimension, "Value": value}]}}}])
    return found["MetricDataResults"][0]["Values"]


@pytest.fixture(scope="module")
def world(cloud):
    made = Backend(cloud, count=1)
    made.busy = made.launch(server=BUSY)
    made.fleet = Fleet(cloud)
    made.cloudwatch = cloud.boto("cloudwatch")
    made.wait_state(made.busy, "running")
    return made


def newest_cpu(world, instance):
    return next(iter(values(world.cloudwatch, "CPUUtilization", "InstanceId", instance)), None)


def test_a_busy_instance_uses_all_of_its_cpu_and_an_idle_one_little(world):
    eventually(lambda: (newest_cpu(world, world.busy) or 0) > 90, what="a busy minute")
    eventually(lambda: (newest_cpu(world, world.instances[0]) or 100) < 30, what="an idle minute")
    assert all(0 <= value <= 100 for value in values(world.cloudwatch, "CPUUtilization", "InstanceId", world.busy))


def test_bytes_are_counted_as_they_come_and_go(world):
    instance = world.instances[0]
    address = world.describe(instance)["PublicIpAddress"]
    eventually(lambda: reachable(address), what="the server")
    before = sum(values(world.cloudwatch, "NetworkIn", "InstanceId", instance, "Sum"))
    for _ in range(20):
        ask("/", host=address, headers={"X-Filler": "x" * 5000})
    grown = eventually(lambda: (sum(values(world.cloudwatch, "NetworkIn", "InstanceId", instance, "Sum")) - before > 100_000 and
                                sum(values(world.cloudwatch, "NetworkIn", "InstanceId", instance, "Sum")) - before), what="bytes")
    assert grown < 200_000
    assert sum(values(world.cloudwatch, "NetworkOut", "InstanceId", instance, "Sum")) > 0


def reachable(address):
    try:
        return ask("/", host=address).status == 200
    except OSError:
        return False


def test_an_instance_that_runs_passes_its_status_checks(world):
    for name in ("StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System"):
        assert set(values(world.cloudwatch, name, "InstanceId", world.busy, "Maximum")) == {0.0}


def test_an_image_and_a_group_are_the_average_of_their_instances(world):
    eventually(lambda: values(world.cloudwatch, "CPUUtilization", "ImageId", world.image, "SampleCount")[:1] == [2.0],
               what="both instances of the image")
    both = values(world.cloudwatch, "CPUUtilization", "ImageId", world.image)[0]
    assert 30 < both < 75
    fleet = world.fleet
    fleet.create("pair", 2, 2)
    fleet.wait("pair", 2)
    eventually(lambda: values(world.cloudwatch, "CPUUtilization", "AutoScalingGroupName", "pair", "SampleCount")[:1] == [2.0],
               what="both instances of the group")
    fleet.delete("pair")


def test_a_group_does_not_count_instances_that_warm_up(world):
    fleet = world.fleet
    fleet.create("warm", 1, 2, DefaultInstanceWarmup=180)
    fleet.wait("warm", 1)
    instance, = fleet.members("warm")
    eventually(lambda: len(values(world.cloudwatch, "CPUUtilization", "InstanceId", instance)) > 1, what="minutes of its own")
    assert not values(world.cloudwatch, "CPUUtilization", "AutoScalingGroupName", "warm")
    eventually(lambda: values(world.cloudwatch, "CPUUtilization", "AutoScalingGroupName", "warm"), what="minutes of the group")
    fleet.delete("warm")


def test_the_metrics_are_listed(world):
    found = world.cloudwatch.list_metrics(Namespace="AWS/EC2", Dimensions=[{"Name": "InstanceId", "Value": world.busy}])
    names = {metric["MetricName"] for metric in found["Metrics"]}
    assert {"CPUUtilization", "NetworkIn", "NetworkOut", "NetworkPacketsIn", "NetworkPacketsOut", "StatusCheckFailed",
            "StatusCheckFailed_Instance", "StatusCheckFailed_System"} <= names
