"""Alarms on a custom metric: their states, reasons and history, what missing data mean, and policies they run."""
import json
import re

import pytest
from backend import refuses
from conftest import eventually
from fleet import Fleet

OPTIONS = ["--clock-speed", "120"]  # half a second a minute
HIGH, LOW = 90.0, 10.0


@pytest.fixture(scope="module")
def fleet(cloud):
    made = Fleet(cloud)
    made.cloudwatch = cloud.boto("cloudwatch")
    return made


class Metric:
    """A custom metric that has `value` each minute while someone looks, or no value if it is None."""

    def __init__(self, fleet, name):
        self.cloudwatch, self.name, self.value = fleet.cloudwatch, name, None

    def alarm(self, **options):
        self.cloudwatch.put_metric_alarm(**{
            "AlarmName": self.name, "Namespace": "Mine", "MetricName": self.name, "Statistic": "Average", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold", **options})
        return self

    def describe(self):
        return self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0]

    def put(self):
        if self.value is not None:
            self.cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": self.name, "Value": self.value}])

    def wait(self, state, value=None):
        self.value = value
        def reached():
            self.put()
            alarm = self.describe()
            return alarm if alarm["StateValue"] == state else None
        return eventually(reached, what=f"{self.name} to be {state}")


TIME = r"\(\d\d/\d\d/\d\d \d\d:\d\d:00\)"


def test_ok_alarm_ok_with_the_reasons_of_aws(fleet):
    metric = Metric(fleet, "queue").alarm(TreatMissingData="ignore")  # a slow machine misses minutes
    assert metric.describe()["StateValue"] == "INSUFFICIENT_DATA"
    assert metric.describe()["StateReason"] == "Unchecked: Initial alarm creation"
    quiet = metric.wait("OK", LOW)
    assert re.fullmatch(rf"Threshold Crossed: 1 datapoint \[10\.0 {TIME}\] was not greater than the threshold \(50\.0\)\.",
                        quiet["StateReason"])
    loud = metric.wait("ALARM", HIGH)
    assert re.fullmatch(rf"Threshold Crossed: 1 datapoint \[(90|[5-8]\d)\.\d+ {TIME}\] was greater than the threshold \(50\.0\)\.",
                        loud["StateReason"]), loud
    data = json.loads(loud["StateReasonData"])
    assert (data["version"], data["statistic"], data["period"], data["threshold"]) == ("1.0", "Average", 60, 50.0)
    assert data["recentDatapoints"][-1] > 50
    metric.wait("OK", LOW)


def test_its_history(fleet):
    found = fleet.cloudwatch.describe_alarm_history(AlarmName="queue", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in found] == [
        "Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"]
    data = json.loads(found[1]["HistoryData"])
    assert (data["oldState"]["stateValue"], data["newState"]["stateValue"]) == ("OK", "ALARM")
    assert data["newState"]["stateReason"].startswith("Threshold Crossed: 1 datapoint [")
    oldest = fleet.cloudwatch.describe_alarm_history(AlarmName="queue", ScanBy="TimestampAscending")["AlarmHistoryItems"][0]
    assert (oldest["HistoryItemType"], oldest["HistorySummary"]) == ("ConfigurationUpdate", 'Alarm "queue" created')


def test_m_of_n_datapoints(fleet):
    metric = Metric(fleet, "m-of-n").alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    loud = metric.wait("ALARM", HIGH)
    assert re.search(r"2 out of the last \d datapoints \[.*\] were greater than the threshold \(50\.0\) "
                     r"\(minimum 2 datapoints for OK -> ALARM transition\)\.", loud["StateReason"]), loud
    metric.wait("OK", LOW)


@pytest.mark.parametrize("treatment, state", [("missing", "INSUFFICIENT_DATA"), ("breaching", "ALARM"), ("notBreaching", "OK")])
def test_missing_data(fleet, treatment, state):
    metric = Metric(fleet, f"silent-{treatment}").alarm(TreatMissingData=treatment)
    opposite = LOW if state == "ALARM" else HIGH
    metric.wait("OK" if opposite == LOW else "ALARM", opposite)
    reason = metric.wait(state)["StateReason"]
    if state == "INSUFFICIENT_DATA":
        assert reason == "Insufficient Data: 1 datapoint was unknown."
    else:
        kind = "Breaching" if state == "ALARM" else "NonBreaching"
        assert reason == ("Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                          f"[{kind}].")


def test_ignored_missing_data_keep_the_state(fleet):
    metric = Metric(fleet, "silent-ignore").alarm(TreatMissingData="ignore")
    metric.wait("ALARM", HIGH)
    fleet.cloud.advance("20m")
    assert metric.describe()["StateValue"] == "ALARM"


def test_an_alarm_runs_a_step_policy_by_how_far_it_is_over(fleet):
    fleet.create("steps", 0, 6, desired=1)
    fleet.wait("steps", 1)
    policy = fleet.asg.put_scaling_policy(
        AutoScalingGroupName="steps", PolicyName="steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity",
        EstimatedInstanceWarmup=0, StepAdjustments=[
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3}])["PolicyARN"]
    metric = Metric(fleet, "depth").alarm(AlarmActions=[policy], Statistic="Minimum")
    metric.wait("OK", LOW)
    metric.value = HIGH

    def grown():
        metric.put()
        return fleet.describe("steps")["DesiredCapacity"] > 1
    eventually(grown, what="the group to grow")
    metric.value = LOW
    assert any("a monitor alarm depth in state ALARM triggered policy steps changing the desired capacity from 1 to 4." in cause
               for cause in eventually(lambda: len(fleet.causes("steps")) > 1 and fleet.causes("steps"), what="activities"))
    metric.wait("OK", LOW)
    fleet.delete("steps")


def test_an_alarm_runs_a_simple_policy_once_in_its_cooldown(fleet):
    fleet.create("simple", 0, 4, desired=2)
    fleet.wait("simple", 2)
    policy = fleet.asg.put_scaling_policy(
        AutoScalingGroupName="simple", PolicyName="less", PolicyType="SimpleScaling", AdjustmentType="PercentChangeInCapacity",
        ScalingAdjustment=-50, Cooldown=86400)["PolicyARN"]
    fleet.cloudwatch.put_metric_alarm(AlarmName="less", Namespace="Mine", MetricName="nothing", Statistic="Sum", Period=60,
                                      EvaluationPeriods=1, Threshold=0, ComparisonOperator="LessThanThreshold",
                                      TreatMissingData="breaching", AlarmActions=[policy])
    eventually(lambda: fleet.describe("simple")["DesiredCapacity"] == 1, what="the group to shrink")
    fleet.cloud.advance("30m")
    assert fleet.describe("simple")["DesiredCapacity"] == 1
    actions = fleet.cloudwatch.describe_alarm_history(AlarmName="less", HistoryItemType="Action")["AlarmHistoryItems"]
    assert f"Successfully executed action {policy}" in [item["HistorySummary"] for item in actions]
    fleet.cloudwatch.delete_alarms(AlarmNames=["less"])
    fleet.delete("simple")


def test_actions_that_nobody_could_run_are_refused(fleet):
    metric = Metric(fleet, "refused")
    refuses("UnsupportedOperation", metric.alarm, AlarmActions=["arn:aws:lambda:ap-south-1:000000000000:function:f"])
    refuses("ResourceNotFound", fleet.cloudwatch.set_alarm_state, AlarmName="refused", StateValue="OK", StateReason="none")
