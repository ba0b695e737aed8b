"""What minimum, maximum and desired capacity do, over zones, and how the history tells it."""
import re
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from backend import refuses
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "60"]


@pytest.fixture(scope="module")
def fleet(cloud):
    return Fleet(cloud)


def zones(fleet, name):
    return sorted(Counter(member["AvailabilityZone"] for member in fleet.members(name).values()).values())


def test_a_group_grows_and_shrinks_evenly_over_its_zones(fleet):
    fleet.create("even", 0, 6, desired=3, zones=3)
    fleet.wait("even", 3)
    assert zones(fleet, "even") == [1, 1, 1]
    fleet.set_desired("even", 5)
    fleet.wait("even", 5)
    assert zones(fleet, "even") == [1, 2, 2]
    fleet.set_desired("even", 3)
    fleet.wait("even", 3)
    assert zones(fleet, "even") == [1, 1, 1]
    fleet.delete("even")


def test_the_history_tells_it_in_the_words_of_aws(fleet):
    fleet.create("history", 1, 4)
    fleet.wait("history", 1)
    fleet.set_desired("history", 2)
    fleet.wait("history", 2)
    fleet.update("history", MinSize=0, MaxSize=3, DesiredCapacity=1)
    fleet.wait("history", 1)
    newest, second, first = fleet.activities("history")
    at = r"At \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "
    assert re.fullmatch(
        at + r"a user request created an AutoScalingGroup changing the desired capacity from 0 to 1\.  " +
        at + r"an instance was started in response to a difference between desired and actual capacity, increasing the "
        r"capacity from 0 to 1\.", first["Cause"]), first
    assert re.fullmatch(
        at + r"a user request explicitly set group desired capacity changing the desired capacity from 1 to 2\.  " +
        at + r"an instance was started in response to a difference between desired and actual capacity, increasing the "
        r"capacity from 1 to 2\.", second["Cause"]), second
    assert re.fullmatch(
        at + r"a user request update of AutoScalingGroup constraints to min: 0, max: 3, desired: 1 changing the desired "
        r"capacity from 2 to 1\.  " +
        at + r"an instance was taken out of service in response to a difference between desired and actual capacity, "
        r"shrinking the capacity from 2 to 1\.  " +
        at + r"instance i-[0-9a-f]+ was selected for termination\.", newest["Cause"]), newest
    for activity in (newest, second, first):
        assert (activity["StatusCode"], activity["Progress"]) == ("Successful", 100)
        assert activity["EndTime"] >= activity["StartTime"].replace(microsecond=0)
        assert '"Subnet ID":"subnet-' in activity["Details"] and '"Availability Zone":"ap-south-1' in activity["Details"]
    fleet.delete("history")


def test_minimum_and_maximum_move_the_desired_capacity(fleet):
    fleet.create("limits", 1, 3)
    fleet.update("limits", MinSize=2)
    assert fleet.describe("limits")["DesiredCapacity"] == 2
    fleet.wait("limits", 2)
    fleet.update("limits", MinSize=0, MaxSize=1)
    assert fleet.describe("limits")["DesiredCapacity"] == 1
    fleet.wait("limits", 1)
    fleet.delete("limits")


def test_what_is_out_of_bounds_is_refused(fleet):
    fleet.create("bounds", 0, 2)
    assert "above max value 2" in refuses("ValidationError", fleet.set_desired, name="bounds", desired=3)
    fleet.update("bounds", MinSize=1)
    assert "below min value 1" in refuses("ValidationError", fleet.set_desired, name="bounds", desired=0)
    refuses("ValidationError", fleet.update, name="bounds", MinSize=3)
    refuses("ValidationError", fleet.update, name="bounds", DesiredCapacity=5)
    refuses("ValidationError", fleet.set_desired, name="no-such-group", desired=1)
    refuses("AlreadyExists", fleet.create, name="bounds", minimum=0, maximum=1)
    fleet.delete("bounds")


def test_a_user_who_honours_the_cooldown_waits_for_it(fleet):
    fleet.create("cool", 0, 2, desired=1)
    refuses("ScalingActivityInProgress", fleet.set_desired, name="cool", desired=2, HonorCooldown=True)
    fleet.wait("cool", 1)
    fleet.set_desired("cool", 2)
    fleet.wait("cool", 2)
    fleet.delete("cool")


def executions(fleet, name):
    return [a["Description"] for a in reversed(fleet.activities(name)) if a["Description"].startswith("Executing")]


def test_scheduled_actions_come_once_and_in_the_time_of_their_zone(fleet):
    fleet.create("calendar", 0, 2)
    now = fleet.describe("calendar")["CreatedTime"]
    put = fleet.asg.put_scheduled_update_group_action
    put(AutoScalingGroupName="calendar", ScheduledActionName="once", StartTime=now + timedelta(minutes=30), DesiredCapacity=1)
    put(AutoScalingGroupName="calendar", ScheduledActionName="nine", Recurrence="0 9 * * *", TimeZone="America/New_York",
        MinSize=0, MaxSize=4)
    once, nine = fleet.asg.describe_scheduled_actions(AutoScalingGroupName="calendar")["ScheduledUpdateGroupActions"]
    at_nine = nine["StartTime"].astimezone(ZoneInfo("America/New_York"))
    assert (at_nine.hour, at_nine.minute, nine["Recurrence"]) == (9, 0, "0 9 * * *")
    assert timedelta(0) < nine["StartTime"] - now < timedelta(days=1, hours=1, minutes=10)
    refuses("AlreadyExists", put, AutoScalingGroupName="calendar", ScheduledActionName="other",
            StartTime=once["StartTime"], MinSize=1)
    fleet.cloud.advance("26h")
    eventually(lambda: len(set(executions(fleet, "calendar"))) == 2, what="both actions")
    assert executions(fleet, "calendar").count("Executing scheduled action once") == 1
    group = fleet.describe("calendar")
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (0, 4, 1)
    fleet.wait("calendar", 1)
    assert "the scheduled action once executed. Setting desired capacity from 0 to 1." in fleet.activities("calendar")[0]["Cause"]
    left, = fleet.asg.describe_scheduled_actions(AutoScalingGroupName="calendar")["ScheduledUpdateGroupActions"]
    assert (left["ScheduledActionName"], left["StartTime"] > nine["StartTime"]) == ("nine", True)
    fleet.delete("calendar")


def test_zones_are_evened_out_and_what_is_too_old_is_replaced(fleet):
    fleet.create("moving", 0, 2, desired=2, zones=1)
    fleet.wait("moving", 2)
    fleet.update("moving", VPCZoneIdentifier=",".join(fleet.subnets[:2]))
    eventually(lambda: zones(fleet, "moving") == [1, 1], what="an instance in each zone")
    old = set(fleet.wait("moving", 2))
    assert "An instance was launched to aid in balancing the group's zones." in "".join(fleet.causes("moving"))
    fleet.update("moving", MaxInstanceLifetime=86400,
                 InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200})
    fleet.cloud.advance("25h")
    eventually(lambda: not old & set(fleet.members("moving")), what="all to be new")
    fleet.wait("moving", 2)
    newest, *_ = [a for a in fleet.activities("moving") if a["Description"].startswith("Terminating")]
    assert "in response to its maximum lifetime being reached." in newest["Cause"]
    fleet.delete("moving")
