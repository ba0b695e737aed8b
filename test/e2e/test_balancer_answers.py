"""What clients get when a target cannot answer, and where a load balancer can be reached."""
import pytest
from backend import Backend, ask, fixed, forward
from conftest import eventually

OPTIONS = ["--clock-speed", "10"]


@pytest.fixture(scope="module")
def backend(cloud):
    made = Backend(cloud, count=1)
    made.targets = made.target_group("web", made.instances)
    made.front = made.balancer("front", made.targets)
    made.wait_healthy(made.targets, 1)
    return made


def get(backend, path, **options):
    return ask(path, name=backend.front["DNSName"], **options)


def is_page(answer, status, title):
    """The load balancer's own page."""
    return (answer.status == status and answer.headers["Server"] == "awselb/2.0" and
            f"<center><h1>{title}</h1></center>" in answer.body)


def test_502_if_the_target_closes_or_talks_nonsense(backend):
    for path in ("/reset", "/garbage"):
        answer = get(backend, path)
        assert is_page(answer, 502, "502 Bad Gateway"), answer


def test_504_if_the_target_is_silent_for_the_idle_timeout(backend):
    def idle_timeout(seconds):
        backend.elb.modify_load_balancer_attributes(LoadBalancerArn=backend.front["LoadBalancerArn"], Attributes=[
            {"Key": "idle_timeout.timeout_seconds", "Value": str(seconds)}])
    idle_timeout(1)
    answer = eventually(lambda: (a := get(backend, "/slow/4000")).status != 200 and a, what="the idle timeout")
    assert is_page(answer, 504, "504 Gateway Time-out"), answer
    idle_timeout(60)


def test_503_if_no_target_is_registered(backend):
    empty = backend.target_group("empty")
    rule = backend.elb.create_rule(ListenerArn=backend.front["Listener"], Priority=1, Actions=[forward(empty)],
                                   Conditions=[{"Field": "path-pattern", "Values": ["/empty"]}])["Rules"][0]["RuleArn"]
    eventually(lambda: is_page(get(backend, "/empty"), 503, "503 Service Temporarily Unavailable"), what="the rule")
    backend.elb.delete_rule(RuleArn=rule)


def test_a_targets_own_errors_pass_unchanged(backend):
    for status in (404, 500, 503):
        answer = get(backend, f"/status/{status}")
        assert (answer.status, answer.body) == (status, f"{status}\n") and "Server" not in answer.headers


def test_it_answers_at_its_own_addresses_too(backend):
    """One for each zone, of the cloud's internet; the port decides there, whatever the Host is."""
    nodes = backend.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/front/*"]}])
    addresses = [node["Association"]["PublicIp"] for node in nodes["NetworkInterfaces"]]
    assert len(addresses) == 2 and all(address.startswith("100.") for address in addresses)
    for address in addresses:
        assert ask("/", host=address).body.strip() == backend.host_name(backend.instances[0])


def test_no_rule_of_the_security_groups_no_answer(backend):
    closed = backend.security_group("closed", "203.0.113.0/24")
    arn = backend.front["LoadBalancerArn"]
    backend.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[closed])
    def silent():
        try:
            ask("/", name=backend.front["DNSName"], timeout=1)
        except TimeoutError:
            return True
    eventually(silent, what="the load balancer to be closed")
    backend.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[backend.group])
    eventually(lambda: not silent(), what="the load balancer to be open again")


# Asks the load balancer whose name is put in, and tells the console. Not curl: it knows *.localhost without asking.
CLIENT = r"""#!/usr/bin/python3
import socket, time, urllib.request
for turn in range(20):
    with open("/dev/console", "w") as console:
        try:
            text = urllib.request.urlopen("http://NAME/", timeout=2).read().decode()
            print("heard", text, "from", socket.gethostbyname("NAME"), file=console)
            break
        except OSError as failure:
            print(failure, file=console)
    time.sleep(0.5)
"""


@pytest.mark.parametrize("scheme, prefix", [("internal", "172.31."), ("internet-facing", "100.")])
def test_instances_find_it_by_its_name(backend, scheme, prefix):
    front = backend.balancer(f"for-{scheme}", fixed(200, f"the {scheme} one"), scheme=scheme)
    assert front["DNSName"].startswith("internal-") == (scheme == "internal")
    client = backend.launch(server=CLIENT.replace("NAME", front["DNSName"]))
    def console():
        return backend.ec2.get_console_output(InstanceId=client).get("Output", "")
    eventually(lambda: f"heard the {scheme} one from {prefix}" in console(), what="the client to be answered")
    backend.ec2.terminate_instances(InstanceIds=[client])
    backend.elb.delete_load_balancer(LoadBalancerArn=front["LoadBalancerArn"])


def test_an_internal_one_has_no_public_address(backend):
    front = backend.balancer("inside", fixed(200, "inside"), scheme="internal")
    nodes = backend.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/inside/*"]}])
    assert len(nodes["NetworkInterfaces"]) == 2
    assert not any("Association" in node for node in nodes["NetworkInterfaces"])
    backend.elb.delete_load_balancer(LoadBalancerArn=front["LoadBalancerArn"])
