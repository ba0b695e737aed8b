"""Transforms of rules (section "Transforms"): what the target sees, and what nobody else does."""
import pytest

from rules import condition, fixed, get, refusal, rule

FORWARD = {"Type": "forward", "TargetGroupName": "app"}


def host_rewrite(regex, replace):
    return {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": regex,
        "Replace": replace}]}}


def url_rewrite(regex, replace):
    return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": regex, "Replace": replace}]}}


def start(balancer, target, *transforms, conditions=None, **options):
    conditions = conditions or [condition("path-pattern", "/*")]
    balancer.start([target], default=fixed(418), rules=[rule(1, conditions, FORWARD, Transforms=list(transforms))],
        **options)


def seen(balancer, target, path="/", host="e.com"):
    """The request line and the host that the target gets."""
    client = balancer.connect()
    client.send(get(path, host))
    assert client.message().status == 200
    request = target.request()
    return request.first, request.get("host").replace(f":{balancer.port}", "")


@pytest.mark.parametrize("regex, replace, path, expected", [
    ("^/dp/([A-Z0-9]+)/?$", "/product.php?id=$1", "/dp/B07X", "/product.php?id=B07X"),
    ("^/api/v1/(.*)$", "/$1", "/api/v1/users?x=1", "/users?x=1"),
    ("^/(a+)/(b+)", "/$2/$1", "/aa/b/c?d", "/b/aa/c?d"),
    ("\\?.*$", "", "/a?secret=1", "/a"),
    ("old", "new", "/x/old/old?old", "/x/new/old?old"),
    ("(?i)^/ABC", "/x", "/abc/d", "/x/d"),
    ("(x)?/a", "/$1b$0", "/a", "/b/a"),
    ("$", "&added=$$", "/a?b=c", "/a?b=c&added=$$"),
    ("^/%61(.)/\\.\\.", "/never", "/%61b/../c", None),
    ("^/c$", "/normal", "/%61b/../c", "/normal"),
])
def test_url_rewrite(balancer, target, regex, replace, path, expected):
    start(balancer, target, url_rewrite(regex, replace))
    assert seen(balancer, target, path)[0] == f"GET {expected or path} HTTP/1.1"


@pytest.mark.parametrize("regex, replace, host, expected", [
    ("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com", "mywebsite-example.com", "internal.dev.example.myweb.com"),
    ("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com", "MyWebsite-Example.com:99", "internal.dev.example.myweb.com"),
    ("^www\\.", "", "www.e.com", "e.com"),
    ("com", "org", "e.com", "e.org"),
    ("^nothing$", "x.com", "e.com", "e.com"),
])
def test_host_header_rewrite(balancer, target, regex, replace, host, expected):
    start(balancer, target, host_rewrite(regex, replace))
    assert seen(balancer, target, host=host)[1] == expected


def test_one_of_each(balancer, target):
    start(balancer, target, host_rewrite("^(.*)$", "x-$1"), url_rewrite("^/a", "/b"))
    assert seen(balancer, target, "/a/c?d") == ("GET /b/c?d HTTP/1.1", "x-e.com")


def test_a_rewritten_host_holds_with_preserve_host_header(balancer, target):
    start(balancer, target, host_rewrite("e.com", "o.com"),
        attributes={"routing.http.preserve_host_header.enabled": "true"})
    assert seen(balancer, target) == ("GET / HTTP/1.1", "o.com")


def test_no_match_leaves_the_request_as_it_came(balancer, target):
    start(balancer, target, url_rewrite("^/nothing", "/x"), host_rewrite("^nothing", "x"))
    assert seen(balancer, target, "/%61/./b?c", "E.com") == ("GET /%61/./b?c HTTP/1.1", "E.com")


@pytest.mark.parametrize("transform, path", [
    (url_rewrite("^/", ""), "/a"),                    # no longer begins with /
    (url_rewrite("^/a", "/x y"), "/a"),               # a space
    (url_rewrite("^/a", "/#x"), "/a"),                # a fragment
    (url_rewrite("^/(.*)$", "/" + "$1" * 500), "/" + "a" * 200),  # too long
    (host_rewrite("^.*$", ""), "/"),                  # no host
    (host_rewrite("^.*$", "a/b"), "/"),               # no host
    (host_rewrite("^(.*)$", "$1" * 100), "/"),        # too long
])
def test_a_match_with_an_invalid_result_is_500(balancer, target, transform, path):
    start(balancer, target, transform)
    client = balancer.connect()
    client.send(get(path))
    assert client.message().status == 500
    assert not target.has_request()


def test_rules_see_the_request_as_it_came(balancer, target):
    balancer.start([target], default=fixed(418), rules=[
        rule(1, [condition("path-pattern", "/new/*")], fixed(404)),
        rule(2, [condition("path-pattern", "/old/*"), condition("host-header", "e.com")], FORWARD,
             Transforms=[url_rewrite("^/old", "/new"), host_rewrite(".*", "new.com")])])
    assert seen(balancer, target, "/old/a") == ("GET /new/a HTTP/1.1", "new.com")
    assert balancer.get("/new/a").status == 404


def test_a_query_behind_no_path_is_part_of_the_url(balancer, target):
    start(balancer, target, url_rewrite("^/[?]a=(.*)$", "/$1"))
    client = balancer.connect()
    client.send(b"GET http://e.com?a=b HTTP/1.1\r\nHost: e.com\r\n\r\n")
    assert client.message().status == 200
    assert target.request().first == "GET /b HTTP/1.1"


def test_bodies_pass_as_before(balancer, target):
    start(balancer, target, url_rewrite("^/a", "/bb"))
    client = balancer.connect()
    client.send(b"POST /a HTTP/1.1\r\nHost: e.com\r\nContent-Length: 5\r\n\r\nabcde" + get("/a/2"))
    assert client.message().status == 200 and client.message().status == 200
    first, second = target.request(), target.request()
    assert (first.first, first.body, second.first) == ("POST /bb HTTP/1.1", b"abcde", "GET /bb/2 HTTP/1.1")


@pytest.mark.parametrize("transforms, message", [
    ([url_rewrite("a", "b"), url_rewrite("c", "d")], "only have one transform of each type"),
    ([host_rewrite("a", "b"), host_rewrite("c", "d")], "only have one transform of each type"),
    ([{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": []}}], "exactly one rewrite"),
    ([{"Type": "url-rewrite"}], "must be an object"),
    ([{"Type": "url-rewrite", "HostHeaderRewriteConfig": {}}], "not supported"),
    ([{"Type": "header-rewrite"}], "the transform type 'header-rewrite' is not supported"),
    ([url_rewrite("(?<=a)b", "c")], "look-behind"),
    ([url_rewrite("(a)", "$2")], "names the group $2"),
    ([url_rewrite("", "x")], "Regex is missing"),
    ([url_rewrite("a" * 1025, "x")], "Regex must have at most 1024 characters"),
    ([url_rewrite("a", "x" * 1025)], "Replace must have at most 1024 characters"),
    ([url_rewrite("a", "\r\nX: y")], "a character that is not valid"),
])
def test_refused(balancer, transforms, message):
    assert message in refusal(balancer, Rules=[rule(1, [condition("path-pattern", "/")], FORWARD,
        Transforms=transforms)])


def test_transforms_need_a_forward_action(balancer):
    rules = [rule(1, [condition("path-pattern", "/")], fixed(200), Transforms=[url_rewrite("a", "b")])]
    assert "only supported with a forward action" in refusal(balancer, Rules=rules)


def test_the_default_rule_has_no_transforms(balancer):
    assert "'Transforms', which is not supported" in refusal(balancer, Transforms=[url_rewrite("a", "b")])
