"""Fixed-response actions: status, content type, body, and the limits of each."""
import re

import pytest

from rules import condition, fixed, get, refusal, rule

TYPES = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"]


@pytest.mark.parametrize("kind", TYPES)
def test_content_type(balancer, kind):
    balancer.start([], default=fixed(200, ContentType=kind, MessageBody="{}"))
    response = balancer.get()
    assert (response.get("content-type"), response.body) == (f"{kind}; charset=utf-8", b"{}")


@pytest.mark.parametrize("status", ["200", "299", "404", "418", "503", "599"])
def test_status(balancer, status):
    balancer.start([], default=fixed(status))
    assert balancer.get().status == int(status)


def test_without_a_body_the_length_is_0(balancer):
    balancer.start([], default=fixed(503))
    response = balancer.get()
    assert response.get("content-length") == "0" and response.get("server") == "awselb/2.0"


def test_a_body_of_1024_bytes_in_utf_8(balancer):
    text = "é" * 512
    balancer.start([], default=fixed(200, MessageBody=text))
    assert balancer.get().body == text.encode()


def test_the_connection_goes_on_and_bodies_of_requests_are_thrown_away(balancer):
    balancer.start([], default=fixed(404), rules=[rule(1, [condition("http-request-method", "GET")], fixed(200,
        MessageBody="x"))])
    client = balancer.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get())
    assert client.message().status == 404
    response = client.message()
    assert response.status == 200 and response.get("connection") == "keep-alive"


def test_head_gets_the_length_and_no_body(balancer):
    balancer.start([], default=fixed(200, MessageBody="abc"))
    client = balancer.connect()
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert re.search(rb"Content-Length: 3\r\n.*\r\n\r\n$", client.rest(), re.S)


@pytest.mark.parametrize("config, message", [
    ({"StatusCode": "302"}, "must be 2XX, 4XX or 5XX"),
    ({"StatusCode": "100"}, "must be 2XX, 4XX or 5XX"),
    ({"StatusCode": "600"}, "must be 2XX, 4XX or 5XX"),
    ({"StatusCode": "20"}, "StatusCode must be a whole number"),
    ({"ContentType": "image/png"}, "The content type 'image/png' is not valid"),
    ({"MessageBody": "a" * 1025}, "MessageBody must have at most 1024 characters"),
    ({"Headers": {}}, "the member 'Headers', which is not supported"),
])
def test_refused(balancer, config, message):
    action = fixed(200)
    action["FixedResponseConfig"].update(config)
    assert message in refusal(balancer, DefaultActions=[action])


@pytest.mark.parametrize("kind", ["authenticate-oidc", "authenticate-cognito", "jwt-validation"])
@pytest.mark.parametrize("more", [[], [fixed(200)]])
def test_actions_that_ask_who_the_client_is_are_not_supported(balancer, kind, more):
    actions = [{"Type": kind, "Order": 1}, *more]
    assert f"the action type '{kind}' is not supported" in refusal(balancer, DefaultActions=actions)


@pytest.mark.parametrize("actions", [[], [fixed(200), fixed(201)]])
def test_exactly_one_action_ends_a_rule(balancer, actions):
    assert "there must be exactly one action" in refusal(balancer, DefaultActions=actions)
