"""VPC flow logs: what passed and what was stopped between two instances, in files below the data folder as AWS lays them out in a bucket."""
import gzip
import re

import pytest
from conftest import REGION, eventually
from machines import Machines
from network import Network, reaches

ACCOUNT = "000000000000"
FORMAT = "${interface-id} ${srcaddr} ${dstaddr} ${dstport} ${protocol} ${packets} ${bytes} ${action} ${log-status} ${flow-direction} ${tcp-flags}"


@pytest.fixture(scope="module")
def pair(cloud, tmp_path_factory):
    """a and b in one subnet; both serve on 8000, which members of the group reach, and let nobody in on 8001."""
    network = Network(Machines(cloud, tmp_path_factory.mktemp("key")), "10.9.0.0/16")
    group = network.security_group("servers", {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                                               "IpRanges": [{"CidrIp": f"{cloud.host_address}/32"}]})
    network.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "UserIdGroupPairs": [{"GroupId": group}]}])
    subnet = network.subnet("10.9.0.0/24")
    return network, *(network.run(subnet, groups=[group]) for _ in "ab")


def files(cloud):
    folder = cloud.data / "flow-logs" / "my-flows"
    return {str(path.relative_to(folder)): gzip.decompress(path.read_bytes()).decode().splitlines() for path in folder.rglob("*.log.gz")}


def records(cloud):
    return [dict(zip(lines[0].split(), line.split())) for lines in files(cloud).values() for line in lines[1:]]


def test_what_passes_and_what_is_stopped_appears_until_the_log_is_deleted(cloud, pair):
    network, *machines = pair
    ec2 = network.ec2
    a, b = (machine.describe() for machine in machines)
    made = ec2.create_flow_logs(ResourceIds=[network.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
                                LogDestination="arn:aws:s3:::my-flows/net", LogFormat=FORMAT, MaxAggregationInterval=60)
    assert made["Unsuccessful"] == []
    log, = made["FlowLogIds"]
    interfaces = {name: instance["NetworkInterfaces"][0]["NetworkInterfaceId"] for name, instance in (("a", a), ("b", b))}

    def found(name, direction, port, action):
        return [r for r in records(cloud) if r["interface-id"] == interfaces[name] and r["dstport"] == port and r["action"] == action
                and r["flow-direction"] == direction and r["srcaddr"] == a["PrivateIpAddress"] and r["dstaddr"] == b["PrivateIpAddress"]]

    def logged():
        passed, stopped = reaches(*machines), reaches(*machines, port=8001)
        cloud.advance("5m")
        return passed and not stopped and all([found("a", "egress", "8000", "ACCEPT"), found("b", "ingress", "8000", "ACCEPT"),
                                               found("a", "egress", "8001", "ACCEPT"), found("b", "ingress", "8001", "REJECT")])
    eventually(logged, what="records of both ends")
    for record in records(cloud):
        assert record["log-status"] in ("OK", "NODATA"), record
        assert record["log-status"] != "OK" or (int(record["packets"]) > 0 and int(record["bytes"]) >= 20 * int(record["packets"])), record
        assert "169.254" not in record["srcaddr"] + record["dstaddr"]
    assert not found("b", "ingress", "8001", "ACCEPT") and not found("b", "ingress", "8000", "REJECT")
    assert any(int(r["tcp-flags"]) & 2 for r in found("a", "egress", "8000", "ACCEPT"))
    for path in files(cloud):
        assert re.fullmatch(rf"net/AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/\d{{4}}/\d\d/\d\d/{ACCOUNT}_vpcflowlogs_{REGION}_{log}_"
                            r"\d{8}T\d\d[0-5][05]Z_[0-9a-f]{8}\.log\.gz", path), path

    assert ec2.delete_flow_logs(FlowLogIds=[log])["Unsuccessful"] == []
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    before = set(files(cloud))
    cloud.advance("1m")  # what was collected is published, if there was any
    assert reaches(*machines)
    cloud.advance("10m")
    assert all(f"_{log}_" in path for path in set(files(cloud)) - before)
    after = set(files(cloud))
    assert reaches(*machines)
    cloud.advance("10m")
    assert set(files(cloud)) == after
