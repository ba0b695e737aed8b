"""Target groups of protocol version HTTP2: one connection to a target, shared by many requests."""
import os

import h2.errors
import h2.settings
import pytest

from certificates import client_context, connect, get
from conftest import Target, WAIT
from http2 import Client, Http2Target, listener

HTTP2 = {"ProtocolVersion": "HTTP2"}


def start(balancer, target, **words):
    balancer.start([target], listener=listener(), group={**HTTP2, **words.pop("group", {})}, **words)
    return Client(balancer)


def test_a_request_reaches_the_target_with_the_forwarding_headers(balancer):
    target = Http2Target(lambda c, s: c.respond(s, headers=[("x-answer", "1")]))
    client = start(balancer, target)
    response = client.ask(path="/a?b", headers=[("x-own", "1"), ("cookie", "a=1"), ("cookie", "b=2")])
    assert (response.status, response.body, response.get("x-answer")) == (200, b"ok", "1")
    request = target.request()
    assert request.get(":method") == "GET" and request.get(":path") == "/a?b"
    assert request.get(":scheme") == "http" and request.get(":authority") == f"e.com:{balancer.port}"
    assert request.get("x-own") == "1" and request.get("cookie") == "a=1; b=2"
    assert request.get("x-forwarded-for") == "127.0.0.1" and request.get("x-forwarded-proto") == "https"
    assert request.get("x-amzn-trace-id").startswith("Root=1-")
    assert request.get("host") is None and request.get("te") is None


def test_targets_with_https_speak_http2_by_alpn(balancer):
    target = Http2Target(tls=True)
    client = start(balancer, target, group={"Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"})
    assert [client.ask().body for _ in range(3)] == [b"ok"] * 3
    assert target.request().get(":scheme") == "https"
    assert target.connections.qsize() == 1


def test_one_connection_carries_the_requests_of_many_clients(balancer):
    held = []

    def hold(connection, stream):
        held.append((connection, stream))
        if len(held) == 40:
            for c, s in held:
                c.respond(s, s.get(":path").encode())
    target = Http2Target(hold)
    first = start(balancer, target)
    clients = [first] + [Client(balancer) for _ in range(3)]
    streams = [(c, c.begin(path=f"/{i}/{k}"), f"/{i}/{k}") for i, c in enumerate(clients) for k in range(10)]
    for client, stream, path in streams:
        assert client.response(stream).body == path.encode()
    assert target.connections.qsize() == 1


@pytest.mark.parametrize("length", [True, False])
def test_bodies_stream_both_ways(balancer, length):
    body = os.urandom(1_500_000)
    target = Http2Target(lambda c, s: c.respond(s, s.body))
    client = start(balancer, target)
    headers = [("content-length", str(len(body)))] if length else []
    assert client.ask("POST", "/", headers, body).body == body
    assert target.request().get("content-length") == (str(len(body)) if length else None)


def test_a_response_may_begin_before_the_request_is_whole(balancer):
    def early(connection, stream):
        connection.headers(stream.id, [(":status", "200")])
        connection.data(stream.id, b"first")
    target = Http2Target(early, whole=False)
    client = start(balancer, target)
    stream = client.begin("POST", end=False)
    client.until(lambda: client.stream(stream).body == b"first")
    client.data(stream, b"late", end=True)
    connection = target.connection()
    request = target.request()
    connection.until(lambda: request.ended)
    assert request.body == b"late"
    connection.data(request.id, b" last", end=True)
    assert client.response(stream).body == b"first last"


def test_trailers_pass_both_ways(balancer):
    target = Http2Target(lambda c, s: c.respond(s, b"body", trailers=[("x-sum", "1"), ("x-late", "2")]))
    client = start(balancer, target)
    response = client.ask("POST", "/", [("trailer", "x-check")], b"abc", trailers=[("x-check", "ok")])
    assert response.trailers == [("x-sum", "1"), ("x-late", "2")]
    assert target.request().trailers == [("x-check", "ok")]


def test_head_and_204_have_no_body(balancer):
    def handler(connection, stream):
        if stream.get(":method") == "HEAD":
            connection.respond(stream, b"", headers=[("content-length", "5")])
        else:
            connection.respond(stream, b"", 204)
    client = start(balancer, Http2Target(handler))
    response = client.ask("HEAD")
    assert response.get("content-length") == "5" and response.body == b"" and response.ended
    response = client.ask("GET")
    assert response.status == 204 and response.get("content-length") is None


def test_interim_responses_of_targets_stop_here(balancer):
    def handler(connection, stream):
        connection.h2.send_headers(stream.id, [(":status", "103"), ("link", "x")])
        connection.respond(stream)
    assert start(balancer, Http2Target(handler)).ask().status == 200


@pytest.mark.parametrize("version, method, headers, status", [
    ("HTTP1", "GET", [], 200),
    ("HTTP1", "POST", [("content-type", "application/grpc")], 464),
    ("HTTP2", "GET", [], 200),
    ("HTTP2", "POST", [("content-type", "application/grpc")], 200),
    ("GRPC", "POST", [], 200),
    ("GRPC", "POST", [("content-type", "application/grpc+proto")], 200),
    ("GRPC", "GET", [], 464),
])
def test_the_table_of_client_protocols_and_target_groups_http2(balancer, version, method, headers, status):
    target = Target() if version == "HTTP1" else Http2Target()
    balancer.start([target], listener=listener(), group={"ProtocolVersion": version})
    client = Client(balancer)
    assert client.ask(method, "/", headers).status == status
    assert target.requests.qsize() == (status == 200)


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_a_listener_without_tls_is_refused(balancer, version):
    assert (f"Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{version}'"
            in balancer.refusal([], group={"ProtocolVersion": version}))


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_the_table_of_client_protocols_and_target_groups_http11(balancer, version):
    target = Http2Target()
    balancer.start([target], listener=listener(), group={"ProtocolVersion": version})
    client = connect(balancer, "e.com", client_context(alpn=["http/1.1"]))
    response = get(client)
    assert response.status == 464 and response.body == b""
    assert not target.has_request()


def test_a_reset_of_the_target_before_its_response_is_502(balancer):
    def reset(connection, stream):
        connection.tell("reset_stream", stream.id, h2.errors.ErrorCodes.INTERNAL_ERROR)
    client = start(balancer, Http2Target(reset))
    assert client.ask("POST").status == 502


def test_a_reset_of_the_target_in_its_response_resets_the_client(balancer):
    def reset(connection, stream):
        connection.headers(stream.id, [(":status", "200")])
        connection.data(stream.id, b"abc")
        connection.tell("reset_stream", stream.id, h2.errors.ErrorCodes.CANCEL)
    client = start(balancer, Http2Target(reset))
    response = client.ask()
    assert response.reset is not None and not response.ended and response.body in (b"", b"abc")
    assert client.goaway is None


def test_a_reset_of_the_client_cancels_the_targets_stream(balancer):
    target = Http2Target(lambda c, s: None)
    client = start(balancer, target)
    stream = client.begin()
    target.request()
    client.tell("reset_stream", stream)
    assert target.resets.get(timeout=WAIT) == h2.errors.ErrorCodes.CANCEL


def test_a_stream_that_the_target_refused_is_sent_anew(balancer):
    refused = []

    def refuse(connection, stream):
        if refused:
            connection.respond(stream)
            return
        refused.append(stream)
        connection.tell("reset_stream", stream.id, h2.errors.ErrorCodes.REFUSED_STREAM)
    client = start(balancer, Http2Target(refuse))
    assert client.ask().status == 200 and refused


def test_goaway_of_the_target_lets_its_streams_finish_and_moves_the_others(balancer):
    def handler(connection, stream):
        if stream.get(":path") == "/first":
            connection.connection.send(b"\0\0\x08\x07\0" + b"\0\0\0\0" + stream.id.to_bytes(4, "big") + b"\0\0\0\0")
        else:
            connection.respond(stream, b"second")
    target = Http2Target(handler)
    client = start(balancer, target)
    first = client.begin(path="/first")
    old, request = target.connection(), target.request()
    assert client.ask(path="/second").body == b"second"
    assert target.connections.qsize() == 1
    old.respond(request, b"first")
    assert client.response(first).body == b"first"


def test_a_connection_that_ends_is_502_and_the_next_request_gets_a_new_one(balancer):
    def end(connection, stream):
        if stream.get(":path") == "/end":
            connection.connection.sock.shutdown(2)
        else:
            connection.respond(stream)
    target = Http2Target(end)
    client = start(balancer, target)
    assert client.ask("POST", "/end").status == 502
    assert client.ask("POST", "/").status == 200
    assert target.connections.qsize() == 2


def test_ping_of_the_target_is_answered(balancer):
    target = Http2Target()
    client = start(balancer, target)
    assert client.ask().status == 200
    connection = target.connection()
    connection.ping()
    assert client.ask().status == 200
    connection.until(lambda: connection.pings)


def test_a_target_that_takes_few_streams_gets_few_at_once(balancer):
    held = []

    def hold(connection, stream):
        held.append((connection, stream))
    target = Http2Target(hold)
    client = start(balancer, target)
    first = client.begin(path="/0")
    connection = target.connection()
    connection.tell("update_settings", {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    connection.until(lambda: held)
    connection.respond(held[0][1])
    assert client.response(first).status == 200
    streams = [client.begin(path=f"/{i}") for i in range(6)]
    target.until(lambda: len(held) == 7)
    assert target.connections.qsize() == 1, "a second connection takes the others"
    for c, s in held[1:]:
        c.respond(s)
    assert [client.response(s).status for s in streams] == [200] * 6


@pytest.mark.parametrize("fields", [
    [("server", "x")],
    [(":status", "200"), ("connection", "close")],
    [(":status", "200"), ("x", "a\r\nb: c")],
    [(":status", "200"), ("transfer-encoding", "chunked")],
    [(":status", "200"), ("x", "a" * 33000)],
], ids=["no status", "connection", "line end", "transfer-encoding", "too large"])
def test_a_malformed_response_is_502(balancer, fields):
    client = start(balancer, Http2Target(lambda c, s: c.headers(s.id, fields, end=True)))
    assert client.ask("POST").status == 502


def test_a_target_that_does_not_speak_http2_is_502(balancer):
    def handler(connection, request):
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        return False
    client = start(balancer, Target(handler), wait_healthy=False)
    assert client.ask().status == 502


def test_no_response_within_the_idle_timeout_is_504(balancer):
    client = start(balancer, Http2Target(lambda c, s: None))
    assert client.ask("TRACE").status == 405
    balancer.hurry()
    assert client.ask().status == 504


def test_no_connection_to_any_target_is_502(balancer):
    target = Http2Target()
    client = start(balancer, target)
    target.stop()
    assert client.ask("POST").status == 502


def test_a_slow_client_does_not_hold_up_the_others_of_the_connection(balancer):
    def big(connection, stream):
        if stream.get(":path") == "/big":
            connection.headers(stream.id, [(":status", "200")])
            connection.tell("send_data", stream.id, b"x" * 16384)
        else:
            connection.respond(stream)
    target = Http2Target(big)
    slow = start(balancer, target)
    slow.consume = False
    for _ in range(20):
        slow.begin(path="/big")
    fast = Client(balancer)
    assert [fast.ask().status for _ in range(5)] == [200] * 5
    assert target.connections.qsize() == 1
