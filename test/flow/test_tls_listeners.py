"""HTTPS listeners: handshakes, certificates by name, sessions, and what goes through them."""
import os
import socket
import ssl
import subprocess
import threading

import pytest

from certificates import certificate, client_context, connect, get, https, issued
from conftest import Connection, Target, WAIT, answer
from rules import refusal

A = certificate("a.example.com")
TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3
POLICY13 = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def peer_certificate(connection):
    return connection.sock.getpeercert(binary_form=True)


@pytest.mark.parametrize("policy, version", [(None, "TLSv1.2"), (POLICY13, "TLSv1.3")])
def test_a_request_goes_through_tls(balancer, target, policy, version):
    balancer.start([target], listener=https(A, policy=policy))
    client = connect(balancer, "a.example.com")
    assert client.sock.version() == version
    for _ in range(3):
        assert get(client).body == b"ok"
    request = target.request()
    assert request.get("x-forwarded-proto") == "https"
    assert request.get("x-forwarded-port") == str(balancer.port)


def test_large_bodies_go_both_ways(balancer):
    def echo(connection, request):
        connection.send(answer(request.body))
    body = os.urandom(3_000_000)
    balancer.start([Target(echo)], listener=https(A))
    client = connect(balancer)
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert client.message().body == body


def test_a_slow_reader_gets_everything(balancer):
    """The target's response waits encrypted until the client takes it."""
    body = os.urandom(8_000_000)
    balancer.start([Target(lambda connection, request: connection.send(answer(body)))], listener=https(A))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", balancer.port))
    client = Connection(client_context().wrap_socket(sock))
    response = get(client)
    assert response.body == body


def test_pipelined_requests_in_one_record(balancer, target):
    balancer.start([target], listener=https(A))
    client = connect(balancer)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
    assert [client.message().status for _ in range(5)] == [200] * 5


def test_a_websocket_through_tls_ends_on_both_sides(balancer):
    def upgrade(connection, request):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.send(connection.until(b"!").upper())
        return False
    balancer.start([Target(upgrade)], listener=https(A))
    client = connect(balancer)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert client.message(head_only=True).status == 101
    client.send(b"hello!")
    assert client.until(b"!") == b"HELLO!"
    assert client.is_closed()


def strict_client(balancer):
    """To which an end without close_notify is an error."""
    context = client_context()
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    sock = socket.create_connection(("127.0.0.1", balancer.port), timeout=WAIT)
    return Connection(context.wrap_socket(sock, suppress_ragged_eofs=False))


@pytest.mark.parametrize("headers", [b"Connection: close\r\n", b""])
def test_closing_is_announced(balancer, target, headers):
    """After the last response, or after the idle timeout."""
    balancer.start([target], listener=https(A))
    client = strict_client(balancer)
    assert get(client).status == 200
    balancer.hurry()
    client.send(b"TRACE / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n")
    assert client.message().status == 405
    assert client.is_closed()


def test_being_cut_is_not_announced(balancer):
    """A body that the target did not end must not look whole."""
    release = threading.Event()

    def cut(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(500000))
        release.wait(WAIT)
        return False
    balancer.start([Target(cut)], listener=https(A))
    client = strict_client(balancer)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"\r\n\r\n")
    release.set()
    with pytest.raises(ssl.SSLError, match="EOF"):
        client.rest()


def test_sni_chooses_the_certificate(balancer, target):
    b, wild = certificate("b.example.com"), certificate("*.example.org")
    balancer.start([target], listener=https(A, b, wild))
    for name, expected in [("a.example.com", A), ("b.example.com", b), ("B.EXAMPLE.COM", b), ("x.example.org", wild),
                           ("x.y.example.org", A), ("unknown.net", A), (None, A)]:
        assert peer_certificate(connect(balancer, name)) == expected.der, name


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_rsa_or_ecdsa_by_what_the_client_can_do(balancer, target, version):
    rsa = certificate("a.example.com", key="rsa")
    balancer.start([target], listener=https(rsa, A, policy=POLICY13))
    modern = client_context(version, version)
    assert peer_certificate(connect(balancer, "a.example.com", modern)) == A.der
    if version == TLS12:
        old = client_context(version, version, "aRSA")
        assert peer_certificate(connect(balancer, "a.example.com", old)) == rsa.der


def test_the_chain_is_sent(balancer, target, tmp_path):
    leaf = issued("leaf.example.com")
    authority = tmp_path / "ca.pem"
    authority.write_text(leaf.chain)
    balancer.start([target], listener=https(leaf))
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False
    assert get(connect(balancer, "leaf.example.com", context)).status == 200


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_are_resumed(balancer, target, version, workers):
    balancer.start([target], listener=https(A, policy=POLICY13), workers=workers)
    context = client_context(version, version)
    first = connect(balancer, "a.example.com", context)
    get(first)
    for _ in range(4):  # on whichever thread
        again = connect(balancer, "a.example.com", context, session=first.sock.session)
        assert again.sock.session_reused and get(again).status == 200


def test_a_session_is_good_for_its_listener_only(balancer, target):
    balancer.start([target], listener=https(A, policy=POLICY13))
    context = client_context(TLS13)
    first = connect(balancer, "a.example.com", context)
    get(first)
    balancer.reload([target], listener=https(certificate("b.example.com"), policy=POLICY13))
    again = connect(balancer, "a.example.com", context, session=first.sock.session)
    assert not again.sock.session_reused


def test_a_certificate_is_changed_without_losing_a_connection(balancer, target):
    balancer.start([target], listener=https(A))
    old = connect(balancer, "a.example.com")
    assert get(old).status == 200
    new = certificate("a.example.com", serial=2)
    balancer.reload([target], listener=https(new))
    assert get(old).status == 200
    assert peer_certificate(connect(balancer, "a.example.com")) == new.der


def test_certificates_change_under_load(balancer, target):
    """On several threads, with new handshakes, resumed ones and connections that go on."""
    balancer.start([target], listener=https(A, policy=POLICY13), workers=3)
    stopping, failures, progress = threading.Event(), [], threading.Semaphore(0)

    def load():
        context, session = client_context(), None
        while not stopping.is_set():
            try:
                client = connect(balancer, "a.example.com", context, session=session)
                failures.extend(status for status in (get(client).status for _ in range(3)) if status != 200)
                session = client.sock.session
                client.close()
                progress.release()
            except (OSError, EOFError) as error:
                failures.append(error)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for serial in range(20):
        balancer.reload([target], listener=https(certificate("a.example.com", serial=1 + serial % 3), policy=POLICY13),
                        workers=3)
        assert failures or progress.acquire(timeout=WAIT)
    stopping.set()
    for thread in threads:
        thread.join(WAIT)
    assert failures == []


def test_alpn_chooses_http2(balancer, target):
    """The settings of the server are the first thing that it says."""
    balancer.start([target], listener=https(A))
    client = connect(balancer, context=client_context(alpn=["http/1.1", "h2"]))
    assert client.sock.selected_alpn_protocol() == "h2"
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    assert client.exactly(9)[3] == 4


def test_alpn_is_http1_without_http2(balancer, target):
    balancer.start([target], listener=https(A), attributes={"routing.http2.enabled": "false"})
    client = connect(balancer, context=client_context(alpn=["h2", "http/1.1"]))
    assert client.sock.selected_alpn_protocol() == "http/1.1" and get(client).status == 200


def test_http_on_an_https_port_is_told_so(balancer, target):
    balancer.start([target], listener=https(A))
    assert balancer.get().status == 400
    assert not target.has_request()


def test_renegotiation_ends_the_connection(balancer, target):
    """The client asks for it in the middle: openssl s_client sends a new hello for a line R."""
    balancer.start([target], listener=https(A))
    result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{balancer.port}", "-tls1_2",
                             "-legacy_renegotiation"], input=b"R\nGET / HTTP/1.0\r\n\r\n", capture_output=True,
                            timeout=WAIT, check=False)
    assert b"HTTP/1.1 200" not in result.stdout
    assert not target.has_request()


def test_redirects_keep_the_protocol(balancer):
    redirect = {"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}}
    balancer.start(listener=https(A), default=redirect)
    response = get(connect(balancer))
    assert response.get("location") == f"https://e.com:{balancer.port}/new"


def test_half_open_handshakes_harm_nobody(balancer, target):
    """Silent ones, ones that stop in the middle of a hello, and ones that stop before the end."""
    balancer.start([target], listener=https(A))
    held = []
    for begin in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        for _ in range(700):
            held.append(socket.create_connection(("127.0.0.1", balancer.port)))
            held[-1].sendall(begin)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stalled = client_context().wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        stalled.do_handshake()
    hello = outgoing.read()
    for _ in range(700):
        held.append(socket.create_connection(("127.0.0.1", balancer.port)))
        held[-1].sendall(hello)
    client = connect(balancer)
    for _ in range(5):
        assert get(client).status == 200
        assert get(connect(balancer)).status == 200
    for sock in held:
        sock.close()


def test_the_oldest_handshake_makes_room(balancer, target):
    balancer.start([target], listener=https(A))
    held = []
    for _ in range(1100):
        held.append(socket.create_connection(("127.0.0.1", balancer.port), timeout=WAIT))
        held[-1].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert held[0].recv(1) == b""
    assert get(connect(balancer)).status == 200
    for sock in held:
        sock.close()


def test_a_byte_at_a_time_is_a_handshake_too(balancer, target):
    balancer.start([target], listener=https(A))
    sock = socket.create_connection(("127.0.0.1", balancer.port), timeout=WAIT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context().wrap_bio(incoming, outgoing)
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                sock.sendall(bytes([byte]))
            incoming.write(sock.recv(65536))
    for byte in outgoing.read():
        sock.sendall(bytes([byte]))
    client.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for byte in outgoing.read():
        sock.sendall(bytes([byte]))
    reply = b""
    while not reply:
        incoming.write(sock.recv(65536))
        try:
            reply = client.read()
        except ssl.SSLWantReadError:
            pass
    assert reply.startswith(b"HTTP/1.1 200")


def test_certificates_come_from_files(balancer, target, tmp_path):
    """Relative to the configuration; SIGHUP reads them again."""
    def write(own):
        (tmp_path / "own.pem").write_text(own.certificate)
        (tmp_path / "own.key").write_text(own.key)
        (tmp_path / "chain.pem").write_text(own.chain)
    files = {"Protocol": "HTTPS", "Certificates": [
        {"CertificateFile": "own.pem", "PrivateKeyFile": str(tmp_path / "own.key"),
         "CertificateChainFile": "chain.pem"}]}
    write(issued("a.example.com"))
    balancer.start([target], listener=files)
    assert peer_certificate(connect(balancer)) == issued("a.example.com").der
    write(issued("b.example.com"))
    balancer.reload([target], listener=files)
    assert peer_certificate(connect(balancer)) == issued("b.example.com").der


def test_private_keys_are_in_no_core_dump(balancer, target):
    balancer.start([target], listener=https(A))
    with open(f"/proc/{balancer.process.pid}/limits", encoding="ascii") as file:
        limit = next(line for line in file if line.startswith("Max core file size"))
    assert limit.split()[4:6] == ["1", "1"]


# ---- what is refused ----

@pytest.mark.parametrize("listener, message", [
    ({"Protocol": "HTTPS"}, "A certificate must be specified for HTTPS listeners"),
    ({"SslPolicy": POLICY13}, "only for HTTPS listeners"),
    (https(A, policy="ELBSecurityPolicy-2000-01"), "SSL policy 'ELBSecurityPolicy-2000-01' not found"),
    (https(A, policy="ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04"), "needs a validated FIPS 140 module"),
    (https(A, policy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"), "needs post-quantum key exchange"),
    ({"Protocol": "HTTPS", "Certificates": [{**A.words(), "PrivateKey": certificate("b").key}]},
     "The private key does not match the certificate."),
    ({"Protocol": "HTTPS", "Certificates": [{**A.words(), "CertificateChain": certificate("b").certificate}]},
     "Unable to validate certificate chain."),
    ({"Protocol": "HTTPS", "Certificates": [{"Certificate": "x", "PrivateKey": A.key}]}, "Unable to parse certificate."),
    ({"Protocol": "HTTPS", "Certificates": [{"CertificateFile": "gone.pem"}]}, "gone.pem: No such file"),
    (https(*[certificate("a")] * 27), "at most 26"),
    (https(A, MutualAuthentication={"Mode": "verify"}), "'MutualAuthentication', which is not supported"),
])
def test_a_listener_that_is_not_right_is_refused(balancer, listener, message):
    said = refusal(balancer, **listener)
    assert message in said and "PRIVATE KEY" not in said
