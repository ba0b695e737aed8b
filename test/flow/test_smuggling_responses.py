"""Smuggling by responses: what a target says wrongly never becomes part of another answer, and no client sees
framing that could be read otherwise. Every probe is asked for twice: the second answer must not hold what was left of
the first."""
import queue
import re

import pytest

from conftest import WAIT, Target, answer
from recorder import RawTarget, take_chunks

POISON = answer(b"poison")
OK = b"HTTP/1.1 200 OK\r\n"
END = b"\r\n\r\n"
CHUNK = b"5\r\nabcde\r\n0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked"
LENGTH = OK + b"Content-Length: "
BAD = 502
SHORT = 504
CUT = "cut"  # if the head was sent on, the rest cannot be: the connection ends in the middle

# class: {probe: (what the target says, the body that the client gets, or BAD, or CUT)}
MATRIX = {
    "Content-Length": {
        "two equal": (LENGTH + b"5\r\nContent-Length: 5" + END + b"abcde", b"abcde"),
        "two different": (LENGTH + b"5\r\nContent-Length: 6" + END + b"abcdef", BAD),
        "list": (LENGTH + b"5,5" + END + b"abcde", BAD),
        "plus": (LENGTH + b"+5" + END + b"abcde", BAD),
        "hexadecimal": (LENGTH + b"0x5" + END + b"abcde", BAD),
        "empty": (LENGTH + END + b"abcde", BAD),
        "2^64 + 5": (LENGTH + b"18446744073709551621" + END + b"abcde", BAD),
        "leading zeros": (LENGTH + b"0005" + END + b"abcde", b"abcde"),
        "too long": (LENGTH + b"9" + END + b"abcde", SHORT),
        "extra bytes behind": (LENGTH + b"5" + END + b"abcde" + POISON, b"abcde"),
        "extra bytes behind 0": (LENGTH + b"0" + END + POISON, b""),
    },
    "Transfer-Encoding": {
        "both": (LENGTH + b"5\r\nTransfer-Encoding: chunked" + END + CHUNK, BAD),
        "both, the other way": (CHUNKED + b"\r\nContent-Length: 5" + END + CHUNK, BAD),
        "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" + END + CHUNK, BAD),
        "xchunked": (OK + b"Transfer-Encoding: xchunked" + END + CHUNK, BAD),
        "gzip, chunked": (OK + b"Transfer-Encoding: gzip, chunked" + END + CHUNK, BAD),
        "chunked twice": (OK + b"Transfer-Encoding: chunked, chunked" + END + CHUNK, BAD),
        "two lines": (CHUNKED + b"\r\nTransfer-Encoding: chunked" + END + CHUNK, BAD),
        "identity": (OK + b"Transfer-Encoding: identity" + END + b"abcde", BAD),
        "chunked": (CHUNKED + END + CHUNK, b"abcde"),
        "extensions and trailers": (CHUNKED + END + b"5;a=b\r\nabcde\r\n0;c\r\nX: y\r\n\r\n", b"abcde"),
        "extra bytes behind": (CHUNKED + END + CHUNK + POISON, b"abcde"),
        "a name alike": (LENGTH + b"5\r\nTransfer_Encoding: chunked" + END + b"abcde", b"abcde"),
    },
    "chunks": {
        "bare LF": (CHUNKED + END + b"5\nabcde\r\n0\r\n\r\n", CUT),
        "two bytes spilt": (CHUNKED + END + b"5\r\nabcdeXX0\r\n\r\n", CUT),
        "0x": (CHUNKED + END + b"0x5\r\nabcde\r\n0\r\n\r\n", CUT),
        "a response in place of the last line": (CHUNKED + END + b"5\r\nabcde\r\n0\r\n" + POISON, CUT),
        "no end": (CHUNKED + END + b"5\r\nabcde\r\n", CUT),
        "17 digits": (CHUNKED + END + b"10000000000000005\r\nabcde\r\n0\r\n\r\n", CUT),
    },
    "no framing": {
        "until close": (OK + b"X: 1" + END + b"abcde", b"abcde"),
        "keep-alive without framing": (OK + b"Connection: keep-alive" + END + b"abcde", b"abcde"),
        "HTTP/1.0": (b"HTTP/1.0 200 OK" + END + b"abcde", b"abcde"),
    },
    "no body": {
        "204 with length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5" + END + POISON, b""),
        "204 chunked": (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked" + END + CHUNK, b""),
        "304 with bytes behind": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5" + END + POISON, b""),
        "100, then the answer": (b"HTTP/1.1 100 Continue" + END + LENGTH + b"5" + END + b"abcde", b"abcde"),
        "two 100s": (b"HTTP/1.1 100 Continue" + END + b"HTTP/1.1 100 Continue" + END + LENGTH + b"5" + END + b"abcde",
                     b"abcde"),
        "103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>" + END + LENGTH + b"5" + END + b"abcde", b"abcde"),
        "103 with a length": (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5" + END + LENGTH + b"5" + END + b"abcde",
                              b"abcde"),
        "101 unasked": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket" + END + POISON,
                        BAD),
        "100 and no more": (b"HTTP/1.1 100 Continue" + END, BAD),
    },
    "head": {
        "nothing": (b"", BAD),
        "half": (OK + b"X: ", BAD),
        "no status line": (b"abcde" + END, BAD),
        "another protocol": (b"ICY 200 OK" + END + b"abcde", BAD),
        "HTTP/2.0": (b"HTTP/2.0 200 OK\r\nContent-Length: 0" + END, BAD),
        "HTTP/1.x": (b"HTTP/1.x 200 OK\r\nContent-Length: 0" + END, BAD),
        "status of two digits": (b"HTTP/1.1 20 OK\r\nContent-Length: 0" + END, BAD),
        "status of four digits": (b"HTTP/1.1 2000 OK\r\nContent-Length: 0" + END, BAD),
        "status 099": (b"HTTP/1.1 099 OK\r\nContent-Length: 0" + END, BAD),
        "no reason": (b"HTTP/1.1 200\r\nContent-Length: 5" + END + b"abcde", b"abcde"),
        "CR in the reason": (b"HTTP/1.1 200 O\rK\r\nContent-Length: 0" + END, BAD),
        "space before the colon": (OK + b"Content-Length : 5" + END + b"abcde" + POISON, BAD),
        "folded": (LENGTH + b"5\r\nX: 1\r\n 2" + END + b"abcde", BAD),
        "no colon": (LENGTH + b"5\r\nnocolon" + END + b"abcde", BAD),
        "empty name": (LENGTH + b"5\r\n: 1" + END + b"abcde", BAD),
        "NUL in a value": (LENGTH + b"5\r\nX: a\0b" + END + b"abcde", BAD),
        "CR in a value": (LENGTH + b"5\r\nX: a\rSet-Cookie: b" + END + b"abcde", BAD),
        "32 KiB": (LENGTH + b"5\r\nX: " + b"a" * 33000 + END + b"abcde", BAD),
        "many headers": (LENGTH + b"5\r\n" + b"X: 1\r\n" * 300 + b"Y: 1" + END + b"abcde", BAD),
    },
}
CASES = [(kind, name) for kind, probes in MATRIX.items() for name in probes]
STRICT_HEAD = re.compile(rb"HTTP/1\.1 \d{3} [^\x00-\x1f\x7f]*\r\n(?:[!-9;-~]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)+\r\n")


def read(data, head_only=False):
    """Reads answers as strictly as can be: [(status, body)], the body None if it is not whole."""
    got = []
    while data:
        head = STRICT_HEAD.match(data)
        assert head, data
        data = data[head.end():]
        fields = [line.split(b": ", 1) for line in head[0].split(b"\r\n")[1:-2]]
        length = [value for name, value in fields if name.lower() == b"content-length"]
        coding = [value for name, value in fields if name.lower() == b"transfer-encoding"]
        assert len(length) + len(coding) <= 1
        status, body = int(head[0].split()[1]), b""
        if status < 200:
            assert status != 101
            continue
        if not head_only and status not in (204, 304):
            if coding:
                assert coding == [b"chunked"]
                taken = take_chunks(data)
                body, data = taken if taken else (None, b"")
            else:
                size = int(length[0])
                body, data = (data[:size], data[size:]) if len(data) >= size else (None, b"")
        got.append((status, body))
    return got


def ask(balancer, request=b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
    client = balancer.connect()
    client.send(request)
    return client.rest()


@pytest.mark.parametrize("kind, name", CASES, ids=["-".join(case) for case in CASES])
def test_matrix(balancer, kind, name):
    said, expected = MATRIX[kind][name]
    target = RawTarget(said)
    balancer.start([target], wait_healthy=False)
    for _ in range(2):
        reply = ask(balancer)
        assert b"poison" not in reply
        [(status, body)] = read(reply)
        if expected in (BAD, SHORT):
            assert status == expected
        elif expected == CUT:
            assert (status, body) == (200, None) or status == 502  # that much may show before the head went on
        else:
            assert status in (200, 204, 304) and body == expected
    target.stop()


@pytest.mark.parametrize("said", [LENGTH + b"5" + END + b"abcde" + POISON, LENGTH + b"5" + END + b"abcde",
                                  CHUNKED + END + CHUNK, b"HTTP/1.1 204 No Content" + END + POISON])
def test_a_connection_with_bytes_left_is_not_used_again(balancer, said):
    """Response-queue poisoning, with a target that keeps its connection."""
    target = RawTarget(said, close=False)
    balancer.start([target], wait_healthy=False)
    client = balancer.connect()
    for _ in range(3):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.message()
        assert response.body in (b"abcde", b"") and response.status in (200, 204)
    client.close()
    used = {target.connections.get(timeout=WAIT) for _ in range(3)}
    assert len(used) == (3 if b"poison" in said else 1)
    target.stop()


@pytest.mark.parametrize("said", [LENGTH + b"5" + END + b"abcde", LENGTH + b"5" + END, CHUNKED + END + CHUNK,
                                  OK + b"X: 1" + END + b"abcde", LENGTH + b"5" + END + POISON])
def test_the_answer_to_head_has_no_body(balancer, said):
    target = RawTarget(said)
    balancer.start([target], wait_healthy=False)
    for _ in range(2):
        reply = ask(balancer, b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read(reply, head_only=True) == [(200, b"")] and reply.endswith(END)
    target.stop()


@pytest.mark.parametrize("said, body", [(LENGTH + b"5" + END + b"abcde", b"abcde"), (CHUNKED + END + CHUNK, b"abcde"),
                                        (b"HTTP/1.1 100 Continue" + END + LENGTH + b"0" + END, b"")])
def test_single_bytes_mean_the_same(balancer, said, body):
    target = RawTarget([bytes([byte]) for byte in said])
    balancer.start([target], wait_healthy=False)
    assert read(ask(balancer)) == [(200, body)]
    target.stop()


def test_a_response_without_a_request_reaches_nobody(balancer):
    """A target that speaks on an idle connection loses it, and nobody hears what it said."""
    target = Target(lambda connection, request: connection.send(answer(b"mine")))
    serve, ended = target._serve, queue.Queue()
    target._serve = lambda sock: ended.put(serve(sock))
    balancer.start([target], group={"HealthCheckIntervalSeconds": 300})
    ended.get(timeout=WAIT)  # the connection of the one health check
    assert balancer.get().body == b"mine"
    target.connections.get(timeout=WAIT).send(POISON)
    ended.get(timeout=WAIT)
    assert balancer.get().body == b"mine"
    target.stop()
