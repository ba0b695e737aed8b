"""What the logs, the counters and the targets hear of TLS."""
import re
import ssl

import pytest

from certificates import certificate, client_context, connect, get, https
from test_logs import logs  # noqa: F401 (a fixture)

ARN = "arn:aws:acm:us-east-1:000000000000:certificate/12345678-1234-1234-1234-123456789012"
POLICY13 = "ELBSecurityPolicy-TLS13-1-2-2021-06"


def listener():
    words = https(certificate("a.example.com"), policy=POLICY13)
    words["Certificates"][0]["CertificateArn"] = ARN
    return words


def test_access_log_ssl_cipher_ssl_protocol_domain_name_chosen_cert_arn(balancer, target, logs):
    balancer.start([target], listener=listener())
    context = client_context(ssl.TLSVersion.TLSv1_3)
    first = connect(balancer, "a.example.com", context)
    assert get(first).status == 200
    assert get(connect(balancer, "a.example.com", context, session=first.sock.session)).status == 200
    first.close()
    logs.finish()
    entries = logs.entries()
    assert [entry["type"] for entry in entries] == ["https"] * 2
    assert {entry["ssl_cipher"] for entry in entries} == {"TLS_AES_128_GCM_SHA256"}
    assert {entry["ssl_protocol"] for entry in entries} == {"TLSv1.3"}
    assert {entry["domain_name"] for entry in entries} == {"a.example.com"}
    assert [entry["chosen_cert_arn"] for entry in entries] == [ARN, "session-reused"]
    assert entries[0]["request"] == f"GET https://e.com:{balancer.port}/ HTTP/1.1"


def test_connection_log_of_handshakes(balancer, target, logs):
    balancer.start([target], listener=listener())
    get(connect(balancer, "a.example.com"))
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        connect(balancer, context=client_context(maximum=ssl.TLSVersion.TLSv1_1))
    logs.finish()
    lines = logs.lines(logs.connection)
    assert len(lines) == 2
    assert "TLSv1.3 TLS_AES_128_GCM_SHA256" in lines[0] and " Success " in lines[0]
    assert " - - - " in lines[1] and " Failed:" in lines[1]


def test_connection_log_of_a_client_that_breaks_off_its_handshake(balancer, target, logs):
    balancer.start([target], listener=listener())
    hello = ssl.MemoryBIO()
    context = client_context()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="unknown.example.com").do_handshake()
    client = balancer.connect()
    client.send(hello.read())
    client.exactly(5)  # the handshake has begun
    client.reset()
    logs.finish()
    [line] = logs.lines(logs.connection)
    assert re.search(r' - - - "-" - - Failed:UnmappedConnectionError TID_', line)


def test_x_amzn_tls_version_and_x_amzn_tls_cipher_suite(balancer, target):
    balancer.start([target], listener=listener(),
                   attributes={"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"})
    assert get(connect(balancer), headers="x-amzn-tls-version: mine\r\n").status == 200
    request = target.request()
    assert request.get("x-amzn-tls-version") == "TLSv1.3"
    assert request.get("x-amzn-tls-cipher-suite") == "TLS_AES_128_GCM_SHA256"


def test_x_amzn_tls_headers_are_off_at_first(balancer, target):
    balancer.start([target], listener=listener())
    assert get(connect(balancer)).status == 200
    assert target.request().get("x-amzn-tls-version") is None
