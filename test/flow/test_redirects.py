"""Redirect actions (section "Redirect"): every part, its default, every placeholder, and the limits."""
import pytest

from certificates import certificate, connect, https
from rules import condition, fixed, get, refusal, rule
from test_answers import page


def redirect(status="HTTP_302", **config):
    return {"Type": "redirect", "RedirectConfig": {**config, "StatusCode": status}}


def location(balancer, action, path="/p/a?q=1&r", host="e.com", request=None):
    balancer.start([], default=action)
    client = balancer.connect()
    client.send(request or get(path, host))
    response = client.message()
    assert response.status in (301, 302)
    return response.get("location").replace(f":{balancer.port}", ":PORT")


@pytest.mark.parametrize("config, expected", [
    # each part alone: the others keep what the request said
    ({"Protocol": "HTTPS"}, "https://e.com:PORT/p/a?q=1&r"),
    ({"Protocol": "HTTP", "Port": "81"}, "http://e.com:81/p/a?q=1&r"),
    ({"Host": "other.com"}, "http://other.com:PORT/p/a?q=1&r"),
    ({"Port": "443"}, "http://e.com:443/p/a?q=1&r"),
    ({"Path": "/new"}, "http://e.com:PORT/new?q=1&r"),
    ({"Path": "/new", "Query": "x=y"}, "http://e.com:PORT/new?x=y"),
    ({"Path": "/new", "Query": ""}, "http://e.com:PORT/new"),
    # the port is always there, the scheme's own too
    ({"Protocol": "HTTPS", "Port": "443"}, "https://e.com:443/p/a?q=1&r"),
    ({"Port": "80"}, "http://e.com:80/p/a?q=1&r"),
    # placeholders where they are allowed
    ({"Protocol": "#{protocol}", "Host": "www.#{host}"}, "http://www.e.com:PORT/p/a?q=1&r"),
    ({"Port": "#{port}", "Path": "/x/#{path}/#{host}/#{port}"}, "http://e.com:PORT/x/p/a/e.com/PORT?q=1&r"),
    ({"Path": "/", "Query": "#{query}&u=#{protocol}://#{host}:#{port}/#{path}"},
     "http://e.com:PORT/?q=1&r&u=http://e.com:PORT/p/a"),
    ({"Path": "/#{path}#{path}"}, "http://e.com:PORT/p/ap/a?q=1&r"),
])
def test_location(balancer, config, expected):
    got = location(balancer, redirect(**config))
    assert got.replace(f"/{balancer.port}?", "/PORT?") == expected


def test_an_empty_query_drops_the_question_mark(balancer):
    assert location(balancer, redirect(Host="o.com"), path="/a") == "http://o.com:PORT/a"


def test_a_query_of_placeholders_may_be_empty(balancer):
    assert location(balancer, redirect(Path="/a", Query="#{query}"), path="/b?") == "http://e.com:PORT/a"


def test_the_port_in_host_is_not_part_of_the_host(balancer):
    assert location(balancer, redirect(Path="/x"), host="e.com:9999") == "http://e.com:PORT/x?q=1&r"


def test_an_ipv6_host_keeps_its_brackets(balancer):
    assert location(balancer, redirect(Path="/x"), path="/", host="[::1]:80") == "http://[::1]:PORT/x"


def test_an_absolute_target_names_the_host(balancer):
    request = b"GET http://abs.com:1/p?q HTTP/1.1\r\nHost: e.com\r\n\r\n"
    assert location(balancer, redirect(Path="/x/#{path}"), request=request) == "http://abs.com:PORT/x/p?q"


@pytest.mark.parametrize("status, text", [("HTTP_301", "301 Moved Permanently"), ("HTTP_302", "302 Found")])
def test_status_and_page(balancer, status, text):
    balancer.start([], default=redirect(status, Host="o.com"))
    response = balancer.get("/")
    assert response.first == f"HTTP/1.1 {text}" and response.body == page(text)
    assert [line.split(":")[0] for line in response.lines] == ["Server", "Date", "Content-Type", "Content-Length",
        "Connection", "Location"]


@pytest.mark.parametrize("path", ["/%0d%0aSet-Cookie:%20a=b", "/a%0D%0A%0D%0A<html>", "/x?%0d%0aX:y", "/%00%0a"])
def test_percent_encoded_line_breaks_stay_encoded(balancer, path):
    got = location(balancer, redirect(Path="/new/#{path}", Query="#{query}"), path=path)
    assert "%0" in got and "\n" not in got


def test_a_location_of_more_than_8_kib_fails(balancer):
    balancer.start([], default=redirect(Path="/#{path}/#{path}"))
    assert balancer.get("/" + "a" * 4000).status == 302
    response = balancer.get("/" + "a" * 4200)
    assert response.status == 500 and response.get("location") is None


def test_a_rule_redirects_and_head_gets_no_body(balancer):
    balancer.start([], default=fixed(404), rules=[rule(1, [condition("path-pattern", "/old/*")], redirect("HTTP_301",
        Path="/new/#{path}"))])
    client = balancer.connect()
    client.send(get("/old/a").replace(b"GET", b"HEAD", 1))
    response = client.message(head_only=True)
    assert response.status == 301 and response.get("content-length") == "134"
    client.send(get("/other"))
    assert client.message().status == 404


@pytest.mark.parametrize("config, expected", [
    ({"Host": "o.com"}, "https://o.com:PORT/p?q"),
    ({"Path": "/x", "Query": "#{protocol}"}, "https://e.com:PORT/x?https"),
    ({"Protocol": "HTTPS", "Port": "443"}, "https://e.com:443/p?q"),
])
def test_an_https_listener_redirects_to_https(balancer, config, expected):
    balancer.start([], default=redirect(**config), listener=https(certificate("e.com")))
    client = connect(balancer, "e.com")
    client.send(get("/p?q"))
    assert client.message().get("location").replace(f":{balancer.port}", ":PORT") == expected


def test_https_to_http_is_refused(balancer):
    listener = https(certificate("e.com"), DefaultActions=[redirect(Protocol="HTTP", Port="80")])
    assert "You cannot redirect HTTPS to HTTP" in refusal(balancer, **listener)


@pytest.mark.parametrize("config, message", [
    ({}, "creates a loop"),
    ({"Query": "a=b"}, "creates a loop"),
    ({"Protocol": "#{protocol}", "Host": "#{host}", "Port": "#{port}", "Path": "/#{path}", "Query": "x"},
     "creates a loop"),
    ({"Protocol": "https"}, "The redirect protocol 'https' must be"),
    ({"Host": ""}, "The redirect host cannot be empty"),
    ({"Host": "a" * 129}, "Host must have at most 128 characters"),
    ({"Host": "#{path}"}, "a reserved keyword that is not valid"),
    ({"Port": "0"}, "The redirect port '0' must be"),
    ({"Port": "65536"}, "The redirect port '65536' must be"),
    ({"Port": "#{host}"}, "The redirect port '#{host}' must be"),
    ({"Path": "new"}, "must begin with '/'"),
    ({"Path": "/" + "a" * 128}, "Path must have at most 128 characters"),
    ({"Path": "/#{query}"}, "a reserved keyword that is not valid"),
    ({"Path": "/#{nonsense}"}, "a reserved keyword that is not valid"),
    ({"Path": "/a\r\nSet-Cookie: x"}, "a character that is not valid"),
    ({"Path": "/a", "Query": "?b"}, "must not begin with '?'"),
    ({"Path": "/a", "Query": "a" * 129}, "Query must have at most 128 characters"),
    ({"Path": "/a", "Permanent": True}, "the member 'Permanent', which is not supported"),
])
def test_refused(balancer, config, message):
    assert message in refusal(balancer, DefaultActions=[redirect(**config)])


def test_other_statuses_are_refused(balancer):
    assert "StatusCode must be HTTP_301 or HTTP_302" in refusal(balancer,
        DefaultActions=[redirect("HTTP_307", Path="/a")])
