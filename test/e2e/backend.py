"""Instances that run one small server, and load balancers before them in the default VPC."""
import http.client
from collections import namedtuple

import pytest
from botocore.exceptions import ClientError
from conftest import eventually

IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

# What the path asks for; /health answers as /mode/STATUS said last (0: not at all). WebSockets echo.
SERVER = r"""#!/bin/sh
cat >/opt/server.js <<'JS'
const http = require('http'), os = require('os');
let mode = 200;
const held = new Set();
const server = http.createServer((request, response) => {
  const [, word, argument] = request.url.split('/');
  const say = (status, text) => { response.statusCode = status; response.end(text); };
  const number = Number(argument);
  if (word === 'health') return mode ? say(mode, 'mode\n') : undefined;
  if (word === 'mode') { mode = number; return say(200, 'set\n'); }
  if (word === 'headers') return say(200, JSON.stringify(request.headers));
  if (word === 'status') return say(number, `${number}\n`);
  if (word === 'slow') return setTimeout(() => say(200, os.hostname() + '\n'), number);
  if (word === 'hold') { held.add(response); return response.on('close', () => held.delete(response)); }
  if (word === 'held') return say(200, `${held.size}\n`);
  if (word === 'release') { held.forEach((one) => one.end(os.hostname() + '\n')); return say(200, 'released\n'); }
  if (word === 'reset') return request.socket.destroy();
  if (word === 'garbage') return request.socket.end('this is not HTTP\r\n\r\n');
  if (word === 'half') { response.setHeader('content-length', 1000); response.write('half');
    return setTimeout(() => request.socket.destroy(), 100); }
  say(200, os.hostname() + '\n');
});
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  socket.pipe(socket);
});
server.keepAliveTimeout = 120000;
server.listen(80);
JS
exec node /opt/server.js
"""

Answer = namedtuple("Answer", "status headers body")


def ask(path="/", host="127.0.0.1", name=None, port=80, method="GET", headers=(), timeout=30):
    """One request on a connection of its own; `name` is its Host."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": name or host, **dict(headers)})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


class Backend:
    def __init__(self, cloud, count=2):
        self.cloud = cloud
        self.ec2, self.elb = cloud.boto("ec2"), cloud.boto("elbv2")
        self.vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["Subnets"]
        self.all_subnets = [s["SubnetId"] for s in sorted(subnets, key=lambda s: s["AvailabilityZone"])]
        self.subnets = self.all_subnets[:2]
        self.group = self.security_group("open", "0.0.0.0/0")
        self.image = cloud.boto("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        self.instances = [self.launch(self.subnets[i % 2]) for i in range(count)]

    def security_group(self, name, source):
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": source}]}])
        return made

    def launch(self, subnet=None, server=SERVER):
        """An instance; it need not run yet."""
        return self.ec2.run_instances(
            ImageId=self.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet or self.subnets[0],
            SecurityGroupIds=[self.group], UserData=server)["Instances"][0]["InstanceId"]

    def describe(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def wait_state(self, instance, state):
        eventually(lambda: self.describe(instance)["State"]["Name"] == state, what=f"{instance} to be {state}")

    def host_name(self, instance):
        return self.describe(instance)["PrivateDnsName"].split(".")[0]

    def mode(self, instance, status):
        """What the server answers to /health from now on; 0: nothing."""
        address = self.describe(instance)["PublicIpAddress"]

        def told():
            try:
                return ask(f"/mode/{status}", host=address).status == 200
            except OSError:
                return False  # the instance runs; its server is still starting

        eventually(told, what="the server in the instance")

    def ask_instances(self, path):
        """What each says, without a load balancer between."""
        return [ask(path, host=self.describe(instance)["PublicIpAddress"]).body for instance in self.instances]

    def wait_held(self, count):
        """Until so many requests for /hold are with the instances, to be answered at /release."""
        eventually(lambda: sum(map(int, self.ask_instances("/held"))) == count, what=f"{count} requests in flight")

    def target_group(self, name, instances=(), delay=0, **settings):
        settings = {"Protocol": "HTTP", "Port": 80, "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 9,
                    "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2, "HealthCheckPath": "/health", **settings}
        arn = self.elb.create_target_group(Name=name, VpcId=self.vpc, **settings)["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay)}])
        self.register(arn, *instances)
        return arn

    def register(self, group, *instances):
        for instance in instances:
            self.wait_state(instance, "running")
            self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])

    def balancer(self, name, default, scheme="internet-facing", port=80, **options):
        """A load balancer with one listener; `default` is a target group or an action."""
        made = self.elb.create_load_balancer(Name=name, Subnets=self.subnets, SecurityGroups=[self.group],
                                             Scheme=scheme, **options)["LoadBalancers"][0]
        made["Listener"] = self.elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=port,
            DefaultActions=[default if isinstance(default, dict) else forward(default)])["Listeners"][0]["ListenerArn"]
        return made

    def health(self, group, *targets):
        """TargetHealth of each target by its id."""
        asked = {"Targets": [{"Id": target} for target in targets]} if targets else {}
        found = self.elb.describe_target_health(TargetGroupArn=group, **asked)["TargetHealthDescriptions"]
        return {row["Target"]["Id"]: row["TargetHealth"] for row in found}

    def wait_healthy(self, group, count):
        def healthy():
            return [i for i, health in self.health(group).items() if health["State"] == "healthy"]
        eventually(lambda: len(healthy()) == count, what=f"{count} healthy targets")

    def wait_health(self, group, target, state, reason):
        return eventually(lambda: self.is_health(group, target, state, reason),
                          what=f"{target} to be {state}, {reason}")

    def is_health(self, group, target, state, reason):
        health = self.health(group).get(target, {})
        return health if (health.get("State"), health.get("Reason")) == (state, reason) else None


def forward(group):
    return {"Type": "forward", "TargetGroupArn": group}


def fixed(status, text="", kind="text/plain"):
    return {"Type": "fixed-response",
            "FixedResponseConfig": {"StatusCode": str(status), "ContentType": kind, "MessageBody": text}}


def needs_boto3_with(client, operation, member=None):
    """Skips a test that says what an old boto3 cannot: an operation, or a member anywhere in its input."""
    def knows(shape, seen=()):
        if shape.name in seen:
            return False
        inner = list(shape.members.values()) if shape.type_name == "structure" else \
            [shape.member] if shape.type_name == "list" else []
        return shape.type_name == "structure" and member in shape.members or \
            any(knows(part, (*seen, shape.name)) for part in inner)
    model = client.meta.service_model
    if operation not in model.operation_names or member and not knows(model.operation_model(operation).input_shape):
        pytest.skip(f"needs a boto3 that knows {member or operation}")


def refuses(code, operation, **arguments):
    """Calls what must fail with an AWS error code; gives its message."""
    with pytest.raises(ClientError) as failure:
        operation(**arguments)
    error = failure.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]
