"""Requests whose framing two parsers could read differently: each is refused, or forwarded as
exactly one request whose framing is the balancer's own. A recording target counts."""
import socket

import pytest

from conftest import Target, answer

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def te(value):
    return HEAD + b"Transfer-Encoding:" + value + b"\r\n\r\n0\r\n\r\n"


def cl(value):
    return HEAD + b"Content-Length:" + value + b"\r\n\r\nabcde"


def chunks(body):
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body


REFUSED = {
    # Transfer-Encoding
    "te xchunked": te(b" xchunked"), "te leading comma": te(b" ,chunked"), "te trailing comma": te(b" chunked,"),
    "te identity last": te(b" chunked, identity"), "te vertical tab": te(b" \x0bchunked"),
    "te no-break space": te(b" \xa0chunked"), "te quoted": te(b' "chunked"'),
    "te twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te gzip": te(b" gzip, chunked"), "te empty": te(b""),
    # Content-Length
    "cl different": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    "cl list": cl(b" 5,5"), "cl empty": cl(b""), "cl plus": cl(b" +5"), "cl minus": cl(b" -0"), "cl hex": cl(b" 0x5"),
    "cl underscore": cl(b" 5_0"), "cl 2^63": cl(b" 9223372036854775808"), "cl 2^64+5": cl(b" 18446744073709551621"),
    "cl inner space": cl(b" 5 5"),
    # chunks
    "chunk bare lf": chunks(b"5\nabcde\r\n0\r\n\r\n"), "chunk bare cr": chunks(b"5\rabcde\r\n0\r\n\r\n"),
    "chunk lf after data": chunks(b"5\r\nabcde\n0\r\n\r\n"), "chunk spill": chunks(b"5\r\nabcdeXX0\r\n\r\n"),
    "chunk 0x": chunks(b"0x5\r\nabcde\r\n0\r\n\r\n"), "chunk plus": chunks(b"+5\r\nabcde\r\n0\r\n\r\n"),
    "chunk leading space": chunks(b" 5\r\nabcde\r\n0\r\n\r\n"), "chunk trailing space": chunks(b"5 \r\nabcde\r\n0\r\n\r\n"),
    "chunk overflow": chunks(b"ffffffffffffffff1\r\nabcde\r\n0\r\n\r\n"),
    "chunk extension lf": chunks(b"5;a\nb\r\nabcde\r\n0\r\n\r\n"), "chunk extension cr": chunks(b"5;a\rb\r\nabcde\r\n0\r\n\r\n"),
    "trailer lf": chunks(b"0\r\nA: b\n\r\n"),
    # header syntax
    "nul": GET + b"X: a\0b\r\n\r\n", "bare cr": GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "cr in name": GET + b"X\r: 1\r\n\r\n",
    # request line
    "tab": b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "authority form": b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "connect": b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "lower case version": b"GET / http/1.1\r\nHost: a\r\n\r\n",
    "http/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "star": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    # Host
    "no host": b"GET / HTTP/1.1\r\n\r\n", "host list": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "host userinfo": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "host slash": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
}


def send_all(balancer, data):
    client = balancer.connect()
    client.send(data)
    client.sock.shutdown(socket.SHUT_WR)
    return client.rest()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(balancer, name):
    target = Target()
    balancer.start([target])
    reply = send_all(balancer, REFUSED[name] + SMUGGLED)
    assert reply.split()[1] in (b"400", b"501", b"505")
    assert reply.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in reply
    while target.has_request():
        request = target.request()
        assert "smuggled" not in request.first and not request.body
    target.stop()


TAKEN = {
    # name: request, body the target must see, whether the connection stays
    "cl and te": (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", b"abcde", False),
    "te and cl": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", b"abcde", False),
    "equal lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", b"abcde", False),
    "leading zeros": (cl(b" 0005"), b"abcde", True),
    "get with body": (GET + b"Content-Length: 5\r\n\r\nabcde", b"abcde", False),
    "get with te": (GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", b"abcde", False),
    "underscore": (HEAD + b"Content_Length: 5\r\nContent-Length: 5\r\n\r\nabcde", b"abcde", False),
    "dotted te": (HEAD + b"Transfer.Encoding: chunked\r\nContent-Length: 5\r\n\r\nabcde", b"abcde", False),
    "connection names content-length": (HEAD + b"Connection: content-length\r\nContent-Length: 5\r\n\r\nabcde", b"abcde", True),
    "te case and tab": (HEAD + b"transfer-encoding:\tCHUNKED\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", b"abcde", True),
    "trailers": (chunks(b"5\r\nabcde\r\n0\r\nContent-Length: 9\r\nHost: b\r\n\r\n"), b"abcde", True),
    "te parameter": (te(b" chunked;a=b").replace(b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n"), b"abcde", True),
    "two hosts": (HEAD + b"Host: b\r\nContent-Length: 5\r\n\r\nabcde", b"abcde", True),
    "bare lf lines": (b"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nabcde", b"abcde", True),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken_with_framing_made_anew(balancer, name):
    request_bytes, body, stays = TAKEN[name]
    target = Target()
    balancer.start([target])
    reply = send_all(balancer, request_bytes + SMUGGLED)
    request = target.request()
    assert request.body == body
    assert len(request.all("content-length")) + len(request.all("transfer-encoding")) == 1
    names = {line.split(":")[0].lower().replace("_", "-").replace(".", "-") for line in request.lines}
    assert len(names & {"content-length", "transfer-encoding"}) == 1
    assert reply.count(b"HTTP/1.1 200") == (2 if stays else 1)
    if stays:
        assert target.request().first == "GET /smuggled HTTP/1.1"
    assert not target.has_request()
    target.stop()


def test_heads_may_come_in_single_bytes(balancer, target):
    balancer.start([target])
    client = balancer.connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        client.send(bytes([byte]))
    assert client.message().status == 200
    assert target.request().body == b"abc"


def test_bytes_behind_a_response_never_reach_another_client(balancer):
    def poisoned(connection, request):
        connection.send(answer(b"mine") + answer(b"poison"))
    target = Target(poisoned)
    balancer.start([target])
    for _ in range(3):
        assert balancer.get().body == b"mine"
    assert target.connections.qsize() == 3


def test_an_early_response_ends_both_connections(balancer):
    def early(connection, request):
        connection.send(answer(b"early", 413))
    target = Target(early)
    # The target answers when it has the head: its reader must not wait for the body.
    target._serve = lambda sock: early_serve(target, sock)
    balancer.start([target])
    client = balancer.connect()
    client.send(HEAD + b"Content-Length: 100\r\n\r\nabc")
    response = client.message()
    assert response.body == b"early" and response.get("connection") == "close"
    assert client.is_closed()
    assert balancer.get().body == b"early"
    assert target.connections.qsize() == 2


def early_serve(target, sock):
    from conftest import Connection
    connection = Connection(sock)
    try:
        head = connection.until(b"\r\n\r\n")
        if b"ELB-HealthChecker" not in head:
            target.connections.put(connection)
            connection.send(answer(b"early", 413))
            connection.rest()
        else:
            connection.send(answer())
    except (EOFError, OSError):
        pass
    connection.close()
