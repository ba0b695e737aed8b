"""RegexValues of host-header, path-pattern and http-header conditions: RE2's syntax, in linear time."""
import pytest

from rules import condition, fixed, get, header, query, refusal, rule, status_of

YES, NO = 201, 202


def answers(balancer, conditions, requests):
    balancer.start([], rules=[rule(1, conditions, fixed(YES))], default=fixed(NO))
    return [status_of(balancer, request) == YES for request in requests]


def regexes(field, *values, **config):
    return condition(field, RegexValues=list(values), **config)


def test_host_header_ignores_case(balancer):
    hosts = ["api.example.com", "API.Example.NET:8080", "xapi.example.com", "api.example.org"]
    assert answers(balancer, [regexes("host-header", "^api\\.example\\.(com|net)$")],
                   [get(host=host) for host in hosts]) == [True, True, False, False]


def test_path_pattern_keeps_case_and_sees_no_query(balancer):
    paths = ["/v1/users/42", "/v12/users/7?x=y", "/v/users/1", "/v1/Users/1", "/v1/users/x", "/x?/v1/users/1",
        "/v1/./users/3", "/%761/users/1"]
    assert answers(balancer, [regexes("path-pattern", "^/v[0-9]+/users/\\d+$")],
                   [get(path) for path in paths]) == [True, True, False, False, False, False, True, True]


def test_a_pattern_without_anchors_matches_anywhere(balancer):
    assert answers(balancer, [regexes("path-pattern", "users?", "^/exact$")],
                   [get("/a/user/b"), get("/exact"), get("/exact/")]) == [True, True, False]


def test_http_header_ignores_case_and_tries_each_occurrence(balancer):
    assert answers(balancer, [condition("http-header", HttpHeaderName="X-Ver", RegexValues=["^v(\\d{2}|x)$"])],
                   [get(headers=b"X-Ver: a\r\nx-ver: V12\r\n"), get(headers=b"X-Ver: vX\r\n"),
                    get(headers=b"X-Ver: v1\r\n"),
                    get()]) == [True, True, False, False]


def test_a_flag_in_the_pattern_ignores_case(balancer):
    assert answers(balancer, [regexes("path-pattern", "(?i)^/abc$")], [get("/ABC"), get("/abd")]) == [True, False]


def test_an_expensive_pattern_costs_no_more_than_others(balancer):
    """Backtracking would not come back from this; the test only ends because this does."""
    requests = [get("/" + "a" * 8000), get("/" + "a" * 8000 + "b")]
    assert answers(balancer, [regexes("path-pattern", "^/(a*)*b$", "^/(a|aa)+b\\b")], requests) == [False, True]


@pytest.mark.parametrize("pattern, what", [
    ("(?=a)", "look-ahead"), ("(?!a)", "look-ahead"), ("(?<=a)b", "look-behind"), ("(?<!a)b", "look-behind"),
    ("(a)\\1", "back-references"), ("(?>a)", "an atomic group"), ("a++", "possessive quantifiers"),
    ("(?1)", "recursion"), ("(?R)", "recursion"), ("(?&x)", "a subroutine"), ("\\p{L}", "Unicode character classes"),
])
def test_what_cannot_be_linear_is_refused_by_name(balancer, pattern, what):
    said = refusal(balancer, Rules=[rule(1, [regexes("path-pattern", pattern)], fixed(200))])
    assert what in said and "not supported" in said and "The regular expression" in said


@pytest.mark.parametrize("conditions, message", [
    ([regexes("path-pattern", "(a")], "a group is not closed"),
    ([regexes("path-pattern", "a" * 129)], "cannot be longer than '128' characters"),
    ([regexes("path-pattern", "é")], "a character that is not valid"),
    ([regexes("path-pattern", "((a{99}){99}){99}")], "too large"),
    ([regexes("path-pattern", *"abcdef")], "1 to 5 Values"),
    ([regexes("path-pattern", *"abc"), condition("host-header", "a.b", "b.c", "c.d")],
     "A rule can only have '5' condition values"),
    ([condition("path-pattern", "/a", RegexValues=["b"])], "or as many RegexValues"),
    ([{**query("a"), "RegexValues": ["a"]}], "RegexValues"),
    ([condition("query-string", RegexValues=["a"])], "the member 'RegexValues', which is not supported"),
    ([condition("http-request-method", RegexValues=["a"])], "the member 'RegexValues', which is not supported"),
    ([condition("source-ip", RegexValues=["a"])], "the member 'RegexValues', which is not supported"),
    ([{**header("X", "a"), "RegexValues": ["a"]}], "or as many RegexValues"),
])
def test_refused(balancer, conditions, message):
    assert message in refusal(balancer, Rules=[rule(1, conditions, fixed(200))])
