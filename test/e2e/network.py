"""A VPC of one's own with subnets, machines in them, and what reaches what."""
from conftest import eventually

ANYWHERE = "0.0.0.0/0"
SERVE = "#!/bin/sh\ncd /opt && hostname > index.html && exec python3 -m http.server 8000\n"


class Network:
    """Its main route table leads to the internet gateway; its group `group` lets everything in."""

    def __init__(self, machines, block):
        self.machines, self.ec2 = machines, machines.ec2
        self.vpc = self.ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table = self.find("route_tables")[0]["RouteTableId"]
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock=ANYWHERE, GatewayId=self.gateway)
        self.group = self.security_group("all", {"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYWHERE}]})

    def find(self, what, **filters):
        """Describe{What} of this VPC; filters with _ for hyphens and __ for dots."""
        wanted = [{"Name": "vpc-id", "Values": [self.vpc]}]
        wanted += [{"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        answer = getattr(self.ec2, f"describe_{what}")(Filters=wanted)
        return next(value for value in answer.values() if isinstance(value, list))

    def security_group(self, name, *permissions):
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=list(permissions))
        return made

    def subnet(self, block, **options):
        return self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, **options)["Subnet"]["SubnetId"]

    def route_table(self, *subnets):
        """One of its own for these subnets, with nothing but the local route."""
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=made, SubnetId=subnet)
        return made

    def run(self, subnet, public=True, groups=None, **options):
        """A machine that serves its name on port 8000."""
        return self.machines.run(UserData=SERVE, NetworkInterfaces=[
            {"DeviceIndex": 0, "SubnetId": subnet, "Groups": groups or [self.group],
             "AssociatePublicIpAddress": public}], **options)


def reaches(source, target, port=8000):
    """Whether a machine gets the page of another, or of an address."""
    address = target if isinstance(target, str) else target.private_address
    return source.attempt(f"curl -s -f --max-time 1 -o /dev/null http://{address}:{port}/").returncode == 0


def becomes(expected, check, what):
    """Waits until check() is as expected: what the API says obeys within moments, but not at once."""
    eventually(lambda: check() == expected, what=what)
