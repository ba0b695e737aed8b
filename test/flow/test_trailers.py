"""Fields behind bodies: they pass wherever both sides can carry them."""
import pytest

from conftest import Target
from http2 import Client, listener

REQUEST = (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"3\r\nabc\r\n0\r\nX-Check: one\r\nX-Again: two\r\n\r\n")
RESPONSE = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")


def speak(response):
    return Target(lambda connection, request: connection.send(response))


@pytest.mark.parametrize("step", [1, 7, 10000])
def test_trailers_of_http11_pass_both_ways(balancer, step):
    def handler(connection, request):
        for i in range(0, len(RESPONSE), step):
            connection.send(RESPONSE[i:i + step])
    target = Target(handler)
    balancer.start([target])
    client = balancer.connect()
    for i in range(0, len(REQUEST), step):
        client.send(REQUEST[i:i + step])
    response = client.message()
    assert response.body == b"hello" and response.trailers == [("X-Sum", "7")]
    request = target.request()
    assert request.body == b"abc" and request.trailers == [("X-Check", "one"), ("X-Again", "two")]


def test_connections_go_on_after_trailers(balancer):
    target = speak(RESPONSE)
    balancer.start([target])
    client = balancer.connect()
    client.send(REQUEST * 3)
    for _ in range(3):
        assert client.message().trailers == [("X-Sum", "7")]
        assert target.request().trailers == [("X-Check", "one"), ("X-Again", "two")]
    assert target.connections.qsize() == 1


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Content_Length", "X-Forwarded-For",
                                  "X-Amzn-Trace-Id", "Authorization", "Cookie", "Connection", "X Space"])
def test_what_has_no_place_in_trailers_is_left_out(balancer, name):
    target = speak(RESPONSE)
    balancer.start([target])
    client = balancer.connect()
    client.send(REQUEST.replace(b"X-Again: two", name.encode() + b": 1"))
    assert client.message().status in (200, 400)
    while target.has_request():
        assert target.request().trailers == [("X-Check", "one")]


def test_http10_clients_get_the_body_without_trailers(balancer):
    balancer.start([speak(RESPONSE)])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.message().body == b"hello"
    assert client.is_closed()


def test_trailers_pass_between_http2_clients_and_http11_targets(balancer):
    target = speak(RESPONSE)
    balancer.start([target], listener=listener())
    response = Client(balancer).ask("POST", "/", [], b"abc", trailers=[("x-check", "one"), ("x-amzn-trace-id", "9")])
    assert response.body == b"hello" and response.trailers == [("x-sum", "7")]
    request = target.request()
    assert request.body == b"abc" and request.trailers == [("x-check", "one")]


def test_trailers_of_a_request_with_a_length_are_left_out(balancer):
    """A body with Content-Length has no place for them in HTTP/1.1."""
    target = speak(RESPONSE)
    balancer.start([target], listener=listener())
    client = Client(balancer)
    response = client.ask("POST", "/", [("content-length", "3")], b"abc", trailers=[("x-check", "one")])
    assert response.status == 200
    assert target.request().trailers == []
