"""Smuggling by framing: Content-Length, Transfer-Encoding, names alike, chunk syntax. Each probe has a request behind
it that only counts if the connection goes on. The origin gets exactly what was meant, or nothing, in every mode."""
import socket

import pytest

from recorder import Recorder, converse, in_every_mode

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
END = b"\r\n\r\n"
CHUNK = b"5\r\nabcde\r\n0\r\n\r\n"
EVIL = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
TE = POST + b"Transfer-Encoding: "
CL = POST + b"Content-Length: "
ABCDE = ("POST / HTTP/1.1", b"abcde")
EMPTY = ("POST / HTTP/1.1", b"")
GET_ABCDE = ("GET / HTTP/1.1", b"abcde")
BOTH = 2    # the probe is taken, and the request behind it
ALONE = 1   # the probe is taken, and the connection ends
NOTHING = 0  # refused: nothing whole arrives


def chunked(body):
    return TE + b"chunked" + END + body


# class: {probe: (bytes, what the request means if it is taken, how many arrive in mode defensive)}
MATRIX = {
    "CL.TE TE.CL TE.TE": {
        "both": (CL + b"3\r\nTransfer-Encoding: chunked" + END + CHUNK, ABCDE, ALONE),
        "both, TE first": (TE + b"chunked\r\nContent-Length: 3" + END + CHUNK, ABCDE, ALONE),
        "both, a request behind the last chunk": (
            CL + b"%d\r\nTransfer-Encoding: chunked" % (5 + len(EVIL)) + END + b"0\r\n\r\n" + EVIL,
            [EMPTY, ("GET /evil HTTP/1.1", b"")], ALONE),
        "both, a request in a chunk": (
            CL + b"4\r\nTransfer-Encoding: chunked" + END + b"%x\r\n" % len(EVIL) + EVIL + b"\r\n0\r\n\r\n",
            ("POST / HTTP/1.1", EVIL), ALONE),
        "both, length 0": (CL + b"0\r\nTransfer-Encoding: chunked" + END + CHUNK, ABCDE, ALONE),
        "xchunked": (TE + b"xchunked" + END + CHUNK, None, NOTHING),
        "comma first": (TE + b",chunked" + END + CHUNK, None, NOTHING),
        "comma last": (TE + b"chunked," + END + CHUNK, None, NOTHING),
        "chunked, identity": (TE + b"chunked, identity" + END + CHUNK, None, NOTHING),
        "identity, chunked": (TE + b"identity, chunked" + END + CHUNK, ABCDE, BOTH),
        "identity and length": (TE + b"identity\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "vertical tab": (TE + b"\x0bchunked" + END + CHUNK, None, NOTHING),
        "form feed behind": (TE + b"chunked\x0c" + END + CHUNK, None, NOTHING),
        "NUL behind": (TE + b"chunked\x00" + END + CHUNK, None, NOTHING),
        "no-break space": (TE + b"\xa0chunked" + END + CHUNK, None, NOTHING),
        "tab": (POST + b"Transfer-Encoding:\tchunked\t" + END + CHUNK, ABCDE, BOTH),
        "quoted": (TE + b'"chunked"' + END + CHUNK, None, NOTHING),
        "upper case": (TE + b"CHUNKED" + END + CHUNK, ABCDE, BOTH),
        "long s": (TE + b"chunked\r\nX: \xc5\xbf" + END + CHUNK, ABCDE, BOTH),
        "two lines": (TE + b"chunked\r\nTransfer-Encoding: chunked" + END + CHUNK, None, NOTHING),
        "two lines, one unknown": (TE + b"chunked\r\nTransfer-Encoding: x" + END + CHUNK, None, NOTHING),
        "two lines, identity first": (TE + b"identity\r\nTransfer-Encoding: chunked" + END + CHUNK, ABCDE, BOTH),
        "twice in a list": (TE + b"chunked, chunked" + END + CHUNK, None, NOTHING),
        "gzip, chunked": (TE + b"gzip, chunked" + END + CHUNK, None, NOTHING),
        "chunked, gzip": (TE + b"chunked, gzip" + END + CHUNK, None, NOTHING),
        "empty": (TE + END + CHUNK, None, NOTHING),
        "folded": (POST + b"Transfer-Encoding:\r\n chunked" + END + CHUNK, ABCDE, NOTHING),
        "HTTP/1.0": (
            b"POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked" + END + CHUNK,
                     ABCDE, ALONE),
        "HTTP/1.0 with both": (
            b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3" + END + CHUNK,
                               ABCDE, ALONE),
    },
    "Content-Length": {
        "two equal": (CL + b"5\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "two different": (CL + b"5\r\nContent-Length: 6" + END + b"abcde", None, NOTHING),
        "two different, 0 first": (CL + b"0\r\nContent-Length: %d" % len(EVIL) + END + EVIL, None, NOTHING),
        "list": (CL + b"5,5" + END + b"abcde", None, NOTHING),
        "list of different": (CL + b"5, 6" + END + b"abcde", None, NOTHING),
        "empty": (CL + END + b"abcde", None, NOTHING),
        "plus": (CL + b"+5" + END + b"abcde", None, NOTHING),
        "minus 0": (CL + b"-0" + END + b"abcde", None, NOTHING),
        "hexadecimal": (CL + b"0x5" + END + b"abcde", None, NOTHING),
        "underscore": (CL + b"5_0" + END + b"abcde", None, NOTHING),
        "leading zeros": (CL + b"0005" + END + b"abcde", ABCDE, BOTH),
        "2^63": (CL + b"9223372036854775808" + END + b"abcde", None, NOTHING),
        "2^64 + 5": (CL + b"18446744073709551621" + END + b"abcde", None, NOTHING),
        "space inside": (CL + b"5 5" + END + b"abcde", None, NOTHING),
        "spaces around": (CL + b" \t 5 \t " + END + b"abcde", ABCDE, BOTH),
        "digits of another script": (CL + b"\xd9\xa5" + END + b"abcde", None, NOTHING),
        "comma behind": (CL + b"5," + END + b"abcde", None, NOTHING),
        "decimal point": (CL + b"5.0" + END + b"abcde", None, NOTHING),
        "folded": (POST + b"Content-Length:\r\n 5" + END + b"abcde", ABCDE, NOTHING),
        "NUL behind": (CL + b"5\x00" + END + b"abcde", None, NOTHING),
        "0 with a body": (CL + b"0" + END, EMPTY, BOTH),
    },
    "CL.0 0.CL GET with body": {
        "GET with length": (GET + b"Content-Length: 5" + END + b"abcde", GET_ABCDE, ALONE),
        "GET with a request as body": (GET + b"Content-Length: %d" % len(EVIL) + END + EVIL, ("GET / HTTP/1.1", EVIL),
            ALONE),
        "GET chunked": (GET + b"Transfer-Encoding: chunked" + END + CHUNK, GET_ABCDE, ALONE),
        "GET with length 0": (GET + b"Content-Length: 0" + END, ("GET / HTTP/1.1", b""), BOTH),
        "HEAD with length": (b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5" + END + b"abcde",
            ("HEAD / HTTP/1.1", b"abcde"),
                             ALONE),
        "POST without length": (POST + b"X: 1" + END, EMPTY, BOTH),
        "DELETE with a request as body": (
            b"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: %d" % len(EVIL) + END + EVIL,
                                          ("DELETE / HTTP/1.1", EVIL), BOTH),
    },
    "name confusion": {
        "Content_Length": (POST + b"Content_Length: 99\r\nContent-Length: 5" + END + b"abcde", ABCDE, NOTHING),
        "Content_Length, the same": (POST + b"Content_Length: 5\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "Content_Length alone": (POST + b"Content_Length: 5" + END, EMPTY, ALONE),
        "Content.Length": (POST + b"Content.Length: 5\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "Content Length": (POST + b"Content Length: 5\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "Content-Length with a space": (POST + b"Content-Length : 5" + END + b"", EMPTY, ALONE),
        "Transfer_Encoding": (POST + b"Transfer_Encoding: chunked\r\nContent-Length: 5" + END + b"abcde", ABCDE, ALONE),
        "Transfer-Encoding with a space": (
            POST + b"Transfer-Encoding : chunked\r\nContent-Length: 5" + END + b"abcde", ABCDE,
                                           ALONE),
        "Transfer-Encoding with a tab": (POST + b"Transfer-Encoding\t: chunked\r\nContent-Length: 5" + END + b"abcde",
            ABCDE,
                                         ALONE),
        "NUL in Transfer-Encoding": (POST + b"Transfer\x00-Encoding: chunked\r\nContent-Length: 5" + END + b"abcde",
            ABCDE,
                                     NOTHING),
        "upper case": (POST + b"CONTENT-LENGTH: 5" + END + b"abcde", ABCDE, BOTH),
        "Connection names content-length": (
            POST + b"Connection: content-length\r\nContent-Length: 5" + END + b"abcde", ABCDE,
                                            BOTH),
        "Connection names transfer-encoding": (
            POST + b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked" + END + CHUNK,
                                               ABCDE, BOTH),
        "Connection names host": (POST + b"Connection: host, x-forwarded-for\r\nContent-Length: 5" + END + b"abcde",
            ABCDE,
                                  BOTH),
    },
    "chunk syntax": {
        "bare LF behind the size": (chunked(b"5\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "bare CR behind the size": (chunked(b"5\rabcde\r\n0\r\n\r\n"), None, NOTHING),
        "bare LF behind the data": (chunked(b"5\r\nabcde\n0\r\n\r\n"), None, NOTHING),
        "bare CR behind the data": (chunked(b"5\r\nabcde\r0\r\n\r\n"), None, NOTHING),
        "nothing behind the data": (chunked(b"5\r\nabcde0\r\n\r\n"), None, NOTHING),
        "two bytes spilt": (chunked(b"5\r\nabcdeXX0\r\n\r\n"), None, NOTHING),
        "two bytes spilt, then a line end": (chunked(b"5\r\nabcdeXX\r\n0\r\n\r\n"), None, NOTHING),
        "LF in an extension (TERM.EXT)": (chunked(b"5;a\nabcde\r\n0\r\n\r\n" + EVIL), None, NOTHING),
        "CR in an extension (EXT.TERM)": (chunked(b"5;a\rabcde\r\n0\r\n\r\n" + EVIL), None, NOTHING),
        "LF in the last chunk's extension": (chunked(b"0;a\n\r\n\r\n" + EVIL), None, NOTHING),
        "extensions": (chunked(b'5;a=b;c="d\\"e"\r\nabcde\r\n0;z\r\n\r\n'), ABCDE, BOTH),
        "huge extension": (chunked(b"5;" + b"a" * 200000 + b"\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "0x": (chunked(b"0x5\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "plus": (chunked(b"+5\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "minus": (chunked(b"-1\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "underscore": (chunked(b"0_5\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "space in front": (chunked(b" 5\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "space behind": (chunked(b"5 \r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "tab in front": (chunked(b"\t5\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "empty size": (chunked(b"\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "semicolon alone": (chunked(b";\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "leading zeros": (chunked(b"0000000000000005\r\nabcde\r\n000\r\n\r\n"), ABCDE, BOTH),
        "upper-case digits": (chunked(b"A\r\n0123456789\r\n0\r\n\r\n"), ("POST / HTTP/1.1", b"0123456789"), BOTH),
        "17 digits": (chunked(b"10000000000000005\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "2^63": (chunked(b"8000000000000005\r\nabcde\r\n0\r\n\r\n"), None, NOTHING),
        "no last line": (chunked(b"5\r\nabcde\r\n0\r\n"), None, NOTHING),
        "trailers": (chunked(b"5\r\nabcde\r\n0\r\nX-Sum: 1\r\n\r\n"), ABCDE, BOTH),
        "Content-Length as trailer": (chunked(b"5\r\nabcde\r\n0\r\nContent-Length: 99\r\n\r\n"), ABCDE, BOTH),
        "Transfer-Encoding as trailer": (chunked(b"5\r\nabcde\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), ABCDE,
            BOTH),
        "Host as trailer": (chunked(b"5\r\nabcde\r\n0\r\nHost: b\r\n\r\n"), ABCDE, BOTH),
        "a request in place of the last line": (chunked(b"5\r\nabcde\r\n0\r\n" + EVIL), None, NOTHING),
        "a trailer without a name": (chunked(b"5\r\nabcde\r\n0\r\n: x\r\n\r\n"), None, NOTHING),
        "a space before the colon of a trailer": (chunked(b"5\r\nabcde\r\n0\r\nX : y\r\n\r\n"), None, NOTHING),
        "a folded trailer": (chunked(b"5\r\nabcde\r\n0\r\nX: y\r\n z\r\n\r\n"), None, NOTHING),
        "bare LF in a trailer": (chunked(b"5\r\nabcde\r\n0\r\nX: a\n\r\n"), None, NOTHING),
        "bare CR in a trailer": (chunked(b"5\r\nabcde\r\n0\r\nX: a\rb\r\n\r\n"), None, NOTHING),
        "NUL in a trailer": (chunked(b"5\r\nabcde\r\n0\r\nX: a\0b\r\n\r\n"), None, NOTHING),
        "endless trailers": (chunked(b"5\r\nabcde\r\n0\r\n" + b"X: y\r\n" * 30000 + b"\r\n"), None, NOTHING),
        "bare LF as the end": (chunked(b"5\r\nabcde\r\n0\n\n"), None, NOTHING),
        "one-byte chunks": (chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in b"abcde") + b"0\r\n\r\n"), ABCDE, BOTH),
    },
}


@pytest.mark.parametrize("kind, name, mode", in_every_mode(MATRIX))
def test_matrix(balancer, kind, name, mode):
    probe, meaning, count = MATRIX[kind][name]
    origin = Recorder()
    balancer.start([origin], wait_healthy=False, attributes={"routing.http.desync_mitigation_mode": mode})
    reply = converse(balancer, probe + NEXT)
    arrived = origin.stop(balancer)
    meant = (meaning if isinstance(meaning, list) else [meaning]) + [("GET /next HTTP/1.1", b"")]
    assert arrived == meant[:len(arrived)]
    if mode == "defensive":
        assert len(arrived) == count, reply
    if not arrived:
        assert reply.split()[1] in (b"400", b"501") and reply.count(b"HTTP/1.1 ") == 1
        assert b"\r\nConnection: close\r\n" in reply
    else:
        assert reply.count(b"HTTP/1.1 200 ") == len(arrived)
    assert meaning or not arrived
    assert not any(b"/evil" in rest or b"/next" in rest for rest in origin.unfinished)


def test_a_target_that_ignores_bodies_gets_them_framed(balancer):
    """CL.0: an origin that answers at the head must not find a request in the body that follows."""
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    body = EVIL * 3
    reply = converse(balancer, CL + b"%d" % len(body) + END + body + NEXT)
    assert origin.stop(balancer) == [("POST / HTTP/1.1", body), ("GET /next HTTP/1.1", b"")]
    assert reply.count(b"HTTP/1.1 200 ") == 2


def test_a_client_that_closes_its_side_gets_all_its_answers(balancer):
    """However the end of the connection falls between the end of one exchange and the begin of the next."""
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    for _ in range(100):
        assert converse(balancer, NEXT * 3).count(b"HTTP/1.1 200 ") == 3
    assert len(origin.stop(balancer)) == 300


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_however_the_bytes_are_cut_they_mean_the_same(balancer, size):
    origin = Recorder()
    balancer.start([origin], wait_healthy=False)
    client = balancer.connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = chunked(b'5;x="y"\r\nabcde\r\n0\r\nX: y\r\n\r\n') + CL + b"5" + END + b"abcde" + NEXT
    for at in range(0, len(data), size):
        client.send(data[at:at + size])
    for _ in range(3):
        assert client.message().status == 200
    assert origin.stop(balancer) == [ABCDE, ABCDE, ("GET /next HTTP/1.1", b"")]
