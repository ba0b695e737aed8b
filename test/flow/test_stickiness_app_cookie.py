"""Stickiness by a cookie of the application: AWSALBAPP-0 beside it."""
import time

import pytest

from conftest import Target, answer
from cookies import KEY, Browser, cookies_of, leaves_a_failed_target_for_good, named_targets, seal, unseal, with_key

STICKY = {"stickiness.enabled": "true", "stickiness.type": "app_cookie",
          "stickiness.app_cookie.cookie_name": "app"}
CHROMIUM = "User-Agent: Mozilla/5.0 AppleWebKit/537.36 Chrome/%d.0.0.0 Safari/537.36\r\n"


@pytest.fixture
def targets():
    """They set the application's cookie when the path is /login."""
    def handler(number):
        def respond(connection, request):
            login = request.first.startswith("GET /login ")
            connection.send(answer(b"%d" % number, headers=b"Set-Cookie: app=%d; Path=/\r\n" % number if login else b""))
        return respond
    made = [Target(handler(i)) for i in range(4)]
    yield made
    for one in made:
        one.stop()


def start(balancer, targets, attributes=None):
    group = {"Attributes": {**STICKY, **(attributes or {})}}
    with_key(balancer, KEY)
    balancer.start(targets, group=group)
    return group


def test_without_the_applications_cookie_nothing_is_sticky(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    assert {browser.get() for _ in range(4)} == {"0", "1", "2", "3"}
    assert browser.jar == {}


def test_once_the_target_sets_its_cookie_the_client_stays(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    home = browser.get("/login")
    cookies = cookies_of(browser.response)
    assert list(cookies) == ["app", "AWSALBAPP-0"]
    assert cookies["AWSALBAPP-0"].attributes == [f"Expires={cookies['AWSALBAPP-0'].attribute('Expires')}", "Path=/"]
    for _ in range(4):
        assert browser.get() == home
        assert list(cookies_of(browser.response)) == ["AWSALBAPP-0"]


@pytest.mark.parametrize("missing", ["app", "AWSALBAPP-0"])
def test_the_client_must_send_both_cookies(balancer, targets, missing):
    start(balancer, targets)
    browser = Browser(balancer)
    browser.get("/login")
    jar = {name: value for name, value in browser.jar.items() if name != missing}
    homes = set()
    for _ in range(4):
        browser.jar = dict(jar)
        homes.add(browser.get())
    assert len(homes) == 4


def test_only_the_name_of_the_applications_cookie_counts(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    home = browser.get("/login")
    browser.jar["app"] = "anything else"
    for _ in range(4):
        assert browser.get() == home


@pytest.mark.parametrize("agent, same_site", [
    (CHROMIUM % 80, True), (CHROMIUM % 131, True), (CHROMIUM % 79, False),
    ("User-Agent: curl/8.0\r\n", False), ("", False),
])
def test_same_site_none_is_for_chromium_from_version_80(balancer, targets, agent, same_site):
    start(balancer, targets)
    browser = Browser(balancer, headers=agent)
    browser.get("/login")
    attributes = cookies_of(browser.response)["AWSALBAPP-0"].attributes
    assert ("SameSite=None" in attributes and "Secure" in attributes) == same_site


def test_a_failed_target_is_left_for_good(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    leaves_a_failed_target_for_good(browser, targets, browser.get("/login"))


def test_the_duration_is_that_of_app_cookies_and_renewed(balancer, targets):
    start(balancer, targets, {"stickiness.app_cookie.duration_seconds": "5000"})
    browser = Browser(balancer)
    browser.get("/login")
    [(group, target, end)] = unseal("AWSALBAPP-0", browser.jar["AWSALBAPP-0"])
    assert 4000 < end - time.time() <= 5000
    browser.jar["AWSALBAPP-0"] = seal("AWSALBAPP-0", [(group, target, int(time.time()) + 1000)])
    browser.get()
    [(_, home, end)] = unseal("AWSALBAPP-0", browser.jar["AWSALBAPP-0"])
    assert home == target and end > time.time() + 4000


def test_an_expired_session_means_a_new_choice_and_no_cookie(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    browser.get("/login")
    [(group, target, _)] = unseal("AWSALBAPP-0", browser.jar["AWSALBAPP-0"])
    browser.jar["AWSALBAPP-0"] = seal("AWSALBAPP-0", [(group, target, int(time.time()) - 1)])
    assert {browser.get() for _ in range(4)} == {"0", "1", "2", "3"}
    assert not browser.response.all("set-cookie")


def test_a_forged_session_means_a_new_choice(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    browser.get("/login")
    value = browser.jar["AWSALBAPP-0"]
    browser.jar["AWSALBAPP-0"] = value[:30] + ("A" if value[30] != "A" else "B") + value[31:]
    assert {browser.get() for _ in range(4)} == {"0", "1", "2", "3"}
    assert browser.response.status == 200


@pytest.mark.parametrize("name, error", [
    ("", "must be specified"), ("AWSALB", "must not begin"), ("AWSALBAPP-0", "must not begin"),
    ("AWSALBTG", "must not begin"), ("a b", "not valid in the name"),
])
def test_names_that_the_applications_cookie_cannot_have(balancer, name, error):
    assert error in balancer.refusal(group={"Attributes": {**STICKY, "stickiness.app_cookie.cookie_name": name}})


def test_it_does_not_go_with_weighted_target_groups(balancer):
    groups = [{"TargetGroupName": "app"}, {"TargetGroupName": "app", "Weight": 2}]
    action = {"Type": "forward", "ForwardConfig": {
        "TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}}
    assert "app_cookie" in balancer.refusal(group={"Attributes": STICKY}, default=action)


def test_other_cookies_of_the_target_pass_unchanged(balancer):
    made = named_targets(1, headers=b"Set-Cookie: a=1\r\nSet-Cookie: app=2; HttpOnly\r\n")
    start(balancer, made)
    response = balancer.get()
    assert response.all("set-cookie")[:2] == ["a=1", "app=2; HttpOnly"]
    made[0].stop()
