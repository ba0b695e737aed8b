"""Stickiness by the load balancer's own cookie: AWSALB and AWSALBCORS."""
import email.utils
import time

import pytest

from conftest import Balancer, free_port
from cookies import (DAY, KEY, OTHER_KEY, Browser, cookies_of, leaves_a_failed_target_for_good, named_targets, seal, unseal,
                     with_key)

STICKY = {"stickiness.enabled": "true"}


@pytest.fixture
def targets():
    made = named_targets(4)
    yield made
    for one in made:
        one.stop()


def start(balancer, targets, attributes=None, key=KEY):
    group = {"Attributes": {**STICKY, **(attributes or {})}}
    if key:
        with_key(balancer, key)
    balancer.start(targets, group=group)
    return group


def test_both_cookies_are_on_every_response_and_have_the_same_value(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    values = set()
    for _ in range(3):
        browser.get()
        cookies = cookies_of(browser.response)
        assert list(cookies) == ["AWSALB", "AWSALBCORS"]
        assert cookies["AWSALB"].value == cookies["AWSALBCORS"].value
        values.add(cookies["AWSALB"].value)
    assert len(values) == 3


def test_the_attributes_are_expires_in_seven_days_and_path(balancer, targets):
    start(balancer, targets, {"stickiness.lb_cookie.duration_seconds": "1"})
    before = int(time.time())
    response = balancer.get()
    after = time.time()
    cookies = cookies_of(response)
    expires = email.utils.parsedate_to_datetime(cookies["AWSALB"].attribute("Expires")).timestamp()
    assert before + 7 * DAY - 1 <= expires <= after + 7 * DAY
    assert cookies["AWSALB"].attributes == [f"Expires={cookies['AWSALB'].attribute('Expires')}", "Path=/"]
    assert cookies["AWSALBCORS"].attributes == cookies["AWSALB"].attributes + ["SameSite=None", "Secure"]


def test_a_client_with_the_cookie_stays_at_its_target(balancer, targets):
    start(balancer, targets)
    browsers = [Browser(balancer) for _ in range(4)]
    homes = [browser.get() for browser in browsers]
    assert sorted(homes) == ["0", "1", "2", "3"]
    for _ in range(3):
        assert [browser.get() for browser in browsers] == homes


def test_clients_without_cookies_are_spread(balancer, targets):
    start(balancer, targets)
    assert {balancer.get().body for _ in range(4)} == {b"0", b"1", b"2", b"3"}


@pytest.mark.parametrize("name", ["AWSALB", "AWSALBCORS"])
def test_either_cookie_is_enough(balancer, targets, name):
    start(balancer, targets)
    browser = Browser(balancer)
    home = browser.get()
    browser.jar = {name: browser.jar[name]}
    for _ in range(6):
        browser.jar = {name: browser.jar[name]}
        assert browser.get() == home


def test_the_cookie_goes_on_to_the_target(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    home = int(browser.get())
    targets[home].request()
    sent = browser.jar["AWSALB"]
    browser.jar["own"] = "1"
    browser.get()
    assert targets[home].request().get("cookie") == f"AWSALB={sent}; AWSALBCORS={sent}; own=1"


def forged(value):
    yield "forged", value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
    yield "truncated", value[:-8]
    yield "empty", ""
    yield "nonsense", "!" * len(value)
    yield "too long", value + "A" * 5000
    yield "doubled", value + value


def test_a_cookie_that_is_not_whole_means_a_new_choice(balancer, targets):
    start(balancer, targets)
    value = cookies_of(balancer.get())["AWSALB"].value
    for _, wrong in forged(value):
        homes = set()
        for _ in range(4):
            response = balancer.get(headers=f"Cookie: AWSALB={wrong}\r\n")
            assert response.status == 200
            assert "AWSALB" in cookies_of(response)
            homes.add(response.body)
        assert len(homes) == 4


def test_a_cookie_of_another_load_balancer_means_a_new_choice(balancer, targets, tmp_path):
    start(balancer, targets)
    directory = tmp_path / "other"
    directory.mkdir()
    other = Balancer(str(directory))
    try:
        start(other, targets, key=OTHER_KEY)
        value = cookies_of(other.get())["AWSALB"].value
        assert len({balancer.get(headers=f"Cookie: AWSALB={value}\r\n").body for _ in range(4)}) == 4
        assert len({other.get(headers=f"Cookie: AWSALB={value}\r\n").body for _ in range(4)}) == 1
    finally:
        other.stop()


def test_a_cookie_of_another_target_group_means_a_new_choice(balancer, targets):
    def config(*args, **kwargs):
        made = original(*args, **kwargs)
        group = made["TargetGroups"][0]
        made["TargetGroups"].append({**group, "TargetGroupName": "other"})
        made["Listeners"].append({**made["Listeners"][0], "Port": port, "DefaultActions": [
            {"Type": "forward", "TargetGroupName": "other"}]})
        return made
    original, port = balancer.config, free_port()
    balancer.config = config
    start(balancer, targets)
    for one in targets:
        balancer.wait_line(f":{one.port} of other is healthy")
    browser = Browser(balancer)
    home = browser.get()
    seen = set()
    for _ in range(4):
        client = Browser(balancer)
        client.jar = dict(browser.jar)
        seen.add(client.get(port=port))
    assert len(seen) == 4
    # A client may have a session with both: the cookie holds them side by side.
    other_home = browser.get(port=port)
    for _ in range(3):
        assert browser.get() == home
        assert browser.get(port=port) == other_home


def test_an_expired_session_means_a_new_choice(balancer, targets):
    start(balancer, targets)
    [(group, target, _)] = unseal("AWSALB", cookies_of(balancer.get())["AWSALB"].value)
    now = int(time.time())
    for end, homes in [(now + 1000, 1), (now - 1, 4)]:
        value = seal("AWSALB", [(group, target, end)])
        assert len({balancer.get(headers=f"Cookie: AWSALB={value}\r\n").body for _ in range(4)}) == homes


def test_each_response_renews_the_session(balancer, targets):
    start(balancer, targets, {"stickiness.lb_cookie.duration_seconds": "5000"})
    [(group, target, end)] = unseal("AWSALB", cookies_of(balancer.get())["AWSALB"].value)
    assert 4000 < end - time.time() <= 5000
    value = seal("AWSALB", [(group, target, int(time.time()) + 1000)])
    response = balancer.get(headers=f"Cookie: AWSALB={value}\r\n")
    [(again, home, end)] = unseal("AWSALB", cookies_of(response)["AWSALB"].value)
    assert (again, home) == (group, target) and end > time.time() + 4000


def test_a_failed_target_is_left_for_good(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    leaves_a_failed_target_for_good(browser, targets, browser.get())


@pytest.mark.parametrize("how", ["draining", "deregistered"])
def test_a_target_that_leaves_has_its_sessions_taken_over(balancer, targets, how):
    group = start(balancer, targets)
    browser = Browser(balancer)
    home = int(browser.get())
    rows = [t for t in targets if t is not targets[home]]
    if how == "draining":
        rows.append({"Id": "127.0.0.1", "Port": targets[home].port, "Draining": True})
    balancer.reload(rows, group=group)
    second = browser.get()
    assert second != str(home)
    for _ in range(4):
        assert browser.get() == second


def test_a_target_that_cannot_be_reached_is_replaced_at_once(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    home = browser.get()
    targets[int(home)].stop()
    second = browser.get()
    assert browser.response.status == 200 and second != home
    assert browser.get() == second


def test_sessions_outlive_a_reload_of_the_configuration(balancer, targets):
    group = start(balancer, targets, key=None)
    browser = Browser(balancer)
    home = browser.get()
    for _ in range(3):
        balancer.reload(targets, group=group)
        assert browser.get() == home


def test_a_restarted_load_balancer_with_the_same_key_knows_its_sessions(balancer, targets):
    start(balancer, targets)
    browser = Browser(balancer)
    home = browser.get()
    balancer.stop()
    balancer.log.clear()
    balancer.start(targets, group={"Attributes": STICKY})
    for _ in range(4):
        assert browser.get() == home


def test_a_websocket_sticks_by_its_connection(balancer):
    def upgrade(connection, request):
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while True:
            connection.send(connection.exactly(1))
    targets = named_targets(3)
    for one in targets:
        one.handler = upgrade
    start(balancer, targets)
    client = balancer.connect()
    head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n"
    client.send(head % b"")
    response = client.message(head_only=True)
    assert response.status == 101
    assert list(cookies_of(response)) == ["AWSALB", "AWSALBCORS"]
    for byte in b"abc":
        client.send(bytes([byte]))
        assert client.exactly(1) == bytes([byte])
    assert sum(t.requests.qsize() for t in targets) == 1
    home = next(t for t in targets if t.has_request())
    for _ in range(3):
        again = balancer.connect()
        again.send(head % b"Cookie: AWSALB=%s\r\n" % cookies_of(response)["AWSALB"].value.encode())
        assert again.message(head_only=True).status == 101
        again.close()
    client.close()
    assert home.requests.qsize() == 4
    for one in targets:
        one.stop()


def test_the_load_balancers_own_answers_set_no_cookie(balancer):
    start(balancer, [])
    response = balancer.get()
    assert response.status == 503 and not response.all("set-cookie")


@pytest.mark.parametrize("attributes, error", [
    ({"stickiness.lb_cookie.duration_seconds": "604801"}, "between '1' and '604800'"),
    ({"load_balancing.cross_zone.enabled": "false"}, "cross-zone load balancing is off"),
])
def test_what_stickiness_does_not_go_with_is_refused(balancer, attributes, error):
    assert error in balancer.refusal([], group={"Attributes": {**STICKY, **attributes}})
