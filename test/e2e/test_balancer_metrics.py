"""What CloudWatch counts of load balancers, after traffic whose every request is known."""
import http.client
from datetime import datetime, timezone

import pytest
from backend import Backend, ask, fixed, forward
from conftest import aws_of, eventually

OPTIONS = ["--clock-speed", "30"]
EVER = {"StartTime": datetime(2020, 1, 1, tzinfo=timezone.utc), "EndTime": datetime(2100, 1, 1, tzinfo=timezone.utc)}
# How often each path is asked.
TRAFFIC = {"/": 40, "/status/404": 7, "/status/500": 5, "/reset": 3, "/moved": 4, "/fixed": 5, "/none": 2}
FORWARDED = 40 + 7 + 5 + 3


class Site(Backend):
    """One target group with two instances, one without any, a redirect and a fixed response."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self.cloudwatch = cloud.boto("cloudwatch")
        self.targets = self.target_group("web", self.instances)
        self.front = self.balancer("front", self.targets)
        for priority, (path, action) in enumerate({
                "/moved": {"Type": "redirect", "RedirectConfig": {"Host": "other.example", "StatusCode": "HTTP_302"}},
                "/fixed": fixed(403), "/none": forward(self.target_group("none"))}.items(), start=1):
            self.elb.create_rule(ListenerArn=self.front["Listener"], Priority=priority, Actions=[action],
                                 Conditions=[{"Field": "path-pattern", "Values": [path]}])
        self.wait_healthy(self.targets, 2)
        self.of_balancer = {"LoadBalancer": self.front["LoadBalancerArn"].split("loadbalancer/")[1]}
        self.of_group = {**self.of_balancer, "TargetGroup": self.targets.split(":")[-1]}
        self.zones = [self.describe(instance)["Placement"]["AvailabilityZone"] for instance in self.instances]

    def values(self, metric, dimensions, statistic="Sum", period=60):
        found = self.cloudwatch.get_metric_data(**EVER, ScanBy="TimestampDescending", MetricDataQueries=[
            {"Id": "m", "MetricStat": {"Period": period, "Stat": statistic, "Metric": {
                "Namespace": "AWS/ApplicationELB", "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()]}}}])
        return found["MetricDataResults"][0]["Values"]

    def total(self, metric, dimensions):
        return sum(self.values(metric, dimensions))


@pytest.fixture(scope="module")
def site(cloud):
    made = Site(cloud)
    made.held = http.client.HTTPConnection("127.0.0.1", 80)  # active for as long as the tests run
    made.held.connect()
    made.held.request("GET", "/fixed", headers={"Host": made.front["DNSName"]})
    made.held.getresponse().read()
    for path, count in TRAFFIC.items():
        for _ in range(count):
            ask(path, name=made.front["DNSName"])
    eventually(lambda: made.total("HTTPCode_ELB_5XX_Count", made.of_balancer) == 3 + 2 and
               made.total("RequestCount", made.of_balancer) == FORWARDED, what="all requests to be counted")
    return made


def test_requests_are_counted_for_which_a_target_was_chosen(site):
    assert site.total("RequestCount", site.of_balancer) == site.total("RequestCount", site.of_group) == FORWARDED
    assert sum(site.total("RequestCount", {**site.of_group, "AvailabilityZone": zone}) for zone in site.zones) == FORWARDED
    assert site.total("RequestCountPerTarget", {"TargetGroup": site.of_group["TargetGroup"]}) == pytest.approx(FORWARDED / 2)


def test_answers_are_counted_by_who_gave_them(site):
    def counts(*metrics):
        return [site.total(metric, site.of_balancer) for metric in metrics]
    assert counts("HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count") == [40, 7, 5]
    assert counts("HTTPCode_ELB_3XX_Count", "HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count") == [4, 6, 5]
    assert counts("HTTPCode_ELB_502_Count", "HTTPCode_ELB_503_Count") == [3, 2]
    assert counts("HTTP_Redirect_Count", "HTTP_Fixed_Response_Count") == [4, 6]
    assert site.total("HTTPCode_Target_2XX_Count", site.of_group) == 40
    assert not site.values("HTTPCode_Target_3XX_Count", site.of_balancer)


def test_connections_are_counted(site):
    assert site.total("NewConnectionCount", site.of_balancer) >= sum(TRAFFIC.values())


def test_response_times(site):
    assert sum(site.values("TargetResponseTime", site.of_group, "SampleCount")) == 40 + 7 + 5
    fastest, slowest = (pick(site.values("TargetResponseTime", site.of_group, name)) for pick, name in [(min, "Minimum"), (max, "Maximum")])
    assert 0 < fastest < slowest < 60
    median = site.values("TargetResponseTime", site.of_group, "p50", period=86400)[0]
    assert fastest <= median <= slowest


def test_healthy_and_unhealthy_hosts(site):
    def newest(metric, statistic):
        return site.values(metric, site.of_group, statistic)[:1]
    eventually(lambda: newest("HealthyHostCount", "Minimum") == [2.0] and newest("UnHealthyHostCount", "Maximum") == [0.0],
               what="two healthy hosts")
    site.mode(site.instances[0], 500)
    eventually(lambda: newest("HealthyHostCount", "Minimum") == [1.0] and newest("UnHealthyHostCount", "Maximum") == [1.0],
               what="one unhealthy host")


def test_the_metrics_are_listed_with_their_sets_of_dimensions(site):
    found = site.cloudwatch.list_metrics(Namespace="AWS/ApplicationELB", MetricName="HTTPCode_Target_2XX_Count")["Metrics"]
    assert {tuple(sorted(d["Name"] for d in metric["Dimensions"])) for metric in found} == {
        ("LoadBalancer",), ("AvailabilityZone", "LoadBalancer"), ("LoadBalancer", "TargetGroup"),
        ("AvailabilityZone", "LoadBalancer", "TargetGroup")}


def test_odd_requests_are_counted(site):
    """Names that AWS calls invalid, a request that two parsers may read differently, a redirect without end."""
    name = site.front["DNSName"]
    for _ in range(3):
        ask(name=name, headers={"x_under_score": "1"})
    for _ in range(2):
        ask(name=name, headers={"Content-Length": "0"})  # GET with a length: acceptable, not compliant
    ask("/moved?" + "q" * 9000, name=name)
    eventually(lambda: site.total("HTTP_Redirect_Url_Limit_Exceeded_Count", site.of_balancer) == 1, what="the counts")
    assert site.total("ForwardedInvalidHeaderRequestCount", site.of_balancer) == 3
    assert site.total("DesyncMitigationMode_NonCompliant_Request_Count", site.of_balancer) == 2
    assert not site.values("DroppedInvalidHeaderRequestCount", site.of_balancer)


def test_rules_that_were_looked_at_are_counted(site):
    # Three rules: /moved is the first, /fixed the second, /none the third; all others look at all three.
    looked_at = TRAFFIC["/moved"] + 2 * TRAFFIC["/fixed"] + 3 * TRAFFIC["/none"] + 3 * FORWARDED
    assert site.total("RuleEvaluations", site.of_balancer) >= looked_at


def test_what_each_minute_has(site):
    def newest(metric, dimensions, statistic):
        return site.values(metric, dimensions, statistic)[:1]
    eventually(lambda: site.values("ConsumedLCUs", site.of_balancer), what="a minute's cost")
    assert all(value >= 0 for value in site.values("ConsumedLCUs", site.of_balancer))
    assert newest("HealthyStateRouting", site.of_group, "Minimum") == newest("HealthyStateDNS", site.of_group, "Minimum") == [2.0]
    assert newest("UnhealthyStateRouting", site.of_group, "Minimum") == [0.0]


def test_every_metric_that_had_something_to_count_is_listed(site):
    """With Debian's aws, as a user would look for them."""
    sets = {}
    for metric in aws_of(site.cloud, "debian")("cloudwatch list-metrics --namespace AWS/ApplicationELB")["Metrics"]:
        if any(d["Value"] == site.of_balancer["LoadBalancer"] or d["Value"] == site.of_group["TargetGroup"] for d in metric["Dimensions"]):
            sets.setdefault(metric["MetricName"], set()).add("".join(sorted(d["Name"][0] for d in metric["Dimensions"])))
    by_balancer, by_group, by_both = {"L", "AL"}, {"LT", "ALT"}, {"L", "AL", "LT", "ALT"}
    expected = {
        **dict.fromkeys(["RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count",
                         "TargetResponseTime"], by_both),
        **dict.fromkeys(["NewConnectionCount", "ActiveConnectionCount", "ProcessedBytes", "HTTP_Fixed_Response_Count",
                         "HTTP_Redirect_Count", "HTTPCode_ELB_3XX_Count", "HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count",
                         "HTTPCode_ELB_502_Count", "HTTPCode_ELB_503_Count", "HTTP_Redirect_Url_Limit_Exceeded_Count",
                         "ForwardedInvalidHeaderRequestCount", "DesyncMitigationMode_NonCompliant_Request_Count"], by_balancer),
        **dict.fromkeys(["ConsumedLCUs", "RuleEvaluations"], {"L"}),
        **dict.fromkeys(["HealthyHostCount", "UnHealthyHostCount", "HealthyStateDNS", "HealthyStateRouting", "UnhealthyStateDNS",
                         "UnhealthyStateRouting"], by_group),
        "RequestCountPerTarget": {"T", "AT", "LT", "ALT"},
    }
    assert {name: sets.get(name) for name in expected} == expected
