"""Instances in a default VPC that the tests may log in to."""
import json
import shlex

import pytest
from conftest import REGION, eventually, ssh, ssh_when_up

IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


class Machines:
    """A key pair, and a default security group that lets in whatever comes from anywhere."""

    def __init__(self, cloud, directory, region=REGION):
        self.cloud, self.region = cloud, region
        self.ec2 = cloud.boto("ec2", region=region)
        self.image = cloud.boto("ssm", region=region).get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        self.vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        self.group = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        self.key = directory / "machines.pem"
        self.key.write_text(self.ec2.create_key_pair(KeyName="machines", KeyType="ed25519")["KeyMaterial"])
        self.key.chmod(0o400)

    def run(self, **options):
        options = {"ImageId": self.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
                   "KeyName": "machines", **options}
        machine = Machine(self, self.ec2.run_instances(**options)["Instances"][0]["InstanceId"])
        return machine.wait("running")


class Machine:
    def __init__(self, machines, instance):
        self.machines, self.ec2, self.id = machines, machines.ec2, instance

    def describe(self):
        return self.ec2.describe_instances(InstanceIds=[self.id])["Reservations"][0]["Instances"][0]

    @property
    def state(self):
        return self.describe()["State"]["Name"]

    @property
    def address(self):
        return self.describe()["PublicIpAddress"]

    @property
    def private_address(self):
        return self.describe()["PrivateIpAddress"]

    def wait(self, state):
        eventually(lambda: self.state == state, what=f"{self.id} to be {state}")
        return self

    def attempt(self, command, **options):
        """The finished ssh."""
        return ssh_when_up(self.machines.key, self.address, command, **options)

    def sh(self, command, **options):
        """What a command prints; it must succeed."""
        done = self.attempt(command, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def root(self, command, **options):
        """The same, as root."""
        return self.sh(f"sudo sh -c {shlex.quote(command)}", **options)

    def answers(self, address=None, timeout=1):
        """Whether ssh gets in at once."""
        return ssh(self.machines.key, address or self.address, "true", connect_timeout=timeout).returncode == 0

    def console(self):
        return self.ec2.get_console_output(InstanceId=self.id).get("Output", "")

    def wait_console(self, text):
        return eventually(lambda: text in self.console() and self.console(), what=f"{text!r} on the console")

    def metadata(self, path, options=""):
        """(status, body) of the metadata service, asked from inside."""
        out = self.sh(f"curl -s --max-time 2 -w '\\n%{{http_code}}' {options} http://169.254.169.254{path} || true")
        body, _, status = out.rpartition("\n")
        return int(status), body

    def attribute(self, name):
        return self.ec2.describe_instance_attribute(InstanceId=self.id, Attribute=name)

    def python(self, program, as_root=True):
        """The JSON that a Python program prints."""
        command = f"{'sudo ' if as_root else ''}python3 -c {shlex.quote(program)}"
        return json.loads(self.sh(command, timeout=60))


@pytest.fixture(scope="module")
def machines(cloud, tmp_path_factory):
    return Machines(cloud, tmp_path_factory.mktemp("machines"))


@pytest.fixture(scope="module")
def machine(machines):
    return machines.run()
