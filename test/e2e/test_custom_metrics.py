"""Custom metrics put and read by both aws commands: Debian's speaks the query protocol, the newest one JSON."""
import json
from datetime import datetime, timedelta, timezone

import pytest
from backend import refuses

DIMENSIONS = "--dimensions Name=Queue,Value=jobs"


@pytest.fixture(scope="module")
def cloudwatch(cloud):
    return cloud.boto("cloudwatch")


@pytest.fixture(scope="module")
def minute():
    """The beginning of a minute that is over."""
    return datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=10)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_is_put_can_be_read(aws, minute):
    space = f"Shop/{aws.name}"
    for offset, value in [(0, 1), (0, 3), (1, 8)]:
        aws(f"cloudwatch put-metric-data --namespace {space} --metric-name Depth --dimensions Queue=jobs "
            f"--timestamp {text(minute + timedelta(minutes=offset))} --value {value} --unit Count")
    span = f"--start-time {text(minute)} --end-time {text(minute + timedelta(minutes=5))}"
    found = aws(f"cloudwatch get-metric-statistics --namespace {space} --metric-name Depth {DIMENSIONS} {span} --period 60 "
                "--statistics Average Sum Minimum Maximum SampleCount", query="sort_by(Datapoints, &Timestamp)")
    assert [(p["Average"], p["Sum"], p["Minimum"], p["Maximum"], p["SampleCount"], p["Unit"]) for p in found] == [
        (2.0, 4.0, 1.0, 3.0, 2.0, "Count"), (8.0, 8.0, 8.0, 8.0, 1.0, "Count")]
    queries = json.dumps([{"Id": "depth", "MetricStat": {"Period": 300, "Stat": "Sum", "Metric": {
        "Namespace": space, "MetricName": "Depth", "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}}}])
    data = aws(["cloudwatch", "get-metric-data", *span.split(), "--metric-data-queries", queries])["MetricDataResults"][0]
    assert (data["Id"], data["Label"], data["StatusCode"], sum(data["Values"])) == ("depth", "Depth", "Complete", 12.0)
    assert aws(f"cloudwatch list-metrics --namespace {space}", query="Metrics") == [
        {"Namespace": space, "MetricName": "Depth", "Dimensions": [{"Name": "Queue", "Value": "jobs"}]}]


def test_sets_of_values_count_as_what_they_stand_for(cloudwatch, minute):
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[
        {"MetricName": "Sets", "Timestamp": minute, "Values": [10, 20], "Counts": [3, 1]},
        {"MetricName": "Sets", "Timestamp": minute, "StatisticValues": {
            "SampleCount": 2, "Sum": 100, "Minimum": 1, "Maximum": 99}}])
    point, = cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Sets", StartTime=minute, EndTime=minute + timedelta(minutes=1), Period=60,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"])["Datapoints"]
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (6, 150, 1, 99)


def test_percentiles(cloudwatch, minute):
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[
        {"MetricName": "Latency", "Timestamp": minute, "Values": [float(n) for n in range(1, 101)], "Unit": "Milliseconds"}])
    point, = cloudwatch.get_metric_statistics(
        Namespace="Shop", MetricName="Latency", StartTime=minute, EndTime=minute + timedelta(minutes=1), Period=60,
        ExtendedStatistics=["p50", "p99"])["Datapoints"]
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(50, rel=0.05)
    assert point["ExtendedStatistics"]["p99"] == pytest.approx(99, rel=0.05)


def test_lists_of_metrics_are_filtered_and_paged(cloudwatch, minute):
    cloudwatch.put_metric_data(Namespace="Many", MetricData=[
        {"MetricName": "Load", "Timestamp": minute, "Value": 1, "Dimensions": [{"Name": "Host", "Value": f"h{n}"}]}
        for n in range(600)])
    first = cloudwatch.list_metrics(Namespace="Many")
    assert len(first["Metrics"]) == 500 and first["NextToken"]
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="Many")
    names = [m["Dimensions"][0]["Value"] for page in pages for m in page["Metrics"]]
    assert len(names) == len(set(names)) == 600
    found = cloudwatch.list_metrics(Namespace="Many", Dimensions=[{"Name": "Host", "Value": "h7"}])["Metrics"]
    assert [m["Dimensions"] for m in found] == [[{"Name": "Host", "Value": "h7"}]]
    assert not cloudwatch.list_metrics(Namespace="Many", MetricName="Other")["Metrics"]


def test_what_is_wrong_is_refused_and_nothing_is_kept(cloudwatch, minute):
    def put(code, *data, namespace="Wrong"):
        refuses(code, cloudwatch.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "Fine", "Value": 1}, *data])
    put("InvalidParameterValue", namespace="AWS/EC2")
    put("InvalidParameterValue", {"MetricName": "Old", "Value": 1, "Timestamp": minute - timedelta(days=15)})
    put("InvalidParameterValue", {"MetricName": "New", "Value": 1, "Timestamp": minute + timedelta(hours=3)})
    put("MissingParameter", {"MetricName": "Nothing"})
    put("InvalidParameterCombination", {"MetricName": "Both", "Value": 1, "Values": [1]})
    put("InvalidParameterValue", {"MetricName": "Counts", "Values": [1, 2], "Counts": [1]})
    assert not cloudwatch.list_metrics(Namespace="Wrong")["Metrics"]
    span = {"Namespace": "Shop", "MetricName": "Sets", "StartTime": minute, "EndTime": minute + timedelta(minutes=1)}
    refuses("InvalidParameterValue", cloudwatch.get_metric_statistics, **span, Period=61, Statistics=["Sum"])
    refuses("InvalidParameterCombination", cloudwatch.get_metric_statistics, **span, Period=60)
