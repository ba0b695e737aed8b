"""Conditions of rules (the table "Conditions"): each kind's comparison, case, wildcards and limits."""
import pytest

from rules import condition, fixed, get, header, query, refusal, rule, status_of

YES, NO = 201, 202


def answers(balancer, conditions, requests):
    """Which of the requests a rule with these conditions takes."""
    balancer.start([], rules=[rule(1, conditions, fixed(YES))], default=fixed(NO))
    return {request: status_of(balancer, request) == YES for request in requests}


@pytest.mark.parametrize("values, yes, no", [
    (["*.Example.com"], ["a.example.com", "A.B.EXAMPLE.COM", "a.example.com:8080"],
     ["example.com", "a.example.com.x", "a-example.com"]),
    (["e?.com", "x.org"], ["ee.com", "X.org"], ["e.com", "eee.com", "xxorg"]),
    (["a_b-1.example.com"], ["a_b-1.example.com"], ["a.example.com"]),
])
def test_host_header(balancer, values, yes, no):
    got = answers(balancer, [condition("host-header", *values)], [get(host=host) for host in yes + no])
    assert [host for host in yes + no if got[get(host=host)]] == yes


def test_host_header_of_an_absolute_target_comes_before_the_header(balancer):
    absolute = b"GET http://other.com/x HTTP/1.1\r\nHost: e.com\r\n\r\n"
    assert answers(balancer, [condition("host-header", "other.com")], [absolute]) == {absolute: True}


@pytest.mark.parametrize("values, yes, no", [
    (["/img/*"], ["/img/", "/img/a/b", "/img/a?x=/other", "/%69mg/a", "/x/../img/a", "/./img/a"],
     ["/img", "/IMG/a", "/x/img/", "/?/img/a", "/img/../a"]),
    (["/a?c"], ["/abc", "/a.c", "/a-c"], ["/ac", "/abbc", "/a?c"]),
    (["/a", "/b*d"], ["/a", "/bd", "/b/c/d"], ["/a/", "/bde"]),
    (["/_-.$/~\"'@:+&x"], ["/_-.$/~\"'@:+&x"], ["/_-.$/~\"'@:+&X"]),
    (["*.php"], ["/a.php", "/a/b.php?x=1"], ["/a.php5"]),
])
def test_path_pattern(balancer, values, yes, no):
    got = answers(balancer, [condition("path-pattern", *values)], [get(path) for path in yes + no])
    assert [path for path in yes + no if got[get(path)]] == yes


def test_path_pattern_of_gRPC_names_package_service_and_method(balancer):
    got = answers(balancer, [condition("path-pattern", "/package.Service/method", "/other.*")],
                  [get("/package.Service/method"), get("/other.Service/any"), get("/package.Service/")])
    assert list(got.values()) == [True, True, False]


@pytest.mark.parametrize("name, values, yes, no", [
    ("User-Agent", ["*Chrome*", "curl/?"], [b"user-agent: x CHROME/1 y\r\n", b"USER-AGENT: Curl/8\r\n"],
     [b"User-Agent: curl/10\r\n", b"X-User-Agent: Chrome\r\n", b""]),
    ("X-Tier", ["gold"], [b"X-Tier: silver\r\nx-tier: Gold\r\n", b"X-Tier:   gold  \r\n"],
     [b"X-Tier: silver, gold\r\n", b"X-Tier: golden\r\n", b"X-Tier:\r\n"]),
    ("X-Path", ["C:\\*"], [b"X-Path: c:\\dir\r\n"], [b"X-Path: c:*\r\n"]),
    ("X-Any", ["*"], [b"X-Any:\r\n", b"X-Any: \xff\r\n"], [b"X-Any: a\tb\r\n", b""]),
])
def test_http_header(balancer, name, values, yes, no):
    got = answers(balancer, [header(name, *values)], [get(headers=text) for text in yes + no])
    assert [text for text in yes + no if got[get(headers=text)]] == yes


@pytest.mark.parametrize("values, yes, no", [
    (["GET", "MY-OWN_ONE"], ["GET", "MY-OWN_ONE"], ["HEAD", "POST", "get", "GETS"]),
])
def test_http_request_method(balancer, values, yes, no):
    requests = {method: get().replace(b"GET", method.encode(), 1) for method in yes + no}
    got = answers(balancer, [condition("http-request-method", *values)], requests.values())
    assert [method for method in yes + no if got[requests[method]]] == yes


@pytest.mark.parametrize("pairs, yes, no", [
    ([("version", "v1")], ["?version=v1", "?a=b&VERSION=V1", "?version=v2&version=v1"],
     ["", "?version=v12", "?xversion=v1", "?version", "?v1=version"]),
    (["*example*"], ["?any=my-EXAMPLE-x", "?a&b=example"], ["?example=1", "?a=exampl"]),
    ([("a*", "?")], ["?abc=1", "?a=x"], ["?abc=12", "?abc=", "?ba=1"]),
    ([("k", "\\*\\?")], ["?k=*?"], ["?k=ab", "?k=\\*\\?"]),
    ([("k", "a\\\\b")], ["?k=a\\b"], ["?k=ab"]),
    ([("k", "a=b")], ["?k=a=b"], ["?k=a"]),
    ([("k", "*")], ["?k=", "?k", "?x&k=1"], ["?kk=1", "?&&"]),
    ([("a", "1"), ("b", "2")], ["?a=1", "?b=2"], ["?a=2&b=1"]),
    ([("k", "a b")], [], ["?k=a+b", "?k=a%20b"]),
])
def test_query_string(balancer, pairs, yes, no):
    got = answers(balancer, [query(*pairs)], [get("/" + text) for text in yes + no])
    assert [text for text in yes + no if got[get("/" + text)]] == yes


@pytest.mark.parametrize("values, matches", [
    (["127.0.0.1/32"], True), (["10.0.0.0/8", "127.0.0.0/9"], True), (["0.0.0.0/0"], True), (["127.0.0.2/32"], False),
    (["127.128.0.0/9"], False), (["::/0"], True), (["::ffff:127.0.0.1/128"], True), (["2001:db8::/32"], False),
    (["::/8"], True), (["::1/128"], False),
])
def test_source_ip(balancer, values, matches):
    forged = get(headers=b"X-Forwarded-For: 10.1.1.1\r\n")
    assert answers(balancer, [condition("source-ip", *values)], [forged]) == {forged: matches}


def test_source_ip_is_never_x_forwarded_for(balancer):
    forged = get(headers=b"X-Forwarded-For: 10.1.1.1\r\n")
    assert answers(balancer, [condition("source-ip", "10.1.1.1/32")], [forged]) == {forged: False}


def test_all_conditions_of_a_rule_must_match(balancer):
    conditions = [condition("path-pattern", "/a"), header("X", "1"), header("Y", "2"), query(("k", "v")),
                  condition("http-request-method", "GET")]
    whole = get("/a?k=v", headers=b"X: 1\r\nY: 2\r\n")
    others = [get("/a?k=v", headers=b"X: 1\r\n"), get("/b?k=v", headers=b"X: 1\r\nY: 2\r\n"),
        get("/a", headers=b"X: 1\r\nY: 2\r\n"),
              whole.replace(b"GET", b"PUT", 1)]
    assert list(answers(balancer, conditions, [whole, *others]).values()) == [True, False, False, False, False]


def test_the_first_rule_by_priority_that_matches_wins(balancer):
    balancer.start([], default=fixed(599), rules=[
        rule(300, [condition("path-pattern", "/*")], fixed(503)), rule(20, [condition("path-pattern", "/a*")],
            fixed(502)),
        rule(3, [condition("path-pattern", "/ab*")], fixed(501))])
    assert [balancer.get(path).status for path in ("/abc", "/ac", "/b")] == [501, 502, 503]


def test_values_of_old_stand_in_the_condition_itself(balancer):
    balancer.start([], default=fixed(NO), rules=[
        rule(1, [{"Field": "path-pattern", "Values": ["/a"]}, {"Field": "host-header", "Values": ["e.com"]}],
            fixed(YES)),
        rule(2, [{"Field": "path-pattern", "Values": ["/b"], "PathPatternConfig": {"Values": ["/b"]}}], fixed(YES)),
        rule(3, [{"Field": "path-pattern", "RegexValues": ["^/c$"]}], fixed(YES))])
    assert [balancer.get(path).status for path in ("/a", "/b", "/c", "/d")] == [YES, YES, YES, NO]


LONG = "a" * 129

REFUSED = {
    "no dot in a host": ([condition("host-header", "example")], "must contain at least one '.'"),
    "digit behind the last dot": ([condition("host-header", "example.c0m")], "only letters after the last one"),
    "host with a port": ([condition("host-header", "e.com:80")], "a character that is not valid"),
    "long host": ([condition("host-header", LONG + ".com")], "cannot be longer than '128' characters"),
    "path with a space": ([condition("path-pattern", "/a b")], "a character that is not valid"),
    "path with a query": ([condition("path-pattern", "/a=b")], "a character that is not valid"),
    "path not in ASCII": ([condition("path-pattern", "/é")], "a character that is not valid"),
    "long path": ([condition("path-pattern", "/" + LONG)], "cannot be longer than '128' characters"),
    "empty value": ([condition("path-pattern", "")], "must be specified"),
    "header host": ([header("HOST", "a")], "cannot be 'host'"),
    "header name no token": ([header("X Y", "a")], "a character that is not valid"),
    "long header name": ([header("a" * 41, "a")], "HttpHeaderName must have at most 40 characters"),
    "no header name": ([condition("http-header", "a")], "HttpHeaderName is missing"),
    "control byte in a value": ([header("X", "a\tb")], "a character that is not valid"),
    "lower-case method": ([condition("http-request-method", "get")], "a character that is not valid"),
    "method with a wildcard": ([condition("http-request-method", "G*")], "a character that is not valid"),
    "long method": ([condition("http-request-method", "A" * 41)], "cannot be longer than '40' characters"),
    "query without value": ([condition("query-string", {"Key": "a"})], "Value is missing"),
    "long key": ([query((LONG, "a"))], "Key must have at most 128 characters"),
    "no CIDR": ([condition("source-ip", "10.0.0.1")], "CIDR block '10.0.0.1' is not valid"),
    "broadcast": ([condition("source-ip", "255.255.255.255/32")], "is not valid"),
    "six values": ([condition("path-pattern", "/1", "/2", "/3"), query("4", "5", "6")],
        "A rule can only have '5' condition values"),
    "six values of one": ([condition("path-pattern", *"123456")], "1 to 5 Values"),
    "seven wildcards": ([condition("path-pattern", "/****", "/?"), query("**")],
        "A rule can only have '6' condition wildcards"),
    "two hosts": ([condition("host-header", "a.b"), condition("host-header", "a.b")],
        "A rule can only have one 'host-header' condition"),
    "two paths": ([condition("path-pattern", "/"), condition("path-pattern", "/")], "only have one 'path-pattern'"),
    "two methods": ([condition("http-request-method", "A"), condition("http-request-method", "B")],
        "only have one 'http-request-method'"),
    "two sources": ([condition("source-ip", "::/0"), condition("source-ip", "::/0")], "only have one 'source-ip'"),
    "no condition": ([], "a rule must have 1 to 5 conditions"),
    "values of old of a header": ([{"Field": "http-header", "Values": ["a"]}], "HttpHeaderConfig is missing"),
    "values in two places": ([{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/b"]}}],
        "cannot specify both"),
    "unknown member": ([{"Field": "path-pattern", "Values": ["/a"], "Not": True}],
        "the member 'Not', which is not supported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(balancer, name):
    conditions, message = REFUSED[name]
    assert message in refusal(balancer, Rules=[rule(1, conditions, fixed(200))])


@pytest.mark.parametrize("rules, message", [
    ([rule(1, [query("a")], fixed(200)), rule(1, [query("b")], fixed(200))], "two rules have the priority 1"),
    ([rule(0, [query("a")], fixed(200))], "Priority must be a whole number from 1 to 50000"),
    ([rule(50001, [query("a")], fixed(200))], "Priority must be a whole number from 1 to 50000"),
    ([rule(i + 1, [query("a")], fixed(200)) for i in range(102)], "at most 100 rules"),
])
def test_priorities_are_unique_and_rules_limited(balancer, rules, message):
    assert message in refusal(balancer, Rules=rules)
