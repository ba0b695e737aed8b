"""What the load balancer answers itself, byte for byte."""
import contextlib
import re
import socket

import pytest

from conftest import IDLE_TIMEOUT, PROGRAM, SOON, TRACE_REQUEST, Target, answer, free_port


def page(text):
    return (f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n"
            "</body>\r\n</html>\r\n").encode()


def raw(balancer, request, client=None):
    client = client or balancer.connect()
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


def test_a_target_that_resets_the_connection_is_502(balancer):
    def handler(connection, request):
        connection.reset()
        return False
    balancer.start([Target(handler)])
    assert re.fullmatch(expected("502 Bad Gateway", "keep-alive"), raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))


def test_a_connection_that_is_not_there_after_10_seconds_is_504(balancer):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as held:
        for _ in range(3):  # the first is one more than the backlog: from then on no SYN is answered
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        balancer.program = PROGRAM + "-later"
        balancer.start([{"Id": "127.0.0.1", "Port": deaf.getsockname()[1]}], wait_healthy=False,
                       attributes={"idle_timeout.timeout_seconds": 4000})
        client = balancer.connect()
        client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")  # the target is connected to meanwhile
        balancer.an_hour_later()
        assert client.message().status == 504


def test_500_when_a_transform_fails(balancer):
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/", "Replace": "no-path"}]}}
    rule = {"Priority": "1", "Conditions": [{"Field": "path-pattern", "Values": ["/"]}], "Transforms": [rewrite],
            "Actions": [{"Type": "forward", "TargetGroupName": "app"}]}
    balancer.start([], rules=[rule])
    assert len(page("500 Internal Server Error")) == 142
    assert re.fullmatch(expected("500 Internal Server Error", "keep-alive"),
                        raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))


def test_a_target_that_refuses_connections_is_502(balancer):
    balancer.start([{"Id": "127.0.0.1", "Port": free_port()}])
    assert balancer.get().status == 502


def test_a_silent_target_is_504(balancer):
    target = Target(lambda connection, request: connection.rest() and None)
    balancer.start([target])
    answer = raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", balancer.connect_and_hurry())
    assert re.fullmatch(expected("504 Gateway Time-out", "keep-alive"), answer)


@pytest.mark.parametrize("part", [b"GET / HTTP/1.1\r\nHo", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"])
def test_half_requests_are_408(balancer, part):
    target = Target(lambda connection, request: None)
    balancer.start([target])
    client = balancer.connect_and_hurry()
    client.send(part)
    assert re.fullmatch(expected("408 Request Time-out", "close"), client.rest())


def test_an_idle_connection_is_closed_without_a_word(balancer, target):
    balancer.start([target])
    client = balancer.connect_and_hurry()
    client.send(TRACE_REQUEST)
    client.message()
    assert client.is_closed()


def test_a_body_cut_by_the_client_is_400(balancer):
    balancer.start([Target(lambda connection, request: None)])
    answer = raw(balancer, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
    assert re.fullmatch(expected("400 Bad Request", "close"), answer)


def response_of(size, body, closes):
    """A target that announces `size` bytes, sends `body`, and then closes or waits."""
    def handler(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, body))
        return False if closes else None
    return handler


@pytest.mark.parametrize("closes", [True, False])
def test_504_when_content_length_is_larger_than_the_body(balancer, closes):
    balancer.start([Target(response_of(10, b"abc", closes))])
    answer = raw(balancer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", balancer.connect_and_hurry())
    assert re.fullmatch(expected("504 Gateway Time-out", "keep-alive"), answer)


@pytest.mark.parametrize("closes", [True, False])
def test_a_long_response_that_is_not_whole_is_cut_for_the_client(balancer, closes):
    balancer.start([Target(response_of(5000, b"abc", closes))], attributes={IDLE_TIMEOUT: SOON})
    client = balancer.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"\r\n\r\n")
    assert client.rest() == b"abc"


@pytest.mark.parametrize("step", [1, 7, 60])
def test_a_response_may_come_in_pieces(balancer, step):
    reply = answer(b"0123456789", headers=b"X: 1\r\n")

    def pieces(connection, request):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(reply), step):
            connection.send(reply[at:at + step])
    target = Target(pieces)
    balancer.start([target])
    assert [balancer.get().body for _ in range(3)] == [b"0123456789"] * 3
    assert target.connections.qsize() == 1


def test_more_than_content_length_is_thrown_away_with_the_connection(balancer):
    target = Target(lambda connection, request: connection.send(answer(b"abc") + b"more"))
    balancer.start([target])
    assert [balancer.get().body for _ in range(2)] == [b"abc"] * 2
    assert target.connections.qsize() == 2


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


@pytest.mark.parametrize("user_agent, padded", [
    (CHROME, True), ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", True), ("curl/8", False),
    ("Mozilla/5.0 (X11; rv:120.0) Gecko/20100101 Firefox/120.0", False), ("Opera/9 (MSIE 6.0; Chrome/1)", False)])
@pytest.mark.parametrize("method, text", [("GET", "503 Service Temporarily Unavailable"), ("TRACE", "405 Not Allowed"),
                                          ("G(T", "400 Bad Request")])
def test_error_pages_are_padded_for_chrome_and_msie(balancer, user_agent, padded, method, text):
    balancer.start([])
    reply = raw(balancer, f"{method} / HTTP/1.1\r\nHost: a\r\nuser-agent: {user_agent}\r\n\r\n".encode())
    if method == "G(T":
        padded = False  # refused at its first line
    padding = b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n" * 6
    assert reply.endswith(page(text) + padded * padding)
    assert b"Content-Length: %d\r\n" % (len(page(text)) + padded * 402) in reply


@pytest.mark.parametrize("behaviour, text", [(b"", "502 Bad Gateway"), (b"HTTP/1.1 2", "504 Gateway Time-out")])
def test_pages_are_padded_when_the_target_fails(balancer, behaviour, text):
    def handler(connection, request):
        connection.send(behaviour)
        return None if behaviour else False
    balancer.start([Target(handler)], attributes={IDLE_TIMEOUT: SOON})
    reply = raw(balancer, f"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {CHROME}\r\n\r\n".encode())
    assert b"HTTP/1.1 " + text.encode() in reply and reply.count(b"<!-- a padding") == 6


@pytest.mark.parametrize("request_bytes, status", [
    (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 503), (b"HEAD / HTTP/1.1\r\n\r\n", 400),
    (b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400)])
def test_head_is_answered_without_a_body(balancer, request_bytes, status):
    balancer.start([])
    head, body = raw(balancer, request_bytes).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"Content-Length: 1" in head and body == b""


def test_redirects_and_fixed_responses_are_not_padded(balancer, target):
    balancer.start([target], rules=[
        {"Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/old/a"]}],
         "Actions": [{"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_302"}}]},
        {"Priority": 2, "Conditions": [{"Field": "path-pattern", "Values": ["/fixed"]}],
         "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "{}"}}]}])
    assert balancer.get("/old/a", f"User-Agent: {CHROME}\r\n").body == page("302 Found")
    assert balancer.get("/fixed", f"User-Agent: {CHROME}\r\n").body == b"{}"
