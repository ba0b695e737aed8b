"""Health checks of target groups with ProtocolVersion GRPC and HTTP2."""
import h2.config
import h2.connection
import h2.events
import pytest

import test_health_checks
from certificates import certificate, server_context
from conftest import WAIT
from http2 import listener
from test_health_checks import wait_state


class Checked(test_health_checks.Checked):
    """An HTTP/2 server that answers by a script: `reply(h2, stream)`; keeps requests and bodies."""

    def serve(self, sock):
        sock.settimeout(WAIT)
        session = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="ascii"))
        session.initiate_connection()
        sock.sendall(session.data_to_send())
        headers, body = None, b""
        while True:
            data = sock.recv(65536)
            if not data:
                return
            for event in session.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    self.keep((headers, body))
                    self.reply(session, event.stream_id)
            sock.sendall(session.data_to_send())


def trailers_only(code):
    """How a gRPC server says that it has no such method."""
    return lambda session, stream: session.send_headers(
        stream, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", str(code))], end_stream=True)


def with_message(code):
    def reply(session, stream):
        session.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        session.send_data(stream, b"\0\0\0\0\2\x08\1")
        session.send_headers(stream, [("grpc-status", str(code))], end_stream=True)
    return reply


def http(status):
    return lambda session, stream: session.send_headers(stream, [(":status", str(status))], end_stream=True)


def start(balancer, checked, **group):
    balancer.start([checked], wait_healthy=False, listener=listener(), group={"UnhealthyThresholdCount": 2, **group})


GRPC = {"ProtocolVersion": "GRPC"}
HTTP2 = {"ProtocolVersion": "HTTP2"}


def test_the_request_of_a_grpc_check(balancer):
    """With the default path."""
    checked = Checked(trailers_only(12))
    config = balancer.config([checked], group=GRPC, listener=listener())
    del config["TargetGroups"][0]["HealthCheckPath"]
    balancer.config = lambda targets: config
    balancer.start([checked], wait_healthy=False)
    headers, body = checked.request()
    assert headers == {":method": "POST", ":scheme": "http", ":authority": f"127.0.0.1:{checked.port}",
                       ":path": "/AWS.ALB/healthcheck", "user-agent": "ELB-HealthChecker/2.0",
                       "content-type": "application/grpc", "te": "trailers"}
    assert body == b"\0\0\0\0\0"
    wait_state(balancer, checked, "healthy")


@pytest.mark.parametrize("matcher, code, state", [
    (None, 12, "healthy"), (None, 0, "unhealthy: Target.ResponseCodeMismatch"), ("0", 0, "healthy"), ("0,12", 12, "healthy"),
    ("0-5", 5, "healthy"), ("0-5", 12, "unhealthy: Target.ResponseCodeMismatch"), ("99", 99, "healthy"),
])
@pytest.mark.parametrize("reply", [trailers_only, with_message])
def test_matcher_grpccode(balancer, reply, matcher, code, state):
    checked = Checked(reply(code))
    start(balancer, checked, **GRPC, **({"Matcher": {"GrpcCode": matcher}} if matcher else {}))
    wait_state(balancer, checked, state)


def test_a_grpc_check_with_tls_and_a_path(balancer):
    checked = Checked(with_message(0), server_context(certificate("nobody.knows"), alpn=["h2"]))
    start(balancer, checked, **GRPC, Protocol="HTTPS", HealthCheckProtocol="HTTPS", Matcher={"GrpcCode": "0"},
          HealthCheckPath="/grpc.health.v1.Health/Check")
    headers, _ = checked.request()
    assert headers[":path"] == "/grpc.health.v1.Health/Check" and headers[":scheme"] == "https"
    wait_state(balancer, checked, "healthy")


def test_an_answer_without_a_grpc_status_fails(balancer):
    checked = Checked(http(404))
    start(balancer, checked, **GRPC)
    wait_state(balancer, checked, "unhealthy: Target.FailedHealthChecks")


def test_a_target_that_speaks_http1_fails(balancer, target):
    start(balancer, target, **HTTP2)
    wait_state(balancer, target, "unhealthy: Target.FailedHealthChecks")


@pytest.mark.parametrize("code, state", [(200, "healthy"), (404, "unhealthy: Target.ResponseCodeMismatch")])
def test_http2_targets_are_checked_over_http2(balancer, code, state):
    checked = Checked(http(code))
    start(balancer, checked, **HTTP2, HealthCheckPath="/x")
    headers, _ = checked.request()
    assert headers[":method"] == "GET" and headers[":path"] == "/x"
    wait_state(balancer, checked, state)


def test_an_answer_without_end_fails(balancer):
    def forever(session, stream):
        session.send_headers(stream, [(":status", "100")])
    checked = Checked(forever)
    start(balancer, checked, **HTTP2, HealthCheckTimeoutSeconds=1)
    wait_state(balancer, checked, "unhealthy: Target.Timeout")
