"""WebSockets: tunnels through every kind of listener and target that HTTP/1.1 is spoken with."""
import pytest

from certificates import TlsTarget, certificate, client_context, connect, https
from conftest import IDLE_TIMEOUT, SOON, Target, answer

CERTIFICATE = certificate("e.com")
UPGRADE = (b"GET /chat HTTP/1.1\r\nHost: e.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def echo_upper(connection, request):
    if request.get("upgrade") != "websocket":
        connection.send(answer())
        return None
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst")
    while True:
        size = connection.exactly(1)[0]
        connection.send(connection.exactly(size).upper())


def start(balancer, tls_listener, tls_target):
    target = (TlsTarget if tls_target else Target)(echo_upper)
    words = {"Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"} if tls_target else {}
    balancer.start([target], group=words, listener=https(CERTIFICATE) if tls_listener else None)
    if tls_listener:
        return target, connect(balancer, "e.com", client_context(alpn=["http/1.1"]))
    return target, balancer.connect()


@pytest.mark.parametrize("tls_target", [False, True], ids=["plain target", "TLS target"])
@pytest.mark.parametrize("tls_listener", [False, True], ids=["plain listener", "TLS listener"])
def test_bytes_go_both_ways_after_101(balancer, tls_listener, tls_target):
    target, client = start(balancer, tls_listener, tls_target)
    client.send(UPGRADE)
    response = client.message(head_only=True)
    assert response.status == 101 and response.get("upgrade") == "websocket"
    assert client.exactly(5) == b"first"
    for size in (1, 10, 200):
        client.send(bytes([size]) + b"x" * size)
        assert client.exactly(size) == b"X" * size
    assert target.request().get("x-forwarded-proto") == ("https" if tls_listener else "http")


@pytest.mark.parametrize("tls_listener", [False, True], ids=["plain listener", "TLS listener"])
def test_the_targets_end_is_the_clients(balancer, tls_listener):
    target, client = start(balancer, tls_listener, False)
    client.send(UPGRADE)
    assert client.message(head_only=True).status == 101
    assert client.exactly(5) == b"first"
    target.stop()
    assert client.rest() == b""


def test_a_tunnel_without_bytes_ends_with_the_idle_timeout(balancer):
    target = Target(echo_upper)
    balancer.start([target], listener=https(CERTIFICATE), attributes={IDLE_TIMEOUT: SOON})
    client = connect(balancer, "e.com", client_context(alpn=["http/1.1"]))
    client.send(UPGRADE)
    assert client.message(head_only=True).status == 101
    assert client.exactly(5) == b"first"
    assert client.rest() == b""
