"""Single instances of a group: taken out by a user, protected, marked unhealthy, terminated behind its back."""
import pytest
from backend import refuses
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "60"]


@pytest.fixture(scope="module")
def fleet(cloud):
    made = Fleet(cloud)
    made.create("web", 1, 4, desired=2)
    return made


def take_out(fleet, instance, shrink):
    return fleet.asg.terminate_instance_in_auto_scaling_group(
        InstanceId=instance, ShouldDecrementDesiredCapacity=shrink)["Activity"]


def is_terminated(fleet, instance):
    found = fleet.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"] == "terminated"


def test_a_user_takes_one_out_and_it_is_replaced(fleet):
    victim, other = fleet.wait("web", 2)
    activity = take_out(fleet, victim, False)
    assert (activity["StatusCode"], activity["Description"]) == ("InProgress", f"Terminating EC2 instance: {victim}")
    assert f"instance {victim} was taken out of service in response to a user request." in activity["Cause"]
    eventually(lambda: is_terminated(fleet, victim), what="its end")
    assert other in fleet.wait("web", 2) and fleet.describe("web")["DesiredCapacity"] == 2


def test_a_user_takes_one_out_for_good(fleet):
    victim, other = fleet.wait("web", 2)
    activity = take_out(fleet, victim, True)
    assert f"instance {victim} was taken out of service in response to a user request, shrinking the capacity from 2 to 1." in \
        activity["Cause"]
    assert fleet.wait("web", 1) == [other] and fleet.describe("web")["DesiredCapacity"] == 1
    assert "min size constraint" in refuses("ValidationError", take_out, fleet=fleet, instance=other, shrink=True)
    refuses("ValidationError", take_out, fleet=fleet, instance="i-00000000000000000", shrink=False)
    fleet.set_desired("web", 2)
    fleet.wait("web", 2)


def test_protected_instances_stay_when_the_group_shrinks(fleet):
    first, second = fleet.wait("web", 2)
    fleet.asg.set_instance_protection(AutoScalingGroupName="web", InstanceIds=[first], ProtectedFromScaleIn=True)
    assert fleet.members("web")[first]["ProtectedFromScaleIn"]
    fleet.set_desired("web", 1)
    assert fleet.wait("web", 1) == [first]
    fleet.set_desired("web", 2)
    fleet.wait("web", 2)
    fleet.asg.set_instance_protection(AutoScalingGroupName="web", InstanceIds=list(fleet.members("web")), ProtectedFromScaleIn=True)
    fleet.set_desired("web", 1)
    activity = eventually(lambda: next((a for a in fleet.activities("web") if a["StatusCode"] == "Failed"), None),
                          what="the failed activity")
    message = "Could not scale to desired capacity because all remaining instances are protected from scale-in."
    assert message in activity["Description"] + activity.get("StatusMessage", "")
    assert len(fleet.members("web")) == 2
    fleet.asg.set_instance_protection(AutoScalingGroupName="web", InstanceIds=list(fleet.members("web")), ProtectedFromScaleIn=False)
    fleet.wait("web", 1)
    fleet.set_desired("web", 2)
    fleet.wait("web", 2)


def test_new_instances_are_protected_if_the_group_says_so(fleet):
    fleet.create("safe", 0, 1, desired=1, NewInstancesProtectedFromScaleIn=True)
    fleet.wait("safe", 1)
    assert [m["ProtectedFromScaleIn"] for m in fleet.members("safe").values()] == [True]
    fleet.delete("safe")
    eventually(lambda: fleet.describe("safe") is None, what="the group's end")


def test_a_user_marks_one_unhealthy(fleet):
    victim, other = fleet.wait("web", 2)
    fleet.asg.set_instance_health(InstanceId=victim, HealthStatus="Unhealthy")
    eventually(lambda: is_terminated(fleet, victim), what="its end")
    assert other in fleet.wait("web", 2)
    assert any("an instance was taken out of service in response to a user health-check." in cause for cause in fleet.causes("web"))


def test_a_user_marks_one_unhealthy_in_its_grace_period(fleet):
    fleet.create("grace", 0, 1, desired=1, HealthCheckGracePeriod=3600)
    only, = fleet.wait("grace", 1)
    fleet.asg.set_instance_health(InstanceId=only, HealthStatus="Unhealthy")
    assert fleet.members("grace")[only]["HealthStatus"] == "Healthy"
    fleet.asg.set_instance_health(InstanceId=only, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False)
    eventually(lambda: only not in fleet.members("grace"), what="its replacement")
    fleet.wait("grace", 1)
    fleet.delete("grace")


def test_one_that_is_terminated_or_stopped_is_replaced(fleet):
    for end in (fleet.ec2.terminate_instances, fleet.ec2.stop_instances):
        victim, other = fleet.wait("web", 2)
        end(InstanceIds=[victim])
        eventually(lambda: victim not in fleet.members("web"), what="it to be noticed")
        assert other in fleet.wait("web", 2)
        eventually(lambda: is_terminated(fleet, victim), what="its end")
    assert any("EC2 health check indicating it has been terminated or stopped." in cause for cause in fleet.causes("web"))


def test_instances_know_their_group(fleet):
    first, _ = fleet.wait("web", 2)
    row = fleet.asg.describe_auto_scaling_instances(InstanceIds=[first])["AutoScalingInstances"][0]
    assert (row["AutoScalingGroupName"], row["LifecycleState"], row["HealthStatus"]) == ("web", "InService", "HEALTHY")
    assert row["LaunchTemplate"]["LaunchTemplateName"] == "fleet" and row["LaunchTemplate"]["Version"] == "1"
    tags = fleet.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [first]}])["Tags"]
    assert {"aws:autoscaling:groupName": "web"}.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items()


def test_a_warm_pool_gives_a_stopped_instance_back_and_takes_it_again(fleet):
    fleet.create("pool", 0, 1, desired=0)
    fleet.asg.put_warm_pool(AutoScalingGroupName="pool", InstanceReusePolicy={"ReuseOnScaleIn": True})

    def warm():
        return [i["InstanceId"] for i in fleet.asg.describe_warm_pool(AutoScalingGroupName="pool")["Instances"]
                if i["LifecycleState"] == "Warmed:Stopped"]

    def state():
        return fleet.ec2.describe_instances(InstanceIds=[only])["Reservations"][0]["Instances"][0]["State"]["Name"]

    eventually(warm, what="an instance in the pool")
    only, = warm()
    assert (state(), fleet.members("pool"), fleet.describe("pool")["WarmPoolSize"]) == ("stopped", {}, 1)
    fleet.set_desired("pool", 1)
    assert (fleet.wait("pool", 1), state(), warm()) == ([only], "running", [])
    fleet.set_desired("pool", 0)
    eventually(lambda: warm() == [only], what="its return to the pool")
    assert [a["Description"] for a in fleet.activities("pool")] == [
        f"Returning EC2 instance to warm pool: {only}", f"Launching a new EC2 instance from warm pool: {only}",
        f"Launching a new EC2 instance into warm pool: {only}"]
    fleet.delete("pool")
    eventually(lambda: fleet.describe("pool") is None, what="the group's end")
