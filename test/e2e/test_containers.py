"""Containers in an instance: podman with its own network, ports and layers, as on a virtual machine."""
import pytest
from conftest import curl, eventually
from machines import machines

# The host's podman and busybox are the instance's too; no registry is asked.
MAKE_IMAGE = """#!/bin/sh
set -e
mkdir -p /tmp/app/bin /tmp/app/www
cp /usr/bin/busybox /tmp/app/bin/
echo 'from a container' >/tmp/app/www/index.html
tar -C /tmp/app -c . | podman import --change 'CMD ["/bin/busybox", "httpd", "-f", "-p", "3000", "-h", "/www"]' - app
podman run --detach --name web --publish 80:3000 app
"""


def page_of(machine):
    return eventually(lambda: curl(f"http://{machine.address}/"), what="the container to answer")


@pytest.fixture(scope="module")
def server(machines):
    return machines.run(InstanceType="t3.small", UserData=MAKE_IMAGE)


def test_a_published_port_answers_at_the_instances_address(machines, server):
    assert page_of(server) == "from a container\n"
    rule = {"GroupId": machines.group, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    machines.ec2.revoke_security_group_ingress(**rule)
    eventually(lambda: curl(f"http://{server.address}/", timeout=1) is None, what="the security group to shut it")
    machines.ec2.authorize_security_group_ingress(**rule)
    page_of(server)


def test_layers_lie_on_a_file_system_that_overlays_may_use(server):
    page_of(server)
    assert server.root("podman info --format '{{.Store.GraphDriverName}}'") == "overlay"
    assert server.root("podman exec web /bin/busybox cat /proc/1/cmdline | tr '\\0' ' '") == "/bin/busybox httpd -f -p 3000 -h /www"


def test_an_image_of_the_instance_keeps_its_containers(machines, server):
    page_of(server)
    server.root("podman rm --force --time 0 web")
    image = machines.ec2.create_image(InstanceId=server.id, Name="with-containers", NoReboot=True)["ImageId"]
    machines.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    other = machines.run(ImageId=image, UserData="#!/bin/sh\npodman run --detach --publish 80:3000 app\n")
    assert page_of(other) == "from a container\n"
