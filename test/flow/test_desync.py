"""Desync mitigation: each reason in each mode. What is passed on, no target can read in two ways."""
import socket

import pytest

from conftest import Target

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
END = b"\r\n\r\n"
CHUNK = b"5\r\nabcde\r\n0\r\n\r\n"
PASS, CLOSE, REFUSE = "pass", "close", "refuse"
MODES = {  # what AWS does with each class
    "Compliant": {"monitor": PASS, "defensive": PASS, "strictest": PASS},
    "Acceptable": {"monitor": PASS, "defensive": PASS, "strictest": REFUSE},
    "Ambiguous": {"monitor": PASS, "defensive": CLOSE, "strictest": REFUSE},
    "Severe": {"monitor": PASS, "defensive": REFUSE, "strictest": REFUSE},
    "Never": {"monitor": REFUSE, "defensive": REFUSE, "strictest": REFUSE},  # cannot be forwarded at all
}

# reason: [(class, request, body that the target gets, a line that it gets)]
ROWS = {
    "Compliant": [("Compliant", GET + b"X: 1" + END, b"", "X: 1"),
                  ("Compliant", POST + b"Content-Type: a/b;\r\n c=d\r\nContent-Length: 5" + END + b"abcde",
                   b"abcde", "Content-Type: a/b; c=d")],
    "NonCompliantHeader": [("Acceptable", GET + b"X(y): 1" + END, b"", "X(y): 1"),
                           ("Acceptable", GET + b"X: a\x01b\x7f" + END, b"", "X: a b"),
                           ("Acceptable", GET + b"X : 1\r\nX\x01: 1\r\nY: 2" + END, b"", "Y: 2")],
    "SpaceInUri": [("Acceptable", b"GET /a b HTTP/1.1\r\nHost: a" + END, b"", "GET /a%20b HTTP/1.1"),
                   ("Acceptable", b"GET   /   HTTP/1.1\r\nHost: a" + END, b"", "GET / HTTP/1.1")],
    "NonCompliantVersion": [("Acceptable", b"GET / HTTP/1.2\r\nHost: a" + END, b"", "GET / HTTP/1.1"),
                            ("Acceptable", b"GET / HTTP/1.1 \t\r\nHost: a" + END, b"", "GET / HTTP/1.1")],
    "GetHeadZeroContentLength": [("Acceptable", GET + b"Content-Length: 0" + END, b"", "Content-Length: 0")],
    "NonCrLfLineTermination": [("Acceptable", b"GET / HTTP/1.1\nHost: a\nX: 1\n\n", b"", "X: 1")],
    "EmptyHeader": [("Ambiguous", GET + b": 1\r\nX: 1" + END, b"", "X: 1"),
                    ("Ambiguous", GET + b"X: 1\r\n  :Y: 2" + END, b"", "X: 1 :Y: 2")],
    "AmbiguousUri": [("Ambiguous", b"GET /\x01\x7f HTTP/1.1\r\nHost: a" + END, b"", "GET /%01%7F HTTP/1.1")],
    "UndefinedContentLengthSemantics": [("Ambiguous", GET + b"Content-Length: 5" + END + b"abcde", b"abcde",
                                         "Content-Length: 5")],
    "UndefinedTransferEncodingSemantics": [
        ("Ambiguous", GET + b"Transfer-Encoding: chunked" + END + CHUNK, b"abcde", "Transfer-Encoding: chunked"),
        ("Ambiguous", b"POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked" + END + CHUNK,
         b"abcde", "Transfer-Encoding: chunked")],
    "DuplicateContentLength": [("Ambiguous", POST + b"Content-Length: 5\r\nContent-Length: 5" + END + b"abcde", b"abcde",
                                "Content-Length: 5")],
    "BothTeClPresent": [("Ambiguous", POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked" + END + CHUNK, b"abcde",
                         "Transfer-Encoding: chunked")],
    "SuspiciousHeader": [("Ambiguous", POST + name + b": 3\r\nContent-Length: 3" + END + b"abc", b"abc",
                          "Content-Length: 3")
                         for name in (b"Content_Length", b"Content-Length ", b"\x01Content-Length", b"ContentLength",
                                      b"Content\xe2\x80\x95Length")]
    + [("Ambiguous", POST + name + b": chunked\r\nContent-Length: 3" + END + b"abc", b"abc", "Content-Length: 3")
       for name in (b"Transfer_Encoding", b"Tran\xc5\xbffer-Encoding", b"Transfer-Encod\xc4\xb1ng", b"Transfer---Encoding")],
    "MultilineHeader": [("Ambiguous", GET + b"X: 1\r\n\tContent-Length: 5" + END, b"", "X: 1 Content-Length: 5"),
                        ("Ambiguous", b"GET / HTTP/1.1\r\n X: 0\r\nHost: a\r\nX: 1" + END, b"", "X: 1")],
    "MissingHeaderColon": [("Ambiguous", GET + b"nocolon\r\nX: 1" + END, b"", "X: 1")],
    "MissingUri": [("Never", b"GET HTTP/1.1\r\nHost: a" + END, None, None)],
    "BadHeader": [("Severe", GET + b"X: a\0b\rContent-Length: 5" + END, b"", "X: a b Content-Length: 5"),
                  ("Severe", GET + b"X\0: 1\r\nY: 2" + END, b"", "Y: 2")],
    "BadUri": [("Severe", b"GET /a\0\rb HTTP/1.1\r\nHost: a" + END, b"", "GET /a%00%0Db HTTP/1.1")],
    "BadMethod": [("Never", b"G(T / HTTP/1.1\r\nHost: a" + END, None, None)],
    "BadVersion": [("Never", b"GET / HTTP/1.10\r\nHost: a" + END, None, None)],
    "BadContentLength": [("Never", POST + b"Content-Length: " + value + END, None, None)
                         for value in (b"5,5", b"+5", b"5 5", b"", b"18446744073709551616")],
    "MultipleContentLength": [("Never", POST + b"Content-Length: 5\r\nContent-Length: 6" + END + b"abcde", None, None),
                              ("Severe", POST + b"Content-Length: 5\r\nContent_Length: 6" + END + b"abcde", b"abcde",
                               "Content-Length: 5")],
    "MultipleTransferEncodingChunked": [
        ("Never", POST + b"Transfer-Encoding: chunked, chunked" + END + CHUNK, None, None),
        ("Severe", POST + b"Transfer-Encoding: chunked\r\nTransfer_Encoding: chunked" + END + CHUNK, b"abcde",
         "Transfer-Encoding: chunked")],
    "BadTransferEncoding": [("Never", POST + b"Transfer-Encoding: xchunked" + END, None, None)],
}
CASES = [(reason, mode, *row) for reason, rows in ROWS.items() for row in rows for mode in ("monitor", "defensive", "strictest")]


@pytest.mark.parametrize("reason, mode, kind, request_bytes, body, line", CASES,
                         ids=[f"{case[0]}-{case[1]}-{i // 3}" for i, case in enumerate(CASES)])
def test_desync(balancer, reason, mode, kind, request_bytes, body, line):
    target = Target()
    balancer.start([target], attributes={"routing.http.desync_mitigation_mode": mode,
                                         "routing.http.preserve_host_header.enabled": "true"})
    client = balancer.connect()
    client.send(request_bytes + GET.replace(b"/", b"/next", 1) + b"\r\n")
    client.sock.shutdown(socket.SHUT_WR)
    reply = client.rest()
    action = MODES[kind][mode]
    if action == REFUSE:
        status = b"501" if reason == "BadTransferEncoding" and mode == "monitor" else b"400"
        assert reply.startswith(b"HTTP/1.1 " + status) and reply.count(b"HTTP/1.1 ") == 1 and b"Connection: close" in reply
        assert not target.has_request()
        return
    request = target.request()
    assert request.body == body and line in [request.first] + request.lines
    names = [part.split(":")[0] for part in request.lines]
    assert all(name.isascii() and name.isprintable() and " " not in name and name for name in names)
    assert sum("length" in name.lower() or "encoding" in name.lower() for name in names) == bool(body or "0" in line[-1:])
    assert reply.count(b"HTTP/1.1 200") == (2 if action == PASS else 1)
    assert (b"Connection: close" in reply) == (action == CLOSE)
    if action == PASS:
        assert target.request().first.startswith("GET /next")
        assert target.connections.qsize() == 1
    else:
        balancer.get()
        assert target.connections.qsize() == 2


def test_http_09_gets_a_body_without_a_head_and_nothing_else(balancer):
    def handler(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    target = Target(handler)
    balancer.start([target])
    for request_bytes in (b"GET /a\r\n", b"GET /a\r\nHost: x\r\n\r\nGET /smuggled HTTP/1.1\r\n", b"GET /a HTTP/0.9\r\n\r\n"):
        client = balancer.connect()
        client.send(request_bytes)
        assert client.rest() == b"abc"
        request = target.request()
        assert request.first == "GET /a HTTP/1.1" and request.get("host") is not None
    assert not target.has_request()


def test_strictest_refuses_http_09_with_the_page_alone(balancer):
    balancer.start([], attributes={"routing.http.desync_mitigation_mode": "strictest"})
    client = balancer.connect()
    client.send(b"GET /a\r\n")
    assert client.rest().startswith(b"<html>\r\n<head><title>400 Bad Request")
