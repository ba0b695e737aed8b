"""Attributes of load balancers (section 4) and listeners (section 2.4), each by what it does."""

import pytest

from certificates import certificate, connect, get, https
from conftest import Target, answer

HTTP = "routing.http."
RESPONSE = "routing.http.response."


def sent(balancer, request):
    client = balancer.connect()
    client.send(request)
    return client.message()


# ---- what the target gets ----

def test_drop_invalid_header_fields(balancer, target):
    lines = "X-A1: 1\r\nX_B: 2\r\nX.C: 3\r\nX(D): 4\r\n"
    balancer.start([target], attributes={HTTP + "drop_invalid_header_fields.enabled": "true"})
    balancer.get("/", lines)
    request = target.request()
    assert request.get("x-a1") == "1"
    assert not any(line.startswith(("X_", "X.", "X(")) for line in request.lines)


@pytest.mark.parametrize("http2", ["true", "false"])
def test_invalid_header_fields_are_passed_on_by_default(balancer, target, http2):
    balancer.start([target], attributes={"routing.http2.enabled": http2})
    balancer.get("/", "X_B: 2\r\n+agent: world\r\n")
    request = target.request()
    assert request.get("x_b") == "2" and request.get("+agent") == "world"


def test_preserve_host_header_keeps_all_hosts(balancer, target):
    rules = [{"Priority": 1, "Conditions": [{"Field": "host-header", "Values": ["second.com"]}],
              "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}]}]
    balancer.start([target], rules=rules, attributes={HTTP + "preserve_host_header.enabled": "true"})
    request = b"GET / HTTP/1.1\r\nHost: first.com:81\r\nHost: second.com\r\n\r\n"
    assert sent(balancer, request).status == 200
    assert target.request().all("host") == ["first.com:81", "second.com"]


def test_without_preserve_host_header_the_first_host_is_sent(balancer, target):
    balancer.start([target])
    sent(balancer, b"GET / HTTP/1.1\r\nHost: first.com\r\nHost: second.com\r\n\r\n")
    assert target.request().all("host") == [f"first.com:{balancer.port}"]


@pytest.mark.parametrize("mode, value, seen", [
    ("append", None, "127.0.0.1:{port}"), ("append", "1.2.3.4", "1.2.3.4, 127.0.0.1:{port}"),
    ("preserve", None, None), ("preserve", "1.2.3.4:5", "1.2.3.4:5"), ("preserve", "[2001:db8::1]:5", "[2001:db8::1]:5"),
    ("remove", None, None), ("remove", "1.2.3.4", None), ("append", "[2001:db8::1]:5", "[2001:db8::1]:5, 127.0.0.1:{port}")])
def test_xff_client_port(balancer, target, mode, value, seen):
    balancer.start([target], attributes={HTTP + "xff_client_port.enabled": "true", HTTP + "xff_header_processing.mode": mode})
    client = balancer.connect()
    port = client.sock.getsockname()[1]
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + (f"X-Forwarded-For: {value}\r\n".encode() if value else b"") + b"\r\n")
    client.message()
    assert target.request().get("x-forwarded-for") == (seen.format(port=port) if seen else None)


def test_several_forwarded_for_headers_become_one(balancer, target):
    balancer.start([target])
    balancer.get("/", "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n")
    assert target.request().all("x-forwarded-for") == ["1.1.1.1, 2.2.2.2, 127.0.0.1"]


@pytest.mark.parametrize("names", [{}, {"x_amzn_tls_version": "My-Version", "x_amzn_tls_cipher_suite": "My-Cipher"}])
def test_tls_version_and_cipher_suite(balancer, target, names):
    attributes = {f"{HTTP}request.{key}.header_name": name for key, name in names.items()}
    balancer.start([target], attributes={HTTP + "x_amzn_tls_version_and_cipher_suite.enabled": "true"},
                   listener={**https(certificate("a.example.com")), "Attributes": attributes})
    client = connect(balancer, "a.example.com")
    version, cipher = names.values() or ("x-amzn-tls-version", "x-amzn-tls-cipher-suite")
    assert get(client, headers=f"{version}: lie\r\n").status == 200
    request = target.request()
    assert request.get(version.lower()) == client.sock.version() == "TLSv1.2"
    assert request.get(cipher.lower()) == client.sock.cipher()[0]


# ---- what the client gets ----

SET = {
    "strict_transport_security": ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    "content_security_policy": ("Content-Security-Policy", "default-src 'self'"),
    "x_content_type_options": ("X-Content-Type-Options", "nosniff"),
    "x_frame_options": ("X-Frame-Options", "SAMEORIGIN"),
    "access_control_allow_origin": ("Access-Control-Allow-Origin", "https://e.com"),
    "access_control_allow_methods": ("Access-Control-Allow-Methods", "GET,POST"),
    "access_control_allow_headers": ("Access-Control-Allow-Headers", "X-A,X-B"),
    "access_control_allow_credentials": ("Access-Control-Allow-Credentials", "true"),
    "access_control_expose_headers": ("Access-Control-Expose-Headers", "X-C"),
    "access_control_max_age": ("Access-Control-Max-Age", "600"),
}


@pytest.mark.parametrize("key", SET)
def test_response_header(balancer, key):
    name, value = SET[key]
    lines = b"%s: theirs\r\n%s: again\r\nServer: theirs\r\n" % (name.encode(), name.lower().encode())
    balancer.start([Target(lambda connection, request: connection.send(answer(headers=lines)))],
          listener={"Attributes": {RESPONSE + key + ".header_value": value}})
    response = balancer.get()
    assert response.all(name.lower()) == [value]
    assert f"{name}: {value}" in response.lines
    assert response.get("server") == "theirs"


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 503), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405), (b"GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n", 418)])
def test_response_headers_are_set_in_our_own_answers(balancer, request_bytes, status):
    rules = [{"Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/fixed"]}],
              "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}]}]
    balancer.start([], rules=rules,
                   listener={"Attributes": {RESPONSE + key + ".header_value": value for key, (_, value) in SET.items()}})
    response = sent(balancer, request_bytes)
    assert response.status == status and response.get("server") == "awselb/2.0"
    assert {name: response.get(name.lower()) for name, _ in SET.values()} == dict(SET.values())


def test_the_server_header_can_be_taken_away(balancer):
    target = Target(lambda connection, request: connection.send(answer(headers=b"Server: theirs\r\n")))
    balancer.start([target], listener={"Attributes": {RESPONSE + "server.enabled": "false"}})
    assert balancer.get().get("server") is None
    assert sent(balancer, b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").get("server") is None


def test_responses_are_left_alone_by_default(balancer):
    lines = b"Server: theirs\r\nAccess-Control-Allow-Origin: *\r\n"
    balancer.start([Target(lambda connection, request: connection.send(answer(headers=lines)))])
    response = balancer.get()
    assert response.get("server") == "theirs" and response.get("access-control-allow-origin") == "*"


# ---- values ----

@pytest.mark.parametrize("key, value, message", [
    ("idle_timeout.timeout_seconds", "0", "'idle_timeout.timeout_seconds' must be between '1' and '4000'"),
    ("idle_timeout.timeout_seconds", "4001", "'idle_timeout.timeout_seconds' must be between '1' and '4000'"),
    ("client_keep_alive.seconds", "59", "'client_keep_alive.seconds' must be between '60' and '604800'"),
    ("client_keep_alive.seconds", "604801", "'client_keep_alive.seconds' must be between '60' and '604800'"),
    (HTTP + "desync_mitigation_mode", "strict", "'strict' is not a valid value"),
    (HTTP + "xff_header_processing.mode", "add", "'add' is not a valid value"),
    (HTTP + "xff_client_port.enabled", "1", "'1' is not a valid value"),
    ("load_balancing.cross_zone.enabled", "false", "'false' is not a valid value"),
    ("waf.fail_open.enabled", "true", "'waf.fail_open.enabled' is not supported"),
    ("zonal_shift.config.enabled", "true", "'zonal_shift.config.enabled' is not supported"),
    ("ipv6.deny_all_igw_traffic", "true", "'ipv6.deny_all_igw_traffic' is not supported"),
    ("routing.http3.enabled", "true", "the attribute 'routing.http3.enabled' is not supported"),
])
def test_values_of_load_balancer_attributes(balancer, key, value, message):
    assert message in balancer.refusal(attributes={key: value})


@pytest.mark.parametrize("key, value, message", [
    (RESPONSE + "x_content_type_options.header_value", "sniff", "'sniff' is not a valid value"),
    (RESPONSE + "access_control_max_age.header_value", "1\r\nX: 2", "is not a valid value"),
    (RESPONSE + "content_security_policy.header_value", "a" * 1025, "must have at most 1024 characters"),
    (RESPONSE + "server.enabled", "yes", "'yes' is not a valid value"),
    (HTTP + "request.x_amzn_tls_version.header_name", "X Y", "is not a valid value"),
    (HTTP + "request.x_amzn_tls_version.header_name", "a" * 41, "must have at most 40 characters"),
    (HTTP + "request.x_amzn_mtls_clientcert.header_name", "X", "is not supported"),
])
def test_values_of_listener_attributes(balancer, key, value, message):
    assert message in balancer.refusal(listener={"Attributes": {key: value}})


def test_every_attribute_of_the_api_is_known_with_its_default(balancer, target):
    attributes = {
        "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "",
        "connection_logs.s3.enabled": "false", "health_check_logs.s3.enabled": "false",
        "idle_timeout.timeout_seconds": 60, "client_keep_alive.seconds": "3600", "deletion_protection.enabled": False,
        "load_balancing.cross_zone.enabled": "true", HTTP + "desync_mitigation_mode": "defensive",
        HTTP + "drop_invalid_header_fields.enabled": "false", HTTP + "preserve_host_header.enabled": "false",
        HTTP + "x_amzn_tls_version_and_cipher_suite.enabled": "false", HTTP + "xff_client_port.enabled": "false",
        HTTP + "xff_header_processing.mode": "append", "routing.http2.enabled": "true", "waf.fail_open.enabled": "false",
        "ipv6.deny_all_igw_traffic": "false", "zonal_shift.config.enabled": "false"}
    balancer.start([target], attributes=attributes, listener={"Attributes": {RESPONSE + "server.enabled": "true"}})
    assert balancer.get().status == 200
