"""Access, connection and health check logs of load balancers: files below the data folder, laid out as AWS does in a bucket."""
import gzip
import re

import pytest
from backend import Backend, ask, refuses
from conftest import REGION, eventually

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def site(cloud):
    made = Backend(cloud)
    made.targets = made.target_group("web", made.instances)
    made.front = made.balancer("front", made.targets)
    made.arn = made.front["LoadBalancerArn"]
    made.wait_healthy(made.targets, 2)
    return made


def set_attributes(site, **values):
    site.elb.modify_load_balancer_attributes(LoadBalancerArn=site.arn, Attributes=[
        {"Key": key.replace("__", "."), "Value": value} for key, value in values.items()])


def published(cloud, bucket):
    """Lines of all files of a bucket, by the file's path in it."""
    folder = cloud.data / "elb-logs" / bucket
    return {str(path.relative_to(folder)): gzip.decompress(path.read_bytes()).decode().splitlines()
            for path in folder.rglob("*.log.gz")}


def test_a_bucket_is_needed(site):
    refuses("InvalidConfigurationRequest", site.elb.modify_load_balancer_attributes, LoadBalancerArn=site.arn,
            Attributes=[{"Key": "access_logs.s3.enabled", "Value": "true"}])


def test_requests_and_connections_appear_after_five_minutes(cloud, site):
    set_attributes(site, access_logs__s3__enabled="true", access_logs__s3__bucket="my-logs", access_logs__s3__prefix="a/b",
                   connection_logs__s3__enabled="true", connection_logs__s3__bucket="my-connections")
    eventually(lambda: (cloud.data / f"elb-logs/my-logs/a/b/AWSLogs/{ACCOUNT}/ELBAccessLogTestFile").exists(),
               what="the file that says that logging works")
    eventually(lambda: (cloud.data / f"elb-logs/my-connections/AWSLogs/{ACCOUNT}/ELBConnectionLogTestFile").exists(),
               what="the same of connections")

    def logged():
        ask("/x?y=z", name=site.front["DNSName"], headers={"User-Agent": "logged"})
        cloud.advance("5m")
        return any(published(cloud, "my-logs").values()) and published(cloud, "my-connections")
    eventually(logged, what="files")
    identity = site.arn.split("loadbalancer/")[1]
    name = identity.replace("/", ".")
    for path, lines in published(cloud, "my-logs").items():
        assert re.fullmatch(rf"a/b/AWSLogs/{ACCOUNT}/elasticloadbalancing/{REGION}/\d{{4}}/\d\d/\d\d/{ACCOUNT}_elasticloadbalancing_"
                            rf"{REGION}_{name}_\d{{8}}T\d\d[0-5][05]Z_100\.\d+\.\d+\.\d+_[0-9a-v]{{8}}\.log\.gz", path), path
        for line in lines:
            assert f" {identity} " in line and f'"GET http://{site.front["DNSName"]}:80/x?y=z HTTP/1.1" "logged" - - {site.targets} ' in line
            assert re.search(r' 200 200 \d+ \d+ ', line) and line.endswith('"-" "-" "-"')
    for path, lines in published(cloud, "my-connections").items():
        assert f"/conn_log.{ACCOUNT}_elasticloadbalancing_{REGION}_{name}_" in path
        assert all(re.fullmatch(r'\S+Z \S+ \d+ 80 - - - "-" - - - TID_[0-9a-f]{32}', line) for line in lines), lines


def test_health_checks_appear_after_five_minutes(cloud, site):
    set_attributes(site, health_check_logs__s3__enabled="true", health_check_logs__s3__bucket="my-checks")
    eventually(lambda: (cloud.data / f"elb-logs/my-checks/AWSLogs/{ACCOUNT}/ELBHealthCheckLogTestFile").exists(),
               what="the file that says that logging works")

    def logged():
        cloud.advance("5m")
        return any(published(cloud, "my-checks").values())
    eventually(logged, what="files")
    for path, lines in published(cloud, "my-checks").items():
        assert f"/health_check_log_{ACCOUNT}_elasticloadbalancing_{REGION}_app.front." in path
        assert all(re.fullmatch(r"http \S+Z \d+\.\d{9} 172\.31\.\d+\.\d+:80 web PASS 200 -", line) for line in lines), lines


def test_stop_publishes_what_there_is(cloud, site):
    set_attributes(site, access_logs__s3__bucket="last-logs", access_logs__s3__prefix="")
    eventually(lambda: ask("/last", name=site.front["DNSName"]).status == 200 and
               (cloud.data / f"elb-logs/last-logs/AWSLogs/{ACCOUNT}/ELBAccessLogTestFile").exists(), what="another bucket")
    before = sum(map(len, published(cloud, "last-logs").values()))
    assert ask("/very-last", name=site.front["DNSName"]).status == 200
    cloud.stop()
    lines = [line for lines in published(cloud, "last-logs").values() for line in lines]
    assert len(lines) > before and any("/very-last HTTP/1.1" in line for line in lines)
