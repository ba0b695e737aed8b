"""What the load balancer answers itself, byte for byte."""
import re
import socket

import pytest

from conftest import Target, free_port


def page(text):
    return (f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n"
            "</body>\r\n</html>\r\n").encode()


def raw(balancer, request):
    client = balancer.connect()
    client.send(request)
    client.sock.shutdown(socket.SHUT_WR)
    return client.rest()


def expected(text, connection):
    body = page(text)
    return (rb"HTTP/1\.1 %s\r\nServer: awselb/2\.0\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
            rb"Content-Type: text/html\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s"
            % (text.encode(), len(body), connection.encode(), re.escape(body)))


@pytest.mark.parametrize("request_bytes, text, connection, length", [
    (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "close", 122),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405 Not Allowed", "keep-alive", 122),
    (b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "414 Request-URI Too Large", "close", 142),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 17000 + b"\r\n\r\n", "400 Bad Request", "close", 122),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: %s\r\n" % (b"a" * 9000) * 8 + b"\r\n", "400 Bad Request", "close", 122),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented", "close", 130),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported", "close", 152),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "503 Service Temporarily Unavailable", "keep-alive", 162),
])
def test_error_pages(balancer, request_bytes, text, connection, length):
    balancer.start([])
    answer = raw(balancer, request_bytes)
    assert len(page(text)) == length
    assert re.fullmatch(expected(text, connection), answer), answer


def test_a_head_of_nearly_64_kib_is_taken(balancer, target):
    balancer.start([target])
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: %s\r\n" % (b"a" * 10000) * 6
    assert raw(balancer, head + b"\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("behaviour", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                       b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40000 + b"\r\n\r\n",
                                       b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.1 200 OK\r\nA"])
def test_bad_responses_are_502(balancer, behaviour):
    def handler(connection, request):
        connection.send(behaviour)
        return False
    balancer.start([Target(handler)])
    assert re.fullmatch(expected("502 Bad Gateway", "keep-alive"), raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))


def test_a_target_that_refuses_connections_is_502(balancer):
    balancer.start([{"Id": "127.0.0.1", "Port": free_port()}])
    assert balancer.get().status == 502


def test_a_silent_target_is_504(balancer):
    target = Target(lambda connection, request: connection.rest() and None)
    balancer.start([target], attributes={"idle_timeout.timeout_seconds": "1"})
    answer = raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert re.fullmatch(expected("504 Gateway Time-out", "keep-alive"), answer)


@pytest.mark.parametrize("part", [b"GET / HTTP/1.1\r\nHo", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"])
def test_half_requests_are_408(balancer, part):
    target = Target(lambda connection, request: None)
    balancer.start([target], attributes={"idle_timeout.timeout_seconds": "1"})
    client = balancer.connect()
    client.send(part)
    assert re.fullmatch(expected("408 Request Time-out", "close"), client.rest())


def test_an_idle_connection_is_closed_without_a_word(balancer, target):
    balancer.start([target], attributes={"idle_timeout.timeout_seconds": "1"})
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.message()
    assert client.is_closed()


def test_a_body_cut_by_the_client_is_400(balancer):
    balancer.start([Target(lambda connection, request: None)])
    answer = raw(balancer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
    assert re.fullmatch(expected("400 Bad Request", "close"), answer)


def test_a_response_cut_by_the_target_is_cut_for_the_client(balancer):
    def short(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        return False
    balancer.start([Target(short)])
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"\r\n\r\n")
    assert client.rest() == b"abc"
