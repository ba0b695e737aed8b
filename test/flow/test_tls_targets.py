"""Target groups with Protocol HTTPS: targets that speak TLS, with any certificate."""
import os
import socket
import ssl
import threading

import pytest

from certificates import TlsTarget, certificate, connect, get, https
from conftest import answer

HTTPS = {"Protocol": "HTTPS"}
POLICY13 = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def start(balancer, *targets, **options):
    """Health checks of these targets are plain: they fail, so all targets are used."""
    balancer.start(targets, wait_healthy=False, **{"group": HTTPS, **options})
    return balancer


def test_a_request_goes_to_an_https_target_with_any_certificate(balancer):
    target = TlsTarget()
    start(balancer, target)
    for _ in range(3):
        assert balancer.get().body == b"ok"
    assert target.request().get("x-forwarded-proto") == "http"


def test_large_bodies_go_both_ways(balancer):
    body = os.urandom(2_000_000)
    target = TlsTarget(lambda connection, request: connection.send(answer(request.body)))
    start(balancer, target)
    client = balancer.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert client.message().body == body


def test_tls_on_both_sides(balancer):
    start(balancer, TlsTarget(), listener=https(certificate("a.example.com")))
    client = connect(balancer)
    assert [get(client).status for _ in range(3)] == [200] * 3


def test_connections_are_kept(balancer):
    target = TlsTarget()
    start(balancer, target, group={**HTTPS, "HealthCheckIntervalSeconds": 300})
    client = balancer.connect()
    for _ in range(5):
        assert get(client).status == 200
    assert target.connections.qsize() == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_with_targets_are_resumed(balancer, version):
    def close(connection, request):
        connection.send(answer(headers=b"Connection: close\r\n"))
        return False
    target = TlsTarget(close, minimum=version)
    start(balancer, target, listener=https(certificate("a.example.com"), policy=POLICY13),
          group={**HTTPS, "HealthCheckIntervalSeconds": 300})
    client = connect(balancer)
    for _ in range(3):
        assert get(client).status == 200
    assert [reused for _, reused in target.handshakes if reused] != []


@pytest.mark.parametrize("policy, version", [
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1.3"),
    ("ELBSecurityPolicy-FS-1-2-Res-2020-10", "TLSv1.2"),
    (None, "TLSv1.2"),
])
def test_targets_get_tls_1_3_if_the_listener_has_it(balancer, policy, version):
    target = TlsTarget()
    start(balancer, target, listener=https(certificate("a.example.com"), policy=policy))
    assert get(connect(balancer)).status == 200
    assert {v for v, _ in target.handshakes} == {version}


def test_502_tls_handshake_error(balancer, target):
    """The target answers a hello with HTTP."""
    start(balancer, target)
    assert balancer.get().status == 502


def test_502_tls_handshake_takes_more_than_10_seconds(balancer):
    """The target accepts and never says a word; a listener that accepts nothing does the same."""
    listener = socket.create_server(("127.0.0.1", 0))
    start(balancer, {"Id": "127.0.0.1", "Port": listener.getsockname()[1]})
    assert balancer.get().status == 502


def test_a_target_that_closes_in_the_handshake_is_502(balancer):
    listener = socket.create_server(("127.0.0.1", 0))

    def close_all():
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return
    threading.Thread(target=close_all, daemon=True).start()
    start(balancer, {"Id": "127.0.0.1", "Port": listener.getsockname()[1]})
    assert balancer.get().status == 502
    listener.close()


def test_a_group_that_changes_its_protocol_uses_new_connections(balancer, target):
    encrypted = TlsTarget()
    balancer.start([target])
    assert balancer.get().status == 200
    balancer.reload([target], group={"TargetGroupName": "app"})
    balancer.reload([encrypted], group=HTTPS)
    assert balancer.get().status == 200
    assert encrypted.request()
