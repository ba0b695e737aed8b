"""Processes of a group, suspended and resumed."""
import time

import pytest
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "60"]
QUIET_S = 1  # a minute of cloud time, in which a process that is not suspended would have acted


@pytest.fixture(scope="module")
def fleet(cloud):
    made = Fleet(cloud)
    made.create("web", 1, 4, desired=2)
    return made


def suspend(fleet, *processes):
    fleet.asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=list(processes))


def resume(fleet, *processes):
    fleet.asg.resume_processes(AutoScalingGroupName="web", ScalingProcesses=list(processes))


def suspended(fleet):
    return {row["ProcessName"]: row["SuspensionReason"] for row in fleet.describe("web")["SuspendedProcesses"]}


def test_suspended_processes_are_shown_until_they_are_resumed(fleet):
    suspend(fleet, "Launch", "AZRebalance")
    shown = suspended(fleet)
    assert set(shown) == {"Launch", "AZRebalance"}
    assert shown["Launch"].startswith("User suspended at 20")
    resume(fleet, "Launch")
    assert set(suspended(fleet)) == {"AZRebalance"}
    suspend(fleet)
    assert {"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck",
            "ReplaceUnhealthy", "ScheduledActions"} <= set(suspended(fleet))
    resume(fleet)
    assert not suspended(fleet)
    known = {row["ProcessName"] for row in fleet.asg.describe_scaling_process_types()["Processes"]}
    assert {"Launch", "Terminate", "HealthCheck"} <= known


def test_without_launch_nothing_is_launched(fleet):
    fleet.wait("web", 2)
    suspend(fleet, "Launch")
    fleet.set_desired("web", 3)
    time.sleep(QUIET_S)
    assert len(fleet.members("web")) == 2
    resume(fleet, "Launch")
    fleet.wait("web", 3)


def test_without_terminate_nothing_is_taken_out(fleet):
    fleet.wait("web", 3)
    suspend(fleet, "Terminate")
    fleet.set_desired("web", 2)
    time.sleep(QUIET_S)
    assert len(fleet.members("web")) == 3
    resume(fleet, "Terminate")
    fleet.wait("web", 2)


def test_without_replace_unhealthy_the_sick_stay(fleet):
    victim, _ = fleet.wait("web", 2)
    suspend(fleet, "ReplaceUnhealthy")
    fleet.asg.set_instance_health(InstanceId=victim, HealthStatus="Unhealthy")
    time.sleep(QUIET_S)
    assert fleet.members("web")[victim]["HealthStatus"] == "Unhealthy"
    resume(fleet, "ReplaceUnhealthy")
    eventually(lambda: victim not in fleet.members("web"), what="its replacement")
    fleet.wait("web", 2)


def test_without_health_check_nobody_notices(fleet):
    victim, _ = fleet.wait("web", 2)
    suspend(fleet, "HealthCheck")
    fleet.ec2.stop_instances(InstanceIds=[victim])
    eventually(lambda: fleet.ec2.describe_instances(InstanceIds=[victim])["Reservations"][0]["Instances"][0]["State"]["Name"]
               == "stopped", what="the stop")
    time.sleep(QUIET_S)
    assert fleet.members("web")[victim]["HealthStatus"] == "Healthy"
    resume(fleet, "HealthCheck")
    eventually(lambda: victim not in fleet.members("web"), what="its replacement")
    fleet.wait("web", 2)


def test_without_alarm_notification_policies_do_nothing(fleet):
    cloudwatch = fleet.cloud.boto("cloudwatch")
    policy = fleet.asg.put_scaling_policy(AutoScalingGroupName="web", PolicyName="more", PolicyType="SimpleScaling",
                                          AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Cooldown=0)["PolicyARN"]
    suspend(fleet, "AlarmNotification")
    cloudwatch.put_metric_alarm(AlarmName="more", Namespace="Mine", MetricName="queue", Statistic="Maximum", Period=60,
                                EvaluationPeriods=1, Threshold=10, ComparisonOperator="GreaterThanThreshold",
                                AlarmActions=[policy])
    cloudwatch.set_alarm_state(AlarmName="more", StateValue="ALARM", StateReason="by hand")
    time.sleep(QUIET_S)
    assert fleet.describe("web")["DesiredCapacity"] == 2
    cloudwatch.delete_alarms(AlarmNames=["more"])
    resume(fleet, "AlarmNotification")
