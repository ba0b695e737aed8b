"""Clients that speak HTTP/2: over TLS, by ALPN, each stream a request of its own."""
import os
import queue
import threading
import time

import h2.errors
import h2.settings
import pytest
from hyperframe.frame import DataFrame

from certificates import client_context, connect, get
from conftest import Target, WAIT, answer
from http2 import Client, listener


@pytest.fixture
def client(balancer, target):
    balancer.start([target], listener=listener())
    return Client(balancer)


def echo(connection, request):
    connection.send(answer(request.body, headers=b"X-First: " + request.first.encode() + b"\r\n"))


def test_http2_is_spoken_by_alpn_only(balancer, target):
    balancer.start([target], listener=listener())
    assert Client(balancer).ask().body == b"ok"
    plain = connect(balancer, "e.com", client_context(alpn=["http/1.1"]))
    assert plain.sock.selected_alpn_protocol() == "http/1.1"
    assert get(plain).status == 200


def test_http2_enabled_false_offers_http11_only(balancer, target):
    balancer.start([target], listener=listener(), attributes={"routing.http2.enabled": "false"})
    connection = connect(balancer, "e.com", client_context(alpn=["h2", "http/1.1"]))
    assert connection.sock.selected_alpn_protocol() == "http/1.1"


def test_an_http2_preface_without_tls_is_refused(balancer, target):
    balancer.start([target])
    connection = balancer.connect()
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert connection.message().status == 505


def test_a_request_reaches_the_target_as_http11(client, target, balancer):
    response = client.ask(path="/a?b=c", headers=[("x-own", "1"), ("te", "trailers")])
    request = target.request()
    assert response.status == 200 and response.body == b"ok"
    assert response.get("date") and response.get("connection") is None
    assert response.get("content-length") == "2"
    assert request.first == "GET /a?b=c HTTP/1.1"
    assert request.get("x-own") == "1" and request.get("te") is None
    assert request.get("host") == f"e.com:{balancer.port}"
    assert request.get("x-forwarded-proto") == "https"
    assert request.get("x-forwarded-for") == "127.0.0.1"
    assert request.get("transfer-encoding") is None and request.get("content-length") is None


def test_names_are_lower_case_but_those_that_are_restored(client, target):
    client.ask(headers=[("x-custom-name", "1"), ("x-forwarded-for", "127.0.0.9"), ("accept", "*/*")])
    names = [line.split(":")[0] for line in target.request().lines]
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "Host", "X-Amzn-Trace-Id"):
        assert name in names
    assert "x-custom-name" in names and "accept" in names


def test_pieces_of_a_cookie_are_joined(client, target):
    client.ask(headers=[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")])
    assert target.request().get("cookie") == "a=1; b=2; c=3"


def test_streams_are_answered_as_their_targets_do(balancer):
    """A slow response does not hold up the others of the connection."""
    balancer.start([Target(lambda connection, request: "slow" not in request.first and echo(connection, request) or None)],
                   listener=listener())
    client = Client(balancer)
    slow = client.begin(path="/slow")
    fast = [client.begin(path=f"/{i}") for i in range(20)]
    for i, stream in enumerate(fast):
        assert client.response(stream).get("x-first") == f"GET /{i} HTTP/1.1"
    assert not client.stream(slow).ended


@pytest.mark.parametrize("length", [True, False])
def test_bodies_stream_both_ways(balancer, length):
    body = os.urandom(1_500_000)
    balancer.start([Target(echo)], listener=listener())
    client = Client(balancer)
    headers = [("content-length", str(len(body)))] if length else []
    response = client.ask("POST", "/", headers, body)
    assert response.body == body


def test_a_request_body_without_length_is_chunked_to_the_target(client, target):
    client.ask("POST", "/", [], b"abc")
    request = target.request()
    assert request.body == b"abc" and request.get("transfer-encoding") == "chunked"


def test_a_chunked_response_is_data_until_its_end(balancer):
    def chunked(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nKeep-Alive: 5\r\n\r\n"
                        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        return False
    balancer.start([Target(chunked)], listener=listener())
    response = Client(balancer).ask()
    assert response.body == b"abcde"
    for name in ("transfer-encoding", "connection", "keep-alive", "content-length"):
        assert response.get(name) is None


def test_a_response_that_ends_early_resets_the_stream(balancer):
    def short(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc")
        return False
    balancer.start([Target(short)], listener=listener())
    client = Client(balancer)
    response = client.ask()
    assert response.reset == h2.errors.ErrorCodes.INTERNAL_ERROR and not response.ended
    assert client.goaway is None


def test_head_has_no_body_but_its_length(balancer):
    balancer.start([Target(lambda connection, request: connection.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"))], listener=listener())
    response = Client(balancer).ask("HEAD")
    assert response.get("content-length") == "5" and response.body == b"" and response.ended


def test_answers_of_our_own_are_http2_responses(balancer, target):
    balancer.start([target], listener=listener(), rules=[
        {"Priority": "1", "Conditions": [{"Field": "path-pattern", "Values": ["/fixed"]}],
         "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {
             "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "gone"}}]},
        {"Priority": "2", "Conditions": [{"Field": "path-pattern", "Values": ["/old"]}],
         "Actions": [{"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}}]}])
    client = Client(balancer)
    response = client.ask(path="/fixed")
    assert (response.status, response.body, response.get("server")) == (404, b"gone", "awselb/2.0")
    assert response.get("content-length") == "4" and response.get("connection") is None
    response = client.ask(path="/old")
    assert response.status == 301
    assert response.get("location") == f"https://e.com:{balancer.port}/new"
    assert client.ask("TRACE").status == 405
    assert client.ask().status == 200


def test_no_target_is_503_and_the_connection_stays(balancer):
    balancer.start([], listener=listener())
    client = Client(balancer)
    assert client.ask().status == 503
    assert client.ask().status == 503


def test_expect_is_neither_answered_nor_forwarded(client, target):
    stream = client.begin("PUT", headers=[("expect", "100-continue"), ("content-length", "3")], end=False)
    client.data(stream, b"abc", end=True)
    assert client.response(stream).status == 200
    request = target.request()
    assert request.body == b"abc" and request.get("expect") is None


BAD = {
    "line end in a value": [("x", "a\r\nevil: 1")],
    "line end in a name": [("x\r\nevil", "1")],
    "NUL in a value": [("x", "a\0b")],
    "upper-case name": [("X-Upper", "1")],
    "space in a name": [("x y", "1")],
    "empty name": [("", "1")],
    "connection": [("connection", "close")],
    "keep-alive": [("keep-alive", "1")],
    "proxy-connection": [("proxy-connection", "close")],
    "transfer-encoding": [("transfer-encoding", "chunked")],
    "upgrade": [("upgrade", "websocket")],
    "te": [("te", "gzip")],
    "late pseudo-header": [("x", "1"), (":path", "/b")],
    "second path": [(":path", "/b")],
    "unknown pseudo-header": [(":other", "1")],
    "another host": [("host", "other.com")],
    "content-length of no body": [("content-length", "5")],
    "content-length list": [("content-length", "5, 5")],
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD.keys())
def test_what_http11_cannot_say_is_a_stream_error(client, target, fields):
    stream = client.begin_with(client.head(headers=fields))
    assert client.response(stream).reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
    assert client.ask().status == 200
    assert target.requests.qsize() == 1


@pytest.mark.parametrize("fields", [
    [(":method", "GET"), (":scheme", "https"), (":authority", "e.com")],
    [(":method", "GET"), (":path", "/"), (":authority", "e.com")],
    [(":scheme", "https"), (":path", "/"), (":authority", "e.com")],
    [(":method", "GET"), (":scheme", "https"), (":path", ""), (":authority", "e.com")],
    [(":method", "GET"), (":scheme", "https"), (":path", "/ HTTP/1.1\r\nEvil: 1"), (":authority", "e.com")],
    [(":method", "GE T"), (":scheme", "https"), (":path", "/"), (":authority", "e.com")],
    [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/"), (":authority", "e.com")],
], ids=["no path", "no scheme", "no method", "empty path", "path with a line", "method with a space", "extended CONNECT"])
def test_bad_pseudo_headers_are_a_stream_error(client, target, fields):
    stream = client.begin_with(fields)
    assert client.response(stream).reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
    assert client.ask().status == 200


def test_a_body_that_is_not_as_long_as_it_says_never_ends_a_request(client, target):
    for sent in (b"abcd", b"ab"):
        stream = client.begin("POST", headers=[("content-length", "3")], end=False)
        client.data(stream, sent, end=True)
        assert client.response(stream).reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
    assert client.ask().status == 200
    assert target.request().first == "GET / HTTP/1.1"


def test_128_streams_at_once_are_the_limit(balancer):
    balancer.start([Target(lambda connection, request: None)], listener=listener())
    client = Client(balancer)
    client.until(lambda: client.settings)
    assert client.settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] == 128
    for _ in range(128):
        client.begin()
    client.h2.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
    client.h2.remote_settings.acknowledge()
    client.begin()
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.PROTOCOL_ERROR


def test_ten_thousand_requests_then_goaway(balancer):
    balancer.start([], listener=listener(), default={
        "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}})
    client = Client(balancer)
    for _ in range(100):
        streams = [client.begin() for _ in range(100)]
        for stream in streams:
            assert client.response(stream).status == 200
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR
    assert client.goaway.last_stream_id == streams[-1]


@pytest.mark.parametrize("size, plain", [(8000, True), (9000, True), (9000, False)])
def test_a_field_of_more_than_8_kib_compressed_ends_the_connection(client, target, size, plain):
    """The letter "a" takes five bits when compressed, "|" fifteen, so that is sent as it is."""
    stream = client.begin(headers=[("x", ("|" if plain else "a") * size)])
    if plain and size > 8192:
        client.until_closed()
        assert client.goaway and not client.stream(stream).headers
    else:
        assert client.response(stream).status == 200


def test_a_head_of_more_than_64_kib_is_400(client, target):
    stream = client.begin(headers=[(f"x-{i}", "a" * 7000) for i in range(10)])
    assert client.response(stream).status == 400
    assert not target.has_request()


def test_the_idle_timeout_ends_with_goaway(balancer, client):
    balancer.hurry()
    assert client.ask("TRACE").status == 405
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR


def test_pings_do_not_prolong_the_idle_timeout(balancer, client):
    balancer.hurry()
    assert client.ask("TRACE").status == 405
    client.connection.sock.settimeout(0.3)
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            if not client.receive():
                return
        except TimeoutError:
            client.ping()
    pytest.fail("it is still open")


def test_a_priority_of_no_stream_ends_the_connection(client):
    client.frames(b"\0\0\x05\x02\0\0\0\0\0" + b"\0\0\0\x01\x10")
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.PROTOCOL_ERROR


def test_no_response_within_the_idle_timeout_is_504(balancer):
    balancer.start([Target(lambda connection, request: None)], listener=listener())
    client = Client(balancer)
    assert client.ask("TRACE").status == 405
    balancer.hurry()
    assert client.ask().status == 504


def test_a_body_that_stops_is_408(balancer, target):
    balancer.start([target], listener=listener())
    client = Client(balancer)
    assert client.ask("TRACE").status == 405
    balancer.hurry()
    stream = client.begin("POST", headers=[("content-length", "10")], end=False)
    client.data(stream, b"abc")
    client.until(lambda: client.stream(stream).headers)
    assert client.stream(stream).status == 408


def test_a_reset_of_the_client_ends_the_exchange_only(balancer):
    def handler(connection, request):
        if "slow" not in request.first:
            echo(connection, request)
            return None
        ended.put(connection.is_closed())
        return False
    slow, ended = Target(handler), queue.Queue()
    balancer.start([slow], listener=listener())
    client = Client(balancer)
    stream = client.begin(path="/slow")
    slow.request()
    client.tell("reset_stream", stream)
    assert client.ask(path="/fast").status == 200
    assert ended.get(timeout=WAIT)


def test_an_answer_before_the_body_ends_the_stream_without_error(balancer):
    balancer.start([], listener=listener(), default={
        "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}})
    client = Client(balancer)
    stream = client.begin("POST", end=False)
    client.data(stream, b"abc")
    assert client.response(stream).status == 200
    client.until(lambda: client.stream(stream).reset is not None)
    assert client.stream(stream).reset == h2.errors.ErrorCodes.NO_ERROR
    assert client.ask().status == 200


def test_a_slow_reader_holds_the_target_back_not_the_memory(balancer):
    total, sent, held = 64 * 1024 * 1024, [], threading.Event()

    def flood(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        connection.sock.settimeout(1)
        try:
            while sum(sent) < total:
                sent.append(connection.sock.send(b"x" * 65536))
        except TimeoutError:
            held.set()
        return False
    balancer.start([Target(flood)], listener=listener())
    client = Client(balancer, consume=False)
    stream = client.begin()
    client.until(lambda: client.stream(stream).headers and len(client.stream(stream).body) == 65535)
    assert held.wait(WAIT) and sum(sent) < total / 4


def test_a_slow_target_holds_the_client_back(balancer):
    def reads_nothing(connection, request):
        return None

    class Deaf(Target):
        def _serve(self, sock):
            first = sock.recv(100, 2)  # MSG_PEEK
            if b"HealthChecker" in first or first.startswith(b"GET"):
                super()._serve(sock)
            else:
                self.open.append(sock)
    deaf = Deaf(reads_nothing)
    balancer.start([deaf], listener=listener())
    client = Client(balancer)
    stream = client.begin("POST", end=False)
    sent = 0
    client.connection.sock.settimeout(1)
    try:
        while sent < 64 * 1024 * 1024:
            client.data(stream, b"x" * 16384)
            sent += 16384
    except TimeoutError:
        pass
    assert sent < 32 * 1024 * 1024


def test_the_listeners_end_is_goaway_after_what_is_there(balancer):
    target = Target(lambda connection, request: None)
    balancer.start([target], listener=listener())
    client = Client(balancer)
    stream = client.begin()
    client.until(lambda: client.settings)
    held = target.connections.get(timeout=WAIT)
    balancer.process.terminate()
    client.until(lambda: client.goaway)
    held.send(answer(b"late"))
    assert client.response(stream).body == b"late"
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR


def test_padding_is_no_body(client, target):
    stream = client.begin("POST", end=False)
    frame = DataFrame(stream, b"abc", pad_length=200, flags=["PADDED", "END_STREAM"])
    client.frames(frame)
    assert client.response(stream).status == 200
    assert target.request().body == b"abc"


def test_get_with_a_body_is_ambiguous_and_the_connection_ends(client, target):
    """HTTP/2 is not classified; the HTTP/1.1 that it becomes is."""
    assert client.ask("GET", headers=[("content-length", "3")], body=b"abc").status == 200
    client.until_closed()
    assert client.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR
