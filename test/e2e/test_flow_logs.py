"""VPC flow logs: what passed and what was stopped between two instances, in files below the data folder as AWS lays them out in a bucket."""
import gzip
import re

import pytest
from conftest import REGION, eventually, ssh, ssh_when_up

ACCOUNT = "000000000000"
SERVE = "#!/bin/sh\ncd /opt && hostname > index.html && exec python3 -m http.server 8000\n"
FORMAT = "${interface-id} ${srcaddr} ${dstaddr} ${dstport} ${protocol} ${packets} ${bytes} ${action} ${log-status} ${flow-direction} ${tcp-flags}"


@pytest.fixture(scope="module")
def pair(cloud, tmp_path_factory):
    """a and b in one subnet; b serves on 8000, which members of the group reach, and lets nobody in on 8001."""
    ec2 = cloud.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    key = tmp_path_factory.mktemp("key") / "key.pem"
    key.write_text(ec2.create_key_pair(KeyName="k", KeyType="ed25519")["KeyMaterial"])
    key.chmod(0o400)
    group = ec2.create_security_group(GroupName="servers", Description="servers", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": f"{cloud.host_address}/32"}]},
        {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "UserIdGroupPairs": [{"GroupId": group}]}])
    image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023*"]}])["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=2, MaxCount=2, KeyName="k", UserData=SERVE, NetworkInterfaces=[
        {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True}])["Instances"]
    ids = [instance["InstanceId"] for instance in made]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})
    a, b = (ec2.describe_instances(InstanceIds=[i])["Reservations"][0]["Instances"][0] for i in ids)
    for instance in (a, b):
        ssh_when_up(key, instance["PublicIpAddress"], "true")
    return {"ec2": ec2, "vpc": vpc, "key": key, "a": a, "b": b}


def files(cloud):
    folder = cloud.data / "flow-logs" / "my-flows"
    return {str(path.relative_to(folder)): gzip.decompress(path.read_bytes()).decode().splitlines() for path in folder.rglob("*.log.gz")}


def records(cloud):
    return [dict(zip(lines[0].split(), line.split())) for lines in files(cloud).values() for line in lines[1:]]


def ask(pair, port):
    return ssh(pair["key"], pair["a"]["PublicIpAddress"], f"curl -s --max-time 1 http://{pair['b']['PrivateIpAddress']}:{port}/").returncode == 0


def test_what_passes_and_what_is_stopped_appears_until_the_log_is_deleted(cloud, pair):
    ec2, a, b = pair["ec2"], pair["a"], pair["b"]
    made = ec2.create_flow_logs(ResourceIds=[pair["vpc"]], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
                                LogDestination="arn:aws:s3:::my-flows/net", LogFormat=FORMAT, MaxAggregationInterval=60)
    assert made["Unsuccessful"] == []
    log, = made["FlowLogIds"]
    interfaces = {name: pair[name]["NetworkInterfaces"][0]["NetworkInterfaceId"] for name in "ab"}

    def found(name, direction, port, action):
        return [r for r in records(cloud) if r["interface-id"] == interfaces[name] and r["dstport"] == port and r["action"] == action
                and r["flow-direction"] == direction and r["srcaddr"] == a["PrivateIpAddress"] and r["dstaddr"] == b["PrivateIpAddress"]]

    def logged():
        passed, stopped = ask(pair, 8000), ask(pair, 8001)
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
    assert ask(pair, 8000)
    cloud.advance("10m")
    assert all(f"_{log}_" in path for path in set(files(cloud)) - before)
    after = set(files(cloud))
    assert ask(pair, 8000)
    cloud.advance("10m")
    assert set(files(cloud)) == after
