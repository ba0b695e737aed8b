"""Smuggling by heads: header syntax, request lines, Host, hop-by-hop names, Expect, Upgrade, pauses. The origin gets
exactly what was meant, or nothing, in every mode, and never a head that could be read otherwise."""
import re

import pytest

from conftest import IDLE_TIMEOUT, SOON, WAIT, answer
from recorder import RawTarget, Recorder, converse, in_every_mode

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
END = b"\r\n\r\n"
EVIL = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
ROOT = "GET / HTTP/1.1"
BOTH, ALONE, NOTHING = 2, 1, 0  # what arrives: the probe and the request behind it, the probe, nothing


def line(first, headers=b"Host: a"):
    return first + b"\r\n" + headers + END


def host(value):
    return b"GET / HTTP/1.1\r\nHost:" + value + END


# class: {probe: (bytes, the request line if it is taken, how many arrive in mode defensive)}
MATRIX = {
    "header syntax": {
        "space before the colon": (GET + b"X : 1" + END, ROOT, BOTH),
        "tab before the colon": (GET + b"X\t: 1" + END, ROOT, BOTH),
        "space before the first header": (b"GET / HTTP/1.1\r\n X: 1\r\nHost: a" + END, ROOT, ALONE),
        "tab before the first header": (b"GET / HTTP/1.1\r\n\tTransfer-Encoding: chunked\r\nHost: a" + END, ROOT,
            ALONE),
        "folded": (GET + b"X: 1\r\n 2" + END, ROOT, ALONE),
        "folded, framing behind": (GET + b"X: 1\r\n\tTransfer-Encoding: chunked" + END, ROOT, ALONE),
        "folded, Host behind": (b"GET / HTTP/1.1\r\nX: 1\r\n Host: b\r\nHost: a" + END, ROOT, ALONE),
        "empty name": (GET + b": 1" + END, ROOT, ALONE),
        "NUL in a value": (GET + b"X: a\0b" + END, ROOT, NOTHING),
        "NUL in a name": (GET + b"X\0Y: 1" + END, ROOT, NOTHING),
        "bare CR in a value": (GET + b"X: a\rTransfer-Encoding: chunked" + END, ROOT, NOTHING),
        "bare CR in a name": (GET + b"X\rContent-Length: 5" + END, ROOT, NOTHING),
        "CR CR LF": (GET + b"X: a\r\r\n\r\n", ROOT, NOTHING),
        "bare LF at the end of a header": (GET + b"X: 1\nY: 2" + END, ROOT, BOTH),
        "bare LF, framing behind": (b"POST / HTTP/1.1\r\nHost: a\r\nX: 1\nContent-Length: 5" + END + b"abcde",
                                    "POST / HTTP/1.1", BOTH),
        "LF LF as the end": (b"GET / HTTP/1.1\r\nHost: a\n\n", ROOT, BOTH),
        "LF CR LF as the end": (b"GET / HTTP/1.1\r\nHost: a\n\r\n", ROOT, BOTH),
        "8-bit bytes in a value": (GET + b"X: \xff\x80\xc3\xa9" + END, ROOT, BOTH),
        "8-bit bytes in a name": (GET + b"X\xc3\xa9: 1" + END, ROOT, BOTH),
        "control bytes in a value": (GET + b"X: a\x01\x1f\x7fb" + END, ROOT, BOTH),
        "no colon": (GET + b"nocolon" + END, ROOT, ALONE),
        "a request line for a header": (GET + b"GET /evil HTTP/1.1" + END, ROOT, ALONE),
        "a name in brackets": (GET + b"X[0]: 1" + END, ROOT, BOTH),
        "100 headers": (GET + b"X: 1\r\n" * 98 + b"Y: 1" + END, ROOT, BOTH),
        "200 headers": (GET + b"X: 1\r\n" * 198 + b"Y: 1" + END, None, NOTHING),
        "a header of 17 KB": (GET + b"X: " + b"a" * 17000 + END, None, NOTHING),
        "a head of 65 KB": (GET + (b"X: " + b"a" * 10000 + b"\r\n") * 7 + b"Y: 1" + END, None, NOTHING),
    },
    "request line": {
        "absolute form": (line(b"GET http://b.com/x?y HTTP/1.1"), "GET /x?y HTTP/1.1", BOTH),
        "absolute form without path": (line(b"GET http://b.com HTTP/1.1"), ROOT, BOTH),
        "absolute form, query only": (line(b"GET http://b.com?y HTTP/1.1"), "GET /?y HTTP/1.1", BOTH),
        "absolute form of another scheme": (line(b"GET ftp://b.com/ HTTP/1.1"), None, NOTHING),
        "absolute form without host": (line(b"GET http:///x HTTP/1.1"), None, NOTHING),
        "absolute form with userinfo": (line(b"GET http://u@b.com/ HTTP/1.1"), None, NOTHING),
        "absolute form with a backslash": (line(b"GET http://b.com\\@c.com/ HTTP/1.1"), None, NOTHING),
        "authority form": (line(b"GET a:80 HTTP/1.1"), None, NOTHING),
        "CONNECT": (line(b"CONNECT a:80 HTTP/1.1"), None, NOTHING),
        "CONNECT with a path": (line(b"CONNECT / HTTP/1.1"), None, NOTHING),
        "star": (line(b"GET * HTTP/1.1"), None, NOTHING),
        "OPTIONS star": (line(b"OPTIONS * HTTP/1.1"), "OPTIONS * HTTP/1.1", BOTH),
        "relative": (line(b"GET a/b HTTP/1.1"), None, NOTHING),
        "fragment": (line(b"GET /a#b HTTP/1.1"), "GET /a%23b HTTP/1.1", BOTH),
        "space in the target": (line(b"GET /a b HTTP/1.1"), "GET /a%20b HTTP/1.1", BOTH),
        "a version in the target": (line(b"GET /a HTTP/1.1 HTTP/1.1"), "GET /a%20HTTP/1.1 HTTP/1.1", BOTH),
        "two spaces": (line(b"GET  / HTTP/1.1"), ROOT, BOTH),
        "tabs for spaces": (line(b"GET\t/\tHTTP/1.1"), None, NOTHING),
        "tab in the target": (line(b"GET /a\tb HTTP/1.1"), "GET /a%09b HTTP/1.1", ALONE),
        "vertical tab for space": (line(b"GET\x0b/ HTTP/1.1"), None, NOTHING),
        "NUL in the target": (line(b"GET /\0 HTTP/1.1"), "GET /%00 HTTP/1.1", NOTHING),
        "CR in the target": (line(b"GET /\rX HTTP/1.1"), "GET /%0DX HTTP/1.1", NOTHING),
        "percent-encoded line break": (line(b"GET /%0d%0aX:y HTTP/1.1"), "GET /%0d%0aX:y HTTP/1.1", BOTH),
        "8-bit bytes in the target": (line(b"GET /\xc3\xa9 HTTP/1.1"), "GET /\u00c3\u00a9 HTTP/1.1", BOTH),
        "HTTP/1.2": (line(b"GET / HTTP/1.2"), ROOT, BOTH),
        "HTTP/1.10": (line(b"GET / HTTP/1.10"), None, NOTHING),
        "HTTP/2.0": (line(b"GET / HTTP/2.0"), None, NOTHING),
        "HTTP/0.9": (b"GET /\r\n", ROOT, ALONE),
        "HTTP/0.9 with a version": (line(b"GET / HTTP/0.9"), ROOT, ALONE),
        "lower case": (line(b"GET / http/1.1"), None, NOTHING),
        "no version digits": (line(b"GET / HTTP/"), None, NOTHING),
        "letters for digits": (line(b"GET / HTTP/1.x"), None, NOTHING),
        "line breaks in front": (b"\r\n\r\n" + line(b"GET / HTTP/1.1"), ROOT, BOTH),
        "many line breaks in front": (b"\r\n" * 100 + line(b"GET / HTTP/1.1"), None, NOTHING),
        "LF for line ends": (b"GET / HTTP/1.1\nHost: a\n\n", ROOT, BOTH),
        "no method": (line(b" / HTTP/1.1"), None, NOTHING),
        "brackets in the method": (line(b"G[T / HTTP/1.1"), None, NOTHING),
        "lower-case method": (line(b"get / HTTP/1.1"), "get / HTTP/1.1", BOTH),
        "a target of 17 KB": (line(b"GET /" + b"a" * 17000 + b" HTTP/1.1"), None, NOTHING),
    },
    "Host": {
        "none": (b"GET / HTTP/1.1" + END, None, NOTHING),
        "none, HTTP/1.0": (b"GET / HTTP/1.0" + END, ROOT, ALONE),
        "two": (GET + b"Host: b" + END, ROOT, BOTH),
        "list": (host(b" a, b"), None, NOTHING),
        "empty": (host(b""), ROOT, BOTH),
        "port": (host(b" a:1"), ROOT, BOTH),
        "port of letters": (host(b" a:x"), None, NOTHING),
        "userinfo": (host(b" u@a"), None, NOTHING),
        "IPv6": (host(b" [::1]:80"), ROOT, BOTH),
        "underscore": (host(b" a_b"), ROOT, BOTH),
        "slash": (host(b" a/b"), None, NOTHING),
        "backslash": (host(b" a\\b"), None, NOTHING),
        "space inside": (host(b" a b"), None, NOTHING),
        "tab behind": (host(b" a\t"), ROOT, BOTH),
        "question mark": (host(b" a?b"), None, NOTHING),
        "fragment": (host(b" a#b"), None, NOTHING),
        "brackets around a name": (host(b" [xyz]"), None, NOTHING),
        "bracket without end": (host(b" [::1"), None, NOTHING),
        "port behind a port": (host(b" a:1:2"), None, NOTHING),
        "NUL": (host(b" a\0b"), None, NOTHING),
        "8-bit bytes": (host(b" \xc3\xa9"), None, NOTHING),
    },
    "Expect": {
        "with length 0": (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0" + END,
                          "POST / HTTP/1.1", BOTH),
        "of a GET": (GET + b"Expect: 100-continue" + END, ROOT, BOTH),
        "obfuscated": (GET + b"Expect: x 100-continue" + END, ROOT, BOTH),
        "twice": (GET + b"Expect: 100-continue\r\nExpect: 100-continue" + END, ROOT, BOTH),
        "HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nExpect: 100-continue" + END, ROOT, BOTH),
    },
    "Upgrade": {
        "h2c": (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk" + END, ROOT,
            BOTH),
        "WebSocket with a body": (
            GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5" + END + b"abcde",
                                  ROOT, ALONE),
        "WebSocket by POST": (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket" + END,
                              "POST / HTTP/1.1", BOTH),
        "WebSocket by HTTP/1.0": (
            b"GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade, keep-alive\r\nUpgrade: websocket" + END,
                                  ROOT, BOTH),
        "Upgrade that Connection does not name": (GET + b"Upgrade: websocket" + END, ROOT, BOTH),
        "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None, NOTHING),
    },
}


@pytest.mark.parametrize("kind, name, mode", in_every_mode(MATRIX))
def test_matrix(balancer, kind, name, mode):
    probe, first, count = MATRIX[kind][name]
    origin = Recorder()
    balancer.start([origin], wait_healthy=False, attributes={"routing.http.desync_mitigation_mode": mode})
    reply = converse(balancer, probe + NEXT)
    arrived = [line for line, _ in origin.stop(balancer)]
    assert arrived == [first, "GET /next HTTP/1.1"][:len(arrived)]
    assert not origin.unfinished
    if mode == "defensive":
        assert len(arrived) == count, reply
    if not arrived:
        assert re.match(rb"(HTTP/1\.1 |<html>\r\n<head><title>)(400|414|501|505) ", reply)  # HTTP/0.9 has no heads
        assert reply.count(b"HTTP/1.1 ") <= 1 and (b"\r\nConnection: close\r\n" in reply or reply.startswith(b"<"))
    for request in origin.requests:
        assert not request.all("expect") and not request.all("upgrade") and not request.all("http2-settings")


@pytest.mark.parametrize("target, value, expected", [
    (b"/", b"a", "a"), (b"http://b.com/", b"a", "b.com"), (b"https://b.com:1/x", b"a", "b.com"), (b"/", b"a:9", "a"),
])
def test_there_is_one_host_and_it_is_the_one_that_rules_saw(balancer, target, value, expected):
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    converse(balancer, b"GET " + target + b" HTTP/1.1\r\nHost: " + value + END)
    origin.stop(balancer)
    assert [request.all("host")[0].split(":")[0] for request in origin.requests] == [expected]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "Host",
                                  "Content-Length", "x-forwarded-for, host, content-length"])
def test_connection_cannot_take_away_what_the_balancer_says(balancer, name):
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    converse(balancer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: " + name.encode() + END + b"ab")
    assert origin.stop(balancer) == [("POST / HTTP/1.1", b"ab")]
    said = dict(origin.requests[0].headers)
    assert said["x-forwarded-for"] == "127.0.0.1" and said["x-forwarded-proto"] == "http"
    assert said["x-forwarded-port"] == str(balancer.port) and said["x-amzn-trace-id"].startswith("Root=1-")


@pytest.mark.parametrize("drop, kept", [("false", True), ("true", False)])
def test_names_with_underscores_are_dropped_on_demand(balancer, drop, kept):
    origin = Recorder()
    balancer.start([origin], wait_healthy=False, attributes={"routing.http.drop_invalid_header_fields.enabled": drop})
    converse(balancer, GET + b"X_Forwarded_For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7" + END)
    origin.stop(balancer)
    request = origin.requests[0]
    assert request.all("x-forwarded-for") == ["7.7.7.7, 127.0.0.1"]
    assert bool(request.all("x_forwarded_for")) is kept


UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_bytes_behind_a_refused_upgrade_are_the_next_request(balancer):
    """Never a tunnel before 101: what is pipelined behind the request goes through the parser."""
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    reply = converse(balancer, UPGRADE + b"GET /next HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n")
    assert origin.stop(balancer) == [("GET /ws HTTP/1.1", b""), ("GET /next HTTP/1.1", b"")]
    assert reply.count(b"HTTP/1.1 200 ") == 2


def test_bytes_behind_a_refused_upgrade_that_are_no_request_are_refused(balancer):
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    reply = converse(balancer, UPGRADE + b"\x81\x05hello\r\n\r\n")
    assert origin.stop(balancer) == [("GET /ws HTTP/1.1", b"")] and not origin.unfinished
    assert reply.count(b"HTTP/1.1 ") == 2 and b"HTTP/1.1 400 " in reply


def test_bytes_behind_an_upgrade_wait_for_101(balancer):
    target = RawTarget(SWITCH + b"\x81\x02hi", close=False)
    balancer.start([target])
    client = balancer.connect()
    client.send(UPGRADE + EVIL)
    assert b"/evil" not in target.request()
    assert client.message(head_only=True).status == 101
    assert client.exactly(4) == b"\x81\x02hi"
    assert b"GET /evil HTTP/1.1" in target.request()  # in the tunnel they are bytes like others
    client.close()
    target.stop()


@pytest.mark.parametrize("part", [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d" % len(EVIL),
                                  b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"])
def test_a_body_that_comes_too_late_is_no_request(balancer, part):
    """Pause-based desync: the head, silence until the timeout, and then a "body" that is a request."""
    origin = Recorder()
    balancer.start([origin], wait_healthy=False, attributes={IDLE_TIMEOUT: SOON})
    client = balancer.connect()
    client.send(part + END)
    response = client.message()
    assert response.status == 408 and response.get("connection") == "close"
    try:
        client.send(EVIL)
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.rest()
    assert balancer.get("/next").status == 200
    assert origin.stop(balancer) == [("GET /next HTTP/1.1", b"")]
    assert len(origin.unfinished) == 1 and b"/evil" not in origin.unfinished[0]


def test_a_body_that_comes_after_the_timeout_is_no_request(balancer):
    """Pause-based: the head, the timeout, and then a request in place of the body."""
    origin = Recorder()
    balancer.start([origin], wait_healthy=False, attributes={"routing.http.desync_mitigation_mode": "monitor",
                                                             "idle_timeout.timeout_seconds": 1})
    client = balancer.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(EVIL))
    response = client.message()
    assert response.status == 408 and response.get("connection") == "close"
    try:
        client.send(EVIL)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert client.is_closed()
    assert balancer.get("/next").status == 200
    assert origin.stop(balancer) == [("GET /next HTTP/1.1", b"")]
    assert not any(b"/evil" in rest for rest in origin.unfinished)


def test_a_target_that_answers_before_the_body_is_not_used_again(balancer):
    """0.CL: the rest of the body must not be read as a request, on either side."""
    target = RawTarget(answer(b"early", 413), close=False)
    balancer.start([target])
    client = balancer.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (len(EVIL) + 5))
    response = client.message()
    assert response.body == b"early" and response.get("connection") == "close"
    try:
        client.send(EVIL)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert client.is_closed()
    first = target.connections.get(timeout=WAIT)
    assert balancer.get().body == b"early"
    assert target.connections.get(timeout=WAIT) is not first
    target.stop()
