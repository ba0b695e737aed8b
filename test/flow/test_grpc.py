"""gRPC through target groups of version GRPC: unary calls, streams, trailers, errors."""
import struct

import h2.errors
import pytest

from conftest import WAIT
from http2 import Client, Http2Target, listener

CALL = [("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", "5S")]
HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0"), ("grpc-message", "")]


def message(data):
    return b"\0" + struct.pack(">I", len(data)) + data


def start(balancer, handler, whole=True, **words):
    target = Http2Target(handler, whole=whole)
    balancer.start([target], listener=listener(), group={"ProtocolVersion": "GRPC"}, **words)
    return Client(balancer), target


def call(client, path="/package.Service/Method", end=False):
    return client.begin("POST", path, CALL, end=end)


def test_unary(balancer):
    def unary(connection, stream):
        connection.headers(stream.id, HEAD)
        connection.data(stream.id, stream.body.upper())
        connection.headers(stream.id, OK, end=True)
    client, target = start(balancer, unary)
    stream = call(client)
    client.data(stream, message(b"hello"), end=True)
    response = client.response(stream)
    assert response.status == 200 and response.body == message(b"HELLO") and response.trailers == OK
    request = target.request()
    assert request.get("te") == "trailers" and request.get("content-type") == "application/grpc"
    assert request.get("grpc-timeout") == "5S" and request.get(":path") == "/package.Service/Method"


def test_server_streaming(balancer):
    def stream_many(connection, stream):
        connection.headers(stream.id, HEAD)
        for i in range(100):
            connection.data(stream.id, message(b"%d" % i))
        connection.headers(stream.id, OK, end=True)
    client, _ = start(balancer, stream_many)
    stream = call(client)
    client.data(stream, message(b"go"), end=True)
    response = client.response(stream)
    assert response.body == b"".join(message(b"%d" % i) for i in range(100)) and response.trailers == OK


def test_client_streaming(balancer):
    def count(connection, stream):
        connection.headers(stream.id, HEAD)
        connection.data(stream.id, message(b"%d" % len(stream.body)))
        connection.headers(stream.id, OK, end=True)
    client, _ = start(balancer, count)
    stream = call(client)
    for _ in range(50):
        client.data(stream, message(b"x" * 100))
    client.data(stream, b"", end=True)
    assert client.response(stream).body == message(b"5250")


def test_bidirectional_streaming(balancer):
    """Each message is answered before the next one is sent."""
    client, target = start(balancer, lambda c, s: c.headers(s.id, HEAD), whole=False)
    stream = call(client)
    client.until(lambda: client.stream(stream).headers)
    connection, request = target.connection(), target.request()
    for i in range(20):
        client.data(stream, message(b"ping %d" % i))
        connection.until(lambda: request.body.endswith(message(b"ping %d" % i)))
        connection.data(request.id, message(b"pong %d" % i))
        client.until(lambda: client.stream(stream).body.endswith(message(b"pong %d" % i)))
    client.data(stream, b"", end=True)
    connection.until(lambda: request.ended)
    connection.headers(request.id, OK, end=True)
    assert client.response(stream).trailers == OK


def test_an_error_without_messages_is_one_head(balancer):
    """gRPC calls it "trailers only": the head ends the stream."""
    def fail(connection, stream):
        connection.headers(stream.id, HEAD + [("grpc-status", "12"), ("grpc-message", "no")], end=True)
    client, _ = start(balancer, fail)
    stream = call(client, end=True)
    response = client.response(stream)
    assert response.get("grpc-status") == "12" and response.trailers == [] and response.body == b""
    assert response.data_sizes == []


def test_the_status_in_trailers_after_an_error(balancer):
    def fail(connection, stream):
        connection.headers(stream.id, HEAD)
        connection.headers(stream.id, [("grpc-status", "13"), ("grpc-message", "broken")], end=True)
    client, _ = start(balancer, fail)
    response = client.response(call(client, end=True))
    assert response.trailers == [("grpc-status", "13"), ("grpc-message", "broken")]


def test_a_cancelled_call_is_cancelled_at_the_target(balancer):
    client, target = start(balancer, lambda c, s: None, whole=False)
    stream = call(client)
    target.request()
    client.tell("reset_stream", stream, h2.errors.ErrorCodes.CANCEL)
    assert target.resets.get(timeout=WAIT) == h2.errors.ErrorCodes.CANCEL


@pytest.mark.parametrize("status, start_words, path", [
    (503, {"default": {"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupName": "app", "Weight": 0}]}}}, "/"),
    (463, {}, "/xff"),
])
def test_answers_of_our_own_are_a_status_without_a_body(balancer, status, start_words, path):
    target = Http2Target()
    balancer.start([target], wait_healthy=False, listener=listener(), group={"ProtocolVersion": "GRPC"}, **start_words)
    client = Client(balancer)
    many = [("x-forwarded-for", ",".join(["1.1.1.1"] * 31))] if path == "/xff" else []
    response = client.ask("POST", path, CALL + many)
    assert response.status == status and response.body == b"" and response.get("content-length") == "0"
    assert response.get("server") == "awselb/2.0"


def test_a_target_that_goes_in_a_call_cuts_the_call(balancer):
    def half(connection, stream):
        connection.headers(stream.id, HEAD)
        connection.data(stream.id, message(b"half"))
        connection.connection.sock.shutdown(2)
    client, _ = start(balancer, half)
    response = client.response(call(client, end=True))
    assert response.reset == h2.errors.ErrorCodes.INTERNAL_ERROR and response.trailers == []
