"""Rules of a listener: host-header and path-pattern, and what each action makes of a request."""
import http.client
import json
import sys

import pytest
from backend import Backend, ask, fixed, forward, needs_boto3_with
from conftest import ROOT, eventually

sys.path.insert(0, str(ROOT / "test/lib"))
from load import Load  # noqa: E402

OPTIONS = ["--clock-speed", "10"]


@pytest.fixture(scope="module")
def site(cloud):
    """A default target group with the first instance, "second" with the other one."""
    made = Backend(cloud)
    made.first, made.second = (made.target_group(name, [made.instances[i]]) for i, name in enumerate(["first", "second"]))
    made.site = made.balancer("site", made.first)
    made.rule = add_rule(made, 100, {"path-pattern": ["/second/*", "/other"]}, forward(made.second))
    made.wait_healthy(made.first, 1)
    made.wait_healthy(made.second, 1)
    made.names = [made.host_name(instance) for instance in made.instances]
    return made


def add_rule(site, priority, conditions, action, balancer=None):
    return site.elb.create_rule(
        ListenerArn=(balancer or site.site)["Listener"], Priority=priority, Actions=[action],
        Conditions=[{"Field": field, "Values": values} for field, values in conditions.items()])["Rules"][0]["RuleArn"]


def get(site, path="/", **options):
    return ask(path, **{"name": site.site["DNSName"], **options})


def once(site, status, path, **options):
    """The answer with this status, once the rule that gives it has reached the load balancer."""
    def attempt():
        answer = get(site, path, **options)
        return answer if answer.status == status else None
    return eventually(attempt, what=f"status {status} at {path}")


def who(site, path="/", **options):
    answer = get(site, path, **options)
    assert answer.status == 200, answer
    return site.names.index(answer.body.strip())


def test_path_patterns_choose_the_target_group(site):
    assert [who(site, path) for path in ("/", "/second/", "/second/a/b?c=/", "/other", "/other/", "/Second/")] == [0, 1, 1, 1, 0, 0]


def test_a_host_header_and_a_path_must_both_match(site):
    add_rule(site, 50, {"host-header": ["*.example.com"], "path-pattern": ["/api/*"]}, forward(site.second))
    eventually(lambda: who(site, "/api/x", name="a.EXAMPLE.com") == 1, what="the rule")
    assert who(site, "/api/x", name="example.com") == 0
    assert who(site, "/", name="a.example.com") == 0
    assert who(site, "/api/x") == 0


def test_the_lowest_priority_that_matches_wins_and_can_be_changed(site):
    a = add_rule(site, 10, {"path-pattern": ["/order"]}, fixed(200, "a"))
    b = add_rule(site, 11, {"path-pattern": ["/order"]}, fixed(200, "b"))
    eventually(lambda: get(site, "/order").body == "a", what="rule a")
    site.elb.set_rule_priorities(RulePriorities=[{"RuleArn": a, "Priority": 11}, {"RuleArn": b, "Priority": 10}])
    eventually(lambda: get(site, "/order").body == "b", what="rule b")
    site.elb.delete_rule(RuleArn=b)
    eventually(lambda: get(site, "/order").body == "a", what="rule a again")
    site.elb.modify_rule(RuleArn=a, Actions=[forward(site.second)])
    eventually(lambda: get(site, "/order").body.strip() == site.names[1], what="the changed action")
    site.elb.delete_rule(RuleArn=a)


def test_redirects_keep_what_they_do_not_name(site):
    add_rule(site, 20, {"path-pattern": ["/old/*"]}, {"Type": "redirect", "RedirectConfig": {
        "Host": "new.example.com", "Path": "/new/#{path}", "StatusCode": "HTTP_301"}})
    add_rule(site, 21, {"path-pattern": ["/secure"]}, {"Type": "redirect", "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_302"}})
    moved = once(site, 301, "/old/x?q=1")
    assert (moved.status, moved.headers["Location"]) == (301, "http://new.example.com:80/new/old/x?q=1")
    assert moved.headers["Server"] == "awselb/2.0" and "301 Moved Permanently" in moved.body
    found = once(site, 302, "/secure", name="shop.example.com")
    assert (found.status, found.headers["Location"]) == (302, "https://shop.example.com:443/secure")


def test_fixed_responses_are_given_as_configured(site):
    add_rule(site, 30, {"path-pattern": ["/teapot"]}, fixed(418, '{"short": true}', "application/json"))
    answer = once(site, 418, "/teapot")
    assert (answer.status, answer.body) == (418, '{"short": true}')
    assert answer.headers["Content-Type"].split(";")[0] == "application/json" and answer.headers["Server"] == "awselb/2.0"


def test_a_target_sees_who_asked(cloud, site):
    seen = json.loads(get(site, "/headers", headers={"X-Forwarded-For": "203.0.113.9"}).body)
    assert seen["x-forwarded-for"] == f"203.0.113.9, {cloud.host_address}"
    assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("http", "80")
    assert seen["x-amzn-trace-id"].startswith("Root=1-") and seen["host"] == site.site["DNSName"]
    assert "connection" not in seen or seen["connection"] != "close"


def test_two_load_balancers_share_port_80_by_host(site):
    other = site.balancer("other", fixed(200, "the other"))
    eventually(lambda: get(site, name=other["DNSName"]).body == "the other", what="the other load balancer")
    assert who(site) == 0
    # A host that names neither: on AWS nobody would have come here.
    assert get(site, name="nowhere.example").status == 400
    site.elb.delete_load_balancer(LoadBalancerArn=other["LoadBalancerArn"])
    eventually(lambda: get(site, name="nowhere.example").status == 200, what="one load balancer for all hosts")


def test_one_connection_may_ask_several_load_balancers(site):
    """On the host all share an address; that they differ in their zones must not matter."""
    wide = site.balancer("wide", fixed(200, "wide"))
    site.elb.set_subnets(LoadBalancerArn=wide["LoadBalancerArn"], Subnets=site.all_subnets)
    eventually(lambda: get(site, name=wide["DNSName"]).body == "wide", what="the wide load balancer")
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=5)
    for _ in range(20):
        for name, body in ((wide["DNSName"], "wide"), (site.site["DNSName"], site.names[0])):
            connection.request("GET", "/", headers={"Host": name})
            assert connection.getresponse().read().decode().strip() == body
    connection.close()
    site.elb.delete_load_balancer(LoadBalancerArn=wide["LoadBalancerArn"])


def test_changing_rules_under_load_loses_nothing(site):
    with Load("127.0.0.1", 80, rate=200, name=site.site["DNSName"], path="/change") as load:
        eventually(lambda: len(load.outcomes) > 100, what="load")
        for turn in range(20):
            rule = add_rule(site, 40, {"path-pattern": ["/change"]}, forward([site.first, site.second][turn % 2]))
            done = len(load.outcomes)
            eventually(lambda: len(load.outcomes) > done + 20, what="load")
            site.elb.delete_rule(RuleArn=rule)
    assert not load.failures, load.failures[:3]
    assert {outcome.body for outcome in load.outcomes} == set(site.names)


def test_every_kind_of_condition_works(site):
    needs_boto3_with(site.elb, "CreateRule", "RegexValues")
    both = [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}},
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2*"}]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Who", "RegexValues": ["^me+$"]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["0.0.0.0/0"]}}]
    rule = site.elb.create_rule(ListenerArn=site.site["Listener"], Priority=7, Conditions=both, Actions=[fixed(418, "all")])["Rules"][0]
    assert [condition["Field"] for condition in rule["Conditions"]] == [condition["Field"] for condition in both]
    asked = {"method": "PUT", "headers": {"X-Who": "mee"}}
    once(site, 418, "/?v=21", **asked)
    for path, options in (("/?v=1", asked), ("/?v=21", {**asked, "method": "GET"}), ("/?v=21", {**asked, "headers": {"X-Who": "you"}})):
        assert get(site, path, **options).status == 200
    site.elb.delete_rule(RuleArn=rule["RuleArn"])


def test_a_transform_rewrites_what_the_target_sees(site):
    needs_boto3_with(site.elb, "CreateRule", "Transforms")
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/old/(.*)$", "Replace": "/$1"}]}}
    rule = site.elb.create_rule(
        ListenerArn=site.site["Listener"], Priority=8, Actions=[forward(site.second)], Transforms=[rewrite],
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/old/*"]}}])["Rules"][0]
    assert rule["Transforms"] == [rewrite]
    once(site, 418, "/old/status/418")
    assert site.elb.modify_rule(RuleArn=rule["RuleArn"], ResetTransforms=True)["Rules"][0].get("Transforms", []) == []
    once(site, 200, "/old/status/418")
    site.elb.delete_rule(RuleArn=rule["RuleArn"])
