"""`pileus upgrade`: a new balancer takes over from the one that runs, and no request is lost."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from backend import Backend, ask, fixed, forward
from conftest import PILEUS, ROOT, eventually
from traces import is_zombie

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "10"]
UPGRADES = 10


@pytest.fixture(scope="module")
def site(cloud):
    made = Backend(cloud)
    targets = made.target_group("web", made.instances)
    made.targets = targets
    made.front = made.balancer("front", targets)
    made.wait_healthy(targets, 2)
    return made


def program_of(pid):
    return os.readlink(f"/proc/{pid}/exe")


def is_running(pid):
    entry = Path(f"/proc/{pid}")
    return entry.exists() and not is_zombie(entry)


def test_ten_upgrades_under_load_lose_no_request(cloud, site):
    former = [cloud.record()["balancer"]]
    with Load("127.0.0.1", 80, rate=200, name=site.front["DNSName"]) as load:
        eventually(lambda: len(load.outcomes) > 200, what="load")
        for _ in range(UPGRADES):
            cloud.pileus("upgrade")
            assert cloud.record()["balancer"] not in former
            former.append(cloud.record()["balancer"])
        before = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > before + 400, what="load after the upgrades")
    assert not load.failures, (len(load.failures), load.failures[:3])
    eventually(lambda: not any(is_running(pid) for pid in former[:-1]), what="the former balancers to end")
    assert is_running(former[-1])


def test_a_request_in_flight_is_answered_by_the_balancer_that_took_it(cloud, site):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask("/hold", name=site.front["DNSName"])))
    asking.start()
    site.wait_held(1)
    before = cloud.record()["balancer"]
    cloud.pileus("upgrade")
    assert is_running(before) and not answers
    site.ask_instances("/release")
    asking.join()
    assert answers[0].status == 200
    eventually(lambda: not is_running(before), what="the former balancer to end")


def test_an_idle_connection_has_one_more_answer(cloud, site):
    with socket.create_connection(("127.0.0.1", 80)) as idle:
        request = f"GET / HTTP/1.1\r\nHost: {site.front['DNSName']}\r\n\r\n".encode()
        idle.sendall(request)
        assert b"keep-alive" in idle.recv(4096)
        cloud.pileus("upgrade")
        idle.sendall(request)
        answer = b""
        while part := idle.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200") and b"Connection: close" in answer


def test_it_takes_over_also_after_host_was_killed(cloud, site):
    former = cloud.record()["host"]
    with Load("127.0.0.1", 80, rate=100, name=site.front["DNSName"]) as load:
        os.kill(former, signal.SIGKILL)
        eventually(lambda: cloud.record().get("host") not in (None, 0, former), what="a new host")
        before = cloud.record()["balancer"]
        cloud.pileus("upgrade")
        assert cloud.record()["balancer"] != before
        count = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > count + 200, what="load after the upgrade")
    assert not load.failures, (len(load.failures), load.failures[:3])


@pytest.fixture
def slow_check(site):
    """A target that does not answer its first check: a new balancer waits for it, which is when things are killed here."""
    targets = site.target_group("slow-check", HealthCheckPath="/hold", HealthCheckIntervalSeconds=45, HealthCheckTimeoutSeconds=40)
    rule = site.elb.create_rule(
        ListenerArn=site.front["Listener"], Priority=9, Actions=[forward(targets)],
        Conditions=[{"Field": "path-pattern", "Values": ["/never"]}])["Rules"][0]["RuleArn"]
    site.register(targets, site.instances[0])
    yield
    site.elb.delete_rule(RuleArn=rule)
    site.elb.delete_target_group(TargetGroupArn=targets)


def test_what_is_killed_during_an_upgrade_is_connected_with_both_balancers(cloud, site, slow_check):
    before = cloud.record()

    def are_new():
        now = cloud.record()
        return all(now.get(process) not in (None, before[process]) for process in ("host", "api")) and now
    with Load("127.0.0.1", 80, rate=100, name=site.front["DNSName"]) as load:
        eventually(lambda: len(load.outcomes) > 100, what="load")
        upgrade = subprocess.Popen([PILEUS, "upgrade"], env=cloud.env)
        eventually(lambda: cloud.record().get("new-balancer"), what="the new balancer")
        os.kill(before["host"], signal.SIGKILL)
        os.kill(before["api"], signal.SIGKILL)
        assert "new-balancer" in eventually(are_new, what="new processes"), "they were killed too late to show anything"
        assert upgrade.wait() == 0 and cloud.record()["balancer"] != before["balancer"]
        count = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > count + 300, what="load after the upgrade")
    assert not load.failures, (len(load.failures), load.failures[:3])
    answer_itself(site, 418)
    eventually(lambda: answers(site, 418), what="the change, which reaches the new balancer")
    answer_by_targets(site)


def test_a_parent_that_is_killed_during_an_upgrade_leaves_no_balancer_behind(cloud, site, slow_check):
    upgrade = subprocess.Popen([PILEUS, "upgrade"], env=cloud.env, stderr=subprocess.DEVNULL)
    both = eventually(lambda: (record := cloud.record()).get("new-balancer") and record, what="the new balancer")
    os.kill(both["parent"], signal.SIGKILL)
    cloud.process.wait()
    assert upgrade.wait() == 1
    cloud.start()
    assert not any(is_running(both[name]) for name in ("balancer", "new-balancer"))
    eventually(lambda: answers(site, 200), what="an answer")


def test_a_websocket_goes_on_in_the_balancer_that_took_it(cloud, site):
    before = cloud.record()["balancer"]
    with socket.create_connection(("127.0.0.1", 80), timeout=30) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {site.front['DNSName']}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
        cloud.pileus("upgrade")
        client.sendall(b"after")
        assert client.recv(4096) == b"after"
        assert is_running(before)
    eventually(lambda: not is_running(before), what="the former balancer to end")


def test_a_sticky_session_goes_on(cloud, site):
    def attribute(value):
        site.elb.modify_target_group_attributes(TargetGroupArn=site.targets, Attributes=[{"Key": "stickiness.enabled", "Value": value}])

    def cookie_of(answer):
        return next((value.split(";")[0] for name, value in answer.headers.items() if name.lower() == "set-cookie"), None)
    attribute("true")
    first = eventually(lambda: (answer := ask(name=site.front["DNSName"])) and cookie_of(answer) and answer, what="stickiness")
    cloud.pileus("upgrade")
    again = [ask(name=site.front["DNSName"], headers={"Cookie": cookie_of(first)}) for _ in range(6)]
    attribute("false")
    assert {answer.body for answer in again} == {first.body}


def tls_session(site, context, session=None):
    """(the session after one request, whether it is the one that was given)."""
    with context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 30), server_hostname="www.example.com",
                             session=session) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        return client.session, client.session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def test_a_tls_session_goes_on(cloud, site, version):
    certificate = cloud.boto("acm").request_certificate(DomainName="www.example.com")["CertificateArn"]
    listener = site.elb.create_listener(
        LoadBalancerArn=site.front["LoadBalancerArn"], Protocol="HTTPS", Port=443, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": certificate}], DefaultActions=[forward(site.targets)])["Listeners"][0]["ListenerArn"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version

    def first_session():
        try:
            return tls_session(site, context)[0]
        except OSError:
            return None  # nobody listens yet
    session = eventually(first_session, what="the HTTPS listener")
    cloud.pileus("upgrade")
    assert tls_session(site, context, session)[1]
    os.kill(cloud.record()["balancer"], signal.SIGKILL)
    eventually(first_session, what="the balancer that is begun again")
    assert tls_session(site, context, session)[1]
    site.elb.delete_listener(ListenerArn=listener)


def answers(site, status):
    try:
        return ask(name=site.front["DNSName"]).status == status
    except OSError:
        return False  # nobody listens yet


def answer_by_targets(site):
    site.elb.modify_listener(ListenerArn=site.front["Listener"], DefaultActions=[forward(site.targets)])


def answer_itself(site, status):
    """User data runs once: after a restart of the daemon the instances have no server any more."""
    site.elb.modify_listener(ListenerArn=site.front["Listener"], DefaultActions=[fixed(status)])


@pytest.fixture(scope="module")
def installed(cloud, site, tmp_path_factory):
    """The daemon runs a program of its own, which can be replaced as an installation does it."""
    program = tmp_path_factory.mktemp("installed") / "pileus"
    shutil.copy(PILEUS, program)
    answer_itself(site, 200)
    cloud.stop()
    cloud.start(program)
    eventually(lambda: answers(site, 200), what="an answer")
    return program


def replace(program, make):
    newer = program.with_name("newer")
    make(newer)
    os.rename(newer, program)
    return program.stat().st_ino


def test_the_program_on_disk_takes_over_and_comes_back_when_it_is_killed(cloud, site, installed):
    inode = replace(installed, lambda path: shutil.copy(PILEUS, path))
    assert program_of(cloud.record()["balancer"]).endswith("(deleted)")
    cloud.pileus("upgrade")
    upgraded = cloud.record()["balancer"]
    assert os.stat(f"/proc/{upgraded}/exe").st_ino == inode
    assert ask(name=site.front["DNSName"]).status == 200
    os.kill(upgraded, signal.SIGKILL)
    eventually(lambda: cloud.record().get("balancer") not in (None, upgraded), what="a new balancer")
    eventually(lambda: os.stat(f"/proc/{cloud.record()['balancer']}/exe").st_ino == inode, what="the program on disk")
    eventually(lambda: answers(site, 200), what="an answer")


def test_an_upgrade_that_fails_changes_nothing(cloud, site, installed):
    def other_program(path):
        path.write_text("#!/bin/sh\nexit 64\n")
        path.chmod(0o755)
    replace(installed, other_program)
    before = cloud.record()["balancer"]
    with Load("127.0.0.1", 80, rate=100, name=site.front["DNSName"]) as load:
        eventually(lambda: len(load.outcomes) > 100, what="load")
        failed = cloud.pileus("upgrade", check=False)
        count = len(load.outcomes)
        eventually(lambda: len(load.outcomes) > count + 100, what="load")
    assert failed.returncode == 1 and "pileus stop --keep" in failed.stderr, failed
    assert cloud.record()["balancer"] == before
    assert not load.failures, load.failures[:3]
    # The balancer that goes on is connected with its peers again: it follows the configuration.
    answer_itself(site, 418)
    eventually(lambda: answers(site, 418), what="the change")
