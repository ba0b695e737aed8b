"""What a target gets and what the client gets back."""
import random
import re
import socket
import threading

import pytest

from conftest import Connection, Target, WAIT, answer


def exchange(balancer, request):
    client = balancer.connect()
    client.send(request)
    response = client.message()
    client.close()
    return response


def test_a_request_reaches_the_target_with_the_forwarding_headers(balancer, target):
    balancer.start([target])
    response = balancer.get("/a?b=c", "X-Own: 1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 2\r\n")
    request = target.request()
    assert response.status == 200 and response.body == b"ok"
    assert response.get("connection") == "keep-alive" and response.get("date")
    assert request.first == "GET /a?b=c HTTP/1.1"
    assert request.get("x-own") == "1" and request.get("x-hop") is None
    assert request.get("connection") is None
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("x-forwarded-proto") == "http"
    assert request.get("x-forwarded-port") == str(balancer.port)
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", request.get("x-amzn-trace-id"))


@pytest.mark.parametrize("sent, pattern", [
    ("Root=1-67891233-abcdef012345678912345678", r"Self=1-[0-9a-f-]{33};Root=1-67891233-abcdef012345678912345678"),
    ("Self=1-67891233-aaaaaaaaaaaaaaaaaaaaaaaa;Root=1-6-b;CalledFrom=app", r"Self=1-[0-9a-f-]{33};Root=1-6-b;CalledFrom=app"),
    ("nonsense", r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}"),
])
def test_a_trace_id_keeps_its_root(balancer, target, sent, pattern):
    balancer.start([target])
    balancer.get("/", f"X-Amzn-Trace-Id: {sent}\r\n")
    assert re.fullmatch(pattern, target.request().get("x-amzn-trace-id"))


@pytest.mark.parametrize("mode, sent, seen", [
    ("append", None, "127.0.0.1"),
    ("append", "127.0.0.4", "127.0.0.4, 127.0.0.1"),
    ("append", "127.0.0.4, 127.0.0.8", "127.0.0.4, 127.0.0.8, 127.0.0.1"),
    ("preserve", None, None),
    ("preserve", "127.0.0.4", "127.0.0.4"),
    ("preserve", "127.0.0.4, 127.0.0.8", "127.0.0.4, 127.0.0.8"),
    ("remove", None, None),
    ("remove", "127.0.0.4", None),
])
def test_x_forwarded_for_modes(balancer, target, mode, sent, seen):
    balancer.start([target], attributes={"routing.http.xff_header_processing.mode": mode})
    balancer.get("/", f"X-Forwarded-For: {sent}\r\n" if sent else "")
    assert target.request().get("x-forwarded-for") == seen


def test_more_than_thirty_forwarded_addresses_are_refused(balancer, target):
    balancer.start([target])
    assert balancer.get("/", "X-Forwarded-For: " + ",".join(["1.1.1.1"] * 30) + "\r\n").status == 200
    assert balancer.get("/", "X-Forwarded-For: " + ",".join(["1.1.1.1"] * 31) + "\r\n").status == 463


@pytest.mark.parametrize("preserve, line, host, seen", [
    (False, "GET / HTTP/1.1", "e.com", "e.com:{port}"),
    (False, "GET / HTTP/1.1", "e.com:81", "e.com:81"),
    (False, "GET http://dns/ HTTP/1.1", "e.com", "dns:{port}"),
    (True, "GET / HTTP/1.1", "e.com", "e.com"),
    (True, "GET http://dns/ HTTP/1.1", "e.com", "e.com"),
])
def test_host_rules(balancer, target, preserve, line, host, seen):
    balancer.start([target], attributes={"routing.http.preserve_host_header.enabled": preserve})
    exchange(balancer, f"{line}\r\nHost: {host}\r\n\r\n".encode())
    request = target.request()
    assert request.first == "GET / HTTP/1.1"
    assert request.get("host") == seen.format(port=balancer.port)


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("preserve, host, seen", [
    (False, "e.com", "e.com"), (False, "e.com:{port}", "e.com"), (True, "e.com", "e.com"), (True, "e.com:{port}", "e.com:{port}"),
    (False, "e.com:81", "e.com"),
])
def test_host_rules_on_the_ports_of_the_schemes(balancer, target, port, preserve, host, seen):
    address = "127." + ".".join(str(random.randrange(1, 255)) for _ in range(3))  # no other test's
    try:
        socket.create_server((address, port)).close()
    except PermissionError:
        pytest.skip(f"port {port} needs CAP_NET_BIND_SERVICE")
    balancer.start([target], listener={"Address": address, "Port": port},
                   attributes={"routing.http.preserve_host_header.enabled": preserve})
    client = Connection(socket.create_connection((address, port)))
    client.send(f"GET / HTTP/1.1\r\nHost: {host.format(port=port)}\r\n\r\n".encode())
    assert client.message().status == 200
    client.close()
    assert target.request().get("host") == seen.format(port=port)


def test_a_trace_id_in_a_head_of_more_than_7_kb_is_made_anew(balancer, target):
    balancer.start([target])
    root = "Root=1-67891233-abcdef012345678912345678"
    balancer.get("/", f"X-Amzn-Trace-Id: {root};CalledFrom=app\r\nX: {'a' * 7200}\r\n")
    trace = target.request().get("x-amzn-trace-id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace) and trace != root


def test_connection_close_of_a_target_is_followed(balancer):
    """Although the target does not close."""
    target = Target(lambda connection, request: connection.send(answer(headers=b"Connection: close\r\n")))
    balancer.start([target])
    client = balancer.connect()
    for _ in range(2):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message().get("connection") == "keep-alive"
    assert target.connections.qsize() == 2
    client.close()


def test_bodies_are_framed_anew_both_ways(balancer):
    def chunked(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
    target = Target(chunked)
    balancer.start([target])
    response = exchange(balancer, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  b"1\r\nx\r\n4;q=\"1\"\r\nyzyz\r\n0\r\nT: 1\r\n\r\n")
    request = target.request()
    assert request.body == b"xyzyz" and request.chunks == [b"xyzyz"]
    assert response.body == b"abcde" and response.chunks == [b"abcde"]


def test_a_body_until_close_becomes_chunks_for_http11_and_stays_so_for_http10(balancer):
    def until_close(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        return False
    target = Target(until_close)
    balancer.start([target])
    response = balancer.get()
    assert response.body == b"all of it" and response.get("connection") == "keep-alive"
    response = exchange(balancer, b"GET / HTTP/1.0\r\n\r\n")
    assert response.body == b"all of it" and response.get("transfer-encoding") is None


def test_head_and_304_have_no_body_but_their_length(balancer):
    def handler(connection, request):
        status = b"304 Not Modified" if request.first.startswith("GET") else b"200 OK"
        connection.send(b"HTTP/1.1 %s\r\nContent-Length: 5\r\n\r\n" % status)
    target = Target(handler)
    balancer.start([target])
    client = balancer.connect()
    for method in (b"HEAD", b"GET", b"HEAD"):
        client.send(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.message(head_only=True).get("content-length") == "5"
    assert target.connections.qsize() == 1


def test_expect_is_answered_at_once_and_not_forwarded(balancer, target):
    balancer.start([target])
    client = balancer.connect()
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert client.message().status == 200
    request = target.request()
    assert request.body == b"abc" and request.get("expect") is None


def test_interim_responses_of_targets_stop_here(balancer):
    def handler(connection, request):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        connection.send(answer())
    balancer.start([Target(handler)])
    assert balancer.get().status == 200


def test_pipelined_requests_are_answered_in_order(balancer):
    def echo(connection, request):
        connection.send(answer(request.first.encode()))
    balancer.start([Target(echo)])
    client = balancer.connect()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(50)))
    for i in range(50):
        assert client.message().body == b"GET /%d HTTP/1.1" % i


def test_http10_closes_unless_it_asks_not_to(balancer, target):
    balancer.start([target])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert client.message().get("connection") == "keep-alive"
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.message().get("connection") == "close"
    assert client.is_closed()


def test_connections_to_targets_are_shared_by_clients(balancer, target):
    balancer.start([target])
    for _ in range(5):
        balancer.get()
    assert target.connections.qsize() == 1


def test_requests_go_round_the_targets(balancer):
    targets = [Target() for _ in range(3)]
    balancer.start(targets)
    for _ in range(9):
        balancer.get()
    assert [t.requests.qsize() for t in targets] == [3, 3, 3]


def test_large_bodies_stream_both_ways_byte_by_byte_and_at_once(balancer):
    body = bytes(range(256)) * 20000

    def echo(connection, request):
        connection.send(answer(request.body))
    balancer.start([Target(echo)])
    response = exchange(balancer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert response.body == body


def test_a_slow_reader_holds_the_target_back_not_the_memory(balancer):
    total = 64 * 1024 * 1024
    sent, held = [], threading.Event()

    def flood(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        block = b"x" * 65536
        connection.sock.settimeout(1)
        try:
            while sum(sent) < total:
                sent.append(connection.sock.send(block))
        except TimeoutError:
            held.set()
        return False
    balancer.start([Target(flood)])
    client = balancer.connect()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"\r\n\r\n")
    assert held.wait(WAIT) and sum(sent) < total / 2


def test_websockets_become_tunnels_only_after_101(balancer):
    def upgrade(connection, request):
        if request.get("upgrade") != "websocket":
            connection.send(answer(b"no"))
            return None
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        b"Connection: Upgrade\r\n\r\nfirst")
        connection.send(connection.exactly(4).upper())
        return False
    balancer.start([Target(upgrade)])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nping")
    assert client.message(head_only=True).status == 101
    assert client.rest() == b"firstPING"
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.message().body, client.message().body] == [b"no", b"no"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "M-SEARCH", "get"])
def test_methods_are_passed_on(balancer, target, method):
    balancer.start([target])
    client = balancer.connect()
    client.send(f"{method} /x HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert client.message(head_only=method == "HEAD").status == 200
    assert target.request().first == f"{method} /x HTTP/1.1"


def test_what_clients_say_of_proto_and_port_is_replaced(balancer, target):
    balancer.start([target])
    balancer.get("/", "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nx-forwarded-port: 2\r\n")
    request = target.request()
    assert request.all("x-forwarded-proto") == ["http"] and request.all("x-forwarded-port") == [str(balancer.port)]


def test_hop_by_hop_headers_end_here(balancer):
    def handler(connection, request):
        connection.send(answer(headers=b"Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTrailer: x\r\nUpgrade: h2c\r\nX: 1\r\n"))
    target = Target(handler)
    balancer.start([target])
    response = balancer.get("/", "Connection: TE\r\nTE: trailers\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nTrailer: x\r\n"
                                 "Upgrade: h2c\r\nX: 1\r\n")
    for message in (target.request(), response):
        names = {line.split(":")[0].lower() for line in message.lines}
        assert not names & {"te", "keep-alive", "proxy-connection", "trailer", "upgrade"} and "x" in names


def test_http10_without_host_and_without_100_continue(balancer, target):
    balancer.start([target])
    response = exchange(balancer, b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert response.status == 200 and response.get("connection") == "close"
    request = target.request()
    assert request.first == "PUT / HTTP/1.1" and request.body == b"abc"
    assert request.get("host") is not None and request.get("expect") is None
