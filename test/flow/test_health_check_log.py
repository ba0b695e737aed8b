"""The health check log: a line for each check, in the fields of AWS, that says how it went."""
import datetime
import re
import signal
import socket

import pytest

import test_health_checks as http1
import test_health_checks_grpc as http2
from certificates import certificate, server_context
from conftest import WAIT, Target


class HealthLog:
    def __init__(self, balancer, path):
        self.balancer, self.path = balancer, str(path)
        balancer.members["HealthCheckLog"] = self.path

    def lines(self):
        """All lines that there are, once the balancer has ended."""
        self.balancer.process.send_signal(signal.SIGTERM)
        self.balancer.process.wait(WAIT)
        with open(self.path, encoding="ascii") as file:
            return file.read().splitlines()

    def first(self):
        return self.lines()[0]


@pytest.fixture
def log(balancer, tmp_path):
    return HealthLog(balancer, tmp_path / "health.log")


def test_a_check_that_passes_has_every_field(balancer, target, log):
    balancer.start([target])
    line = log.first()
    match = re.fullmatch(rf"http (\S+)Z \d+\.\d{{9}} 127\.0\.0\.1:{target.port} app PASS 200 -", line)
    assert match, line
    began = datetime.datetime.fromisoformat(match[1] + "+00:00")
    assert abs(datetime.datetime.now(datetime.timezone.utc) - began) < datetime.timedelta(minutes=5)


@pytest.mark.parametrize("code, reason", [(404, "ResponseCodeMismatch"), (503, "TargetError")])
def test_an_unexpected_status(balancer, log, code, reason):
    checked = http1.Checked(http1.status(code))
    http1.start(balancer, checked)
    http1.wait_state(balancer, checked, "unhealthy")
    assert log.first().endswith(f" app FAIL {code} {reason}")


def test_connectionreset_when_the_target_refuses_the_connection(balancer, target, log):
    target.stop()
    balancer.start([target], wait_healthy=False)
    balancer.wait_line("unhealthy")
    assert log.first().endswith(" app FAIL - ConnectionReset")


def test_connectionreset_when_the_target_closes_instead_of_answering(balancer, log):
    checked = http1.Checked(lambda connection, request: None)
    http1.start(balancer, checked)
    http1.wait_state(balancer, checked, "unhealthy")
    assert log.first().endswith(" app FAIL - ConnectionReset")


def test_timedout(balancer, log):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = {"Id": "127.0.0.1", "Port": listener.getsockname()[1]}
        balancer.start([silent], wait_healthy=False, group={"HealthCheckTimeoutSeconds": 1})
        balancer.wait_line("unhealthy: Target.Timeout")
        assert log.first().endswith(" app FAIL - TimedOut")


def test_https(balancer, log):
    checked = http1.Checked(http1.status(200), server_context(certificate("nobody.knows")))
    http1.start(balancer, checked, HealthCheckProtocol="HTTPS")
    http1.wait_state(balancer, checked, "healthy")
    assert re.match(r"https .* PASS 200 -$", log.first())


def test_h2(balancer, log):
    checked = http2.Checked(http2.http(200))
    http2.start(balancer, checked, **http2.HTTP2)
    http1.wait_state(balancer, checked, "healthy")
    assert re.match(r"h2 .* PASS 200 -$", log.first())


@pytest.mark.parametrize("code, verdict", [("12", "PASS 12 -"), ("3", "FAIL 3 GRPCUnexpectedStatus"),
                                           ("", "FAIL - GRPCStatusHeaderEmpty")])
def test_grpc(balancer, log, code, verdict):
    checked = http2.Checked(http2.trailers_only(code))
    http2.start(balancer, checked, **http2.GRPC)
    http1.wait_state(balancer, checked, "healthy" if code == "12" else "unhealthy")
    line = log.first()
    assert line.startswith("grpc ") and line.endswith(f" app {verdict}")


def test_each_check_of_each_target_is_a_line(balancer, target, log):
    other = Target()
    balancer.start([target, other])
    balancer.set_healthy(target, False)
    lines = log.lines()
    assert sum(f":{target.port} app PASS" in line for line in lines) >= 1
    assert sum(f":{target.port} app FAIL 404" in line for line in lines) >= 2
    assert sum(f":{other.port} app PASS" in line for line in lines) >= 1
    other.stop()
