"""Health checks: what they ask, over which protocol, and what they make of the answer."""
import re
import socket
import threading

import pytest

from certificates import TlsTarget, certificate, server_context
from conftest import Connection, Target, WAIT, answer, free_port


class Checked:
    """Answers health checks by a script, `reply(connection, request)`, one after the other; keeps the requests."""

    def __init__(self, reply, context=None):
        self.reply, self.context = reply, context
        self.requests, self.news = [], threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
                with self.context.wrap_socket(sock, server_side=True) if self.context else sock as sock:
                    self.serve(sock)
            except (OSError, EOFError, ValueError):
                pass

    def serve(self, sock):
        connection = Connection(sock)
        request = connection.message()
        self.keep(request)
        self.reply(connection, request)

    def keep(self, request):
        with self.news:
            self.requests.append(request)
            self.news.notify_all()

    def request(self):
        with self.news:
            assert self.news.wait_for(lambda: self.requests, WAIT)
            return self.requests[0]


class Plain:
    """Instead of a TLS context: answers a hello with HTTP."""

    @staticmethod
    def wrap_socket(sock, server_side):
        assert server_side and sock.recv(1)
        sock.sendall(answer(b"", 400))
        sock.shutdown(socket.SHUT_RDWR)
        raise OSError


def status(code):
    return lambda connection, request: connection.send(answer(b"", code))


def start(balancer, checked, **group):
    balancer.start([checked], wait_healthy=False, group={"UnhealthyThresholdCount": 2, **group})


def wait_state(balancer, checked, text):
    balancer.wait_line(f":{checked.port} of app is {text}")


def test_the_request_of_a_health_check(balancer):
    checked = Checked(status(200))
    start(balancer, checked, HealthCheckPath="/a?b=c")
    request = checked.request()
    assert request.first == "GET /a?b=c HTTP/1.1"
    assert request.lines == [f"Host: 127.0.0.1:{checked.port}", "Connection: close",
                             "User-Agent: ELB-HealthChecker/2.0", "Accept-Encoding: gzip, compressed"]
    wait_state(balancer, checked, "healthy")


def test_healthcheckport(balancer):
    """The port of checks may be another than that of requests."""
    checked, target = Checked(status(200)), Target()
    balancer.start([target], group={"HealthCheckPort": str(checked.port)})
    assert checked.request().get("host") == f"127.0.0.1:{checked.port}"
    assert balancer.get().status == 200


@pytest.mark.parametrize("matcher, code, state", [
    ("200", 200, "healthy"), ("200", 204, "unhealthy: Target.ResponseCodeMismatch"),
    ("200,202", 202, "healthy"), ("200-299", 250, "healthy"), ("200-299,404", 404, "healthy"),
    ("200-499", 301, "healthy"), ("200-499", 500, "unhealthy: Target.ResponseCodeMismatch"),
])
def test_matcher_httpcode(balancer, matcher, code, state):
    checked = Checked(status(code))
    start(balancer, checked, Matcher={"HttpCode": matcher})
    wait_state(balancer, checked, state)


def test_healthcheckprotocol_https(balancer):
    checked = Checked(status(200), server_context(certificate("nobody.knows")))
    start(balancer, checked, HealthCheckProtocol="HTTPS", HealthCheckPath="/secret")
    assert checked.request().first == "GET /secret HTTP/1.1"
    wait_state(balancer, checked, "healthy")


def test_https_targets_with_https_checks_serve_requests(balancer):
    target = TlsTarget()
    balancer.start([target], group={"Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"})
    assert balancer.get().status == 200


def test_an_https_check_of_a_target_without_tls_fails(balancer):
    checked = Checked(None)
    checked.context = Plain()
    start(balancer, checked, HealthCheckProtocol="HTTPS")
    wait_state(balancer, checked, "unhealthy: Target.FailedHealthChecks")


def test_target_timeout(balancer):
    silent = Checked(lambda connection, request: connection.rest())
    start(balancer, silent, HealthCheckTimeoutSeconds=1)
    wait_state(balancer, silent, "unhealthy: Target.Timeout")


def test_target_timeout_in_the_handshake(balancer):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    balancer.start([{"Id": "127.0.0.1", "Port": port}], wait_healthy=False,
                   group={"HealthCheckProtocol": "HTTPS", "HealthCheckTimeoutSeconds": 1})
    balancer.wait_line(f":{port} of app is unhealthy: Target.Timeout")


def test_target_failedhealthchecks_connection_refused(balancer):
    port = free_port()
    balancer.start([{"Id": "127.0.0.1", "Port": port}], wait_healthy=False)
    balancer.wait_line(f":{port} of app is unhealthy: Target.FailedHealthChecks")


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 2", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"])
def test_target_failedhealthchecks_malformed_answer(balancer, reply):
    checked = Checked(lambda connection, request: connection.send(reply))
    start(balancer, checked)
    wait_state(balancer, checked, "unhealthy: Target.FailedHealthChecks")


def test_interim_responses_are_passed_over(balancer):
    checked = Checked(lambda connection, request: connection.send(b"HTTP/1.1 103 Hints\r\n\r\n" + answer()))
    start(balancer, checked)
    wait_state(balancer, checked, "healthy")


@pytest.mark.parametrize("group, message", [
    ({"HealthCheckProtocol": "TCP"}, "the HealthCheckProtocol 'TCP' is not supported"),
    ({"Matcher": {"HttpCode": "199"}}, "the HttpCode '199' is not valid"),
    ({"Matcher": {"HttpCode": "200-"}}, "the HttpCode '200-' is not valid"),
    ({"Matcher": {"HttpCode": ""}}, "the HttpCode '' is not valid"),
    ({"Matcher": {"GrpcCode": "12"}}, "'GrpcCode', which is not supported"),
    ({"HealthCheckPath": "x"}, "the HealthCheckPath 'x' is not valid"),
    ({"HealthCheckEnabled": False}, "HealthCheckEnabled cannot be false"),
])
def test_settings_that_are_not_right_are_refused(balancer, group, message):
    assert message in balancer.refusal(group=group)


def test_interval_and_thresholds(balancer):
    """HealthCheckIntervalSeconds, HealthyThresholdCount, UnhealthyThresholdCount: each check is one more interval."""
    statuses = [200, 500, 500, 500, 200, 200, 200, 200]
    over = threading.Semaphore(0)

    def reply(connection, request):
        connection.send(answer(b"", statuses[len(checked.requests) - 1]))
        connection.rest()  # the verdict comes with the end of the connection, and its line before anything else
        over.release()
    checked = Checked(reply)
    start(balancer, checked, HealthCheckIntervalSeconds=300, HealthyThresholdCount=4, UnhealthyThresholdCount=3)
    assert over.acquire(timeout=WAIT)
    for _ in statuses[1:]:
        balancer.advance(300)
        assert over.acquire(timeout=WAIT)
    loads = [i for i, line in enumerate(balancer.log) if "config.json loaded" in line]
    balancer.wait_line("app is healthy", loads[-1])
    states = []
    for part in "".join(balancer.log).split("config.json loaded"):  # only changes are said
        states.append(([*states[-1:], *re.findall(r"app is (\w+)", part)])[-1])
    assert states == ["healthy"] * 3 + ["unhealthy"] * 4 + ["healthy"]
    assert len(checked.requests) == len(statuses)


def test_the_states_of_a_new_target(balancer, target):
    balancer.start([target])
    states = re.findall(rf":{target.port} of app is ([a-z]+(?:: [A-Za-z.]+)?)", "".join(balancer.log))
    assert states == ["initial: Elb.RegistrationInProgress", "initial: Elb.InitialHealthChecking", "healthy"]


def test_target_notinuse_and_target_invalidstate(balancer, target):
    idle = Target()
    config = balancer.config([target, {"Id": "127.0.0.1", "Port": 1, "InvalidState": True}])
    config["TargetGroups"].append({**config["TargetGroups"][0], "TargetGroupName": "idle",
                                   "Targets": [{"Id": "127.0.0.1", "Port": idle.port}]})
    balancer.config = lambda targets: config
    balancer.start([target])
    balancer.wait_line(":1 of app is unused: Target.InvalidState")
    balancer.wait_line(f":{idle.port} of idle is unused: Target.NotInUse")
    idle.stop()
