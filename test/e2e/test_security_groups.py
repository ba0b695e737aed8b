"""A connection that no rule allows is dropped: between instances, from the load balancer, from the host."""
import pytest
from conftest import curl, eventually, ssh, ssh_when_up

OPTIONS = ["--clock-speed", "10"]
SERVE = "#!/bin/sh\ncd /opt && hostname > index.html && exec python3 -m http.server 8000\n"


@pytest.fixture(scope="module")
def stack(cloud, tmp_path_factory):
    """a and b in one subnet, c in another; each serves on 8000. Only ssh from the host is allowed."""
    ec2 = cloud.boto("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=zones[n])["Subnet"]["SubnetId"]
               for n in range(2)]
    key = tmp_path_factory.mktemp("key") / "key.pem"
    key.write_text(ec2.create_key_pair(KeyName="k", KeyType="ed25519")["KeyMaterial"])
    key.chmod(0o400)
    group = ec2.create_security_group(GroupName="servers", Description="servers", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": f"{cloud.host_address}/32"}]}])
    image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023*"]}])["Images"][0]["ImageId"]

    def run(subnet):
        made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName="k", UserData=SERVE,
                                 NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group],
                                                     "AssociatePublicIpAddress": True}])
        return made["Instances"][0]["InstanceId"]

    ids = [run(subnets[0]), run(subnets[0]), run(subnets[1])]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})
    found = {i["InstanceId"]: i for r in ec2.describe_instances(InstanceIds=ids)["Reservations"] for i in r["Instances"]}
    a, b, c = (found[i] for i in ids)
    for instance in (a, b, c):
        ssh_when_up(key, instance["PublicIpAddress"], "true")
    return {"ec2": ec2, "vpc": vpc, "subnets": subnets, "group": group, "key": key, "a": a, "b": b, "c": c}


def reaches(stack, source, target):
    """Whether an instance gets the page of another."""
    done = ssh(stack["key"], stack[source]["PublicIpAddress"],
               f"curl -s --max-time 1 http://{stack[target]['PrivateIpAddress']}:8000/")
    return done.returncode == 0 and done.stdout.startswith("ip-10-9-")


def permission(**source):
    return [{"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, **source}]


@pytest.mark.parametrize("source,target", [("a", "b"), ("a", "c")], ids=["in one subnet", "across subnets"])
def test_between_instances_a_rule_opens_and_revoking_it_closes(stack, source, target):
    rule = permission(UserIdGroupPairs=[{"GroupId": stack["group"]}])
    assert not reaches(stack, source, target)
    stack["ec2"].authorize_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: reaches(stack, source, target), what="the rule")
    stack["ec2"].revoke_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: not reaches(stack, source, target), what="the revocation")


def test_the_senders_egress_counts_as_well(stack):
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    rule = permission(IpRanges=[{"CidrIp": "10.9.0.0/16"}])
    stack["ec2"].authorize_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: reaches(stack, "a", "b"), what="the rule")
    stack["ec2"].revoke_security_group_egress(GroupId=stack["group"], IpPermissions=everything)
    eventually(lambda: not reaches(stack, "a", "b"), what="the closed egress")
    stack["ec2"].authorize_security_group_egress(GroupId=stack["group"], IpPermissions=everything)
    eventually(lambda: reaches(stack, "a", "b"), what="the open egress")
    stack["ec2"].revoke_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)


def test_from_the_host_a_rule_opens_and_revoking_it_closes(stack, cloud):
    url = f"http://{stack['a']['PublicIpAddress']}:8000/"
    rule = permission(IpRanges=[{"CidrIp": f"{cloud.host_address}/32"}])
    assert curl(url, timeout=1) is None
    stack["ec2"].authorize_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: curl(url), what="the rule")
    stack["ec2"].revoke_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: curl(url, timeout=1) is None, what="the revocation")


def test_from_the_load_balancer_only_its_groups_rule_lets_it_in(stack, cloud):
    ec2, elb = stack["ec2"], cloud.boto("elbv2")
    front = ec2.create_security_group(GroupName="front", Description="front", VpcId=stack["vpc"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    targets = elb.create_target_group(Name="servers", Protocol="HTTP", Port=8000, VpcId=stack["vpc"],
                                      HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
                                      UnhealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": stack["b"]["InstanceId"]}])
    balancer = elb.create_load_balancer(Name="front", Subnets=stack["subnets"], SecurityGroups=[front])["LoadBalancers"][0]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}])

    def health():
        found = elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"][0]["TargetHealth"]
        return found["State"], found.get("Reason")

    eventually(lambda: health() == ("unhealthy", "Target.Timeout"), what="the dropped health check")
    rule = permission(UserIdGroupPairs=[{"GroupId": front}])
    ec2.authorize_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: health()[0] == "healthy", what="the target's health")
    assert curl(f"http://{balancer['DNSName']}/").startswith("ip-10-9-")
    ec2.revoke_security_group_ingress(GroupId=stack["group"], IpPermissions=rule)
    eventually(lambda: health()[0] == "unhealthy", what="the revocation")

    # And the load balancer's own group decides who reaches it.
    ec2.revoke_security_group_ingress(GroupId=front, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    eventually(lambda: curl(f"http://{balancer['DNSName']}/", "-o/dev/null", "-w%{http_code}", timeout=1) is None,
               what="the closed load balancer")
