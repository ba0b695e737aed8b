"""Forward actions with several target groups: weights, and AWSALBTG that keeps a client's choice."""
import time

import pytest

from cookies import KEY, Browser, cookies_of, named_targets, seal, unseal, with_key

NAMES = ["AWSALBTG", "AWSALBTGCORS"]


@pytest.fixture
def targets():
    made = named_targets(3)
    yield made
    for one in made:
        one.stop()


def forward(weights, stickiness=None):
    groups = [{"TargetGroupName": f"g{i}", "Weight": weight} for i, weight in enumerate(weights)]
    config = {"TargetGroups": groups}
    if stickiness:
        config["TargetGroupStickinessConfig"] = stickiness
    return {"Type": "forward", "ForwardConfig": config}


FOR_A_WHILE = {"Enabled": True, "DurationSeconds": 3000}


def arrange(balancer, targets, weights, stickiness=FOR_A_WHILE, rules=(), attributes=None, key=KEY):
    """A group for each target, and a default action that forwards to all of them."""
    original = balancer.config

    def config(*args, **options):
        made = original(*args, **options)
        group = made["TargetGroups"][0]
        made["TargetGroups"] = [
            {**group, "TargetGroupName": f"g{i}", "Attributes": attributes or {},
             "Targets": [{"Id": "127.0.0.1", "Port": target.port}] if target else []}
            for i, target in enumerate(targets)]
        made["Listeners"][0]["DefaultActions"] = [forward(weights, stickiness)]
        made["Listeners"][0]["Rules"] = list(rules)
        return made
    balancer.config = config
    with_key(balancer, key)


def start(balancer, targets, *args, **options):
    arrange(balancer, targets, *args, **options)
    balancer.start()
    for i, target in enumerate(targets):
        if target:
            balancer.wait_line(f":{target.port} of g{i} is healthy")


def homes(balancer, count):
    return [balancer.get().body.decode() for _ in range(count)]


def test_requests_are_shared_by_weight(balancer, targets):
    start(balancer, targets, [3, 1, 0], stickiness=None)
    seen = homes(balancer, 400)
    assert seen.count("2") == 0
    assert 250 < seen.count("0") < 350 and seen.count("0") + seen.count("1") == 400


def test_all_weights_zero_is_503(balancer, targets):
    start(balancer, targets, [0, 0, 0], stickiness=None)
    assert balancer.get().status == 503


def test_a_group_without_targets_keeps_its_share(balancer, targets):
    start(balancer, [targets[0], None], [1, 1], stickiness=None)
    seen = [balancer.get().status for _ in range(100)]
    assert seen.count(503) > 20 and seen.count(200) > 20


def test_both_cookies_are_on_every_response(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    browser = Browser(balancer)
    for _ in range(3):
        browser.get()
        cookies = cookies_of(browser.response)
        assert list(cookies) == NAMES
        assert cookies["AWSALBTG"].value == cookies["AWSALBTGCORS"].value
        expires = f"Expires={cookies['AWSALBTG'].attribute('Expires')}"
        assert cookies["AWSALBTG"].attributes == [expires, "Path=/"]
        assert cookies["AWSALBTGCORS"].attributes == [expires, "Path=/", "SameSite=None", "Secure"]


@pytest.mark.parametrize("name", NAMES)
def test_a_client_with_either_cookie_stays_with_its_group(balancer, targets, name):
    start(balancer, targets, [1, 1, 1])
    browser = Browser(balancer)
    home = browser.get()
    for _ in range(20):
        browser.jar = {name: browser.jar[name]}
        assert browser.get() == home


def test_new_clients_do_not_all_get_the_same_group(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    assert set(homes(balancer, 60)) == {"0", "1", "2"}


def test_the_session_ends_after_its_duration_and_is_renewed(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    browser = Browser(balancer)
    home = browser.get()
    [(group, target, end)] = unseal("AWSALBTG", browser.jar["AWSALBTG"])
    assert target == 0 and 2000 < end - time.time() <= 3000
    browser.jar = {"AWSALBTG": seal("AWSALBTG", [(group, 0, int(time.time()) + 100)])}
    assert browser.get() == home
    assert unseal("AWSALBTG", browser.jar["AWSALBTG"])[0][2] > time.time() + 2000
    ended = seal("AWSALBTG", [(group, 0, int(time.time()) - 1)])
    seen = {balancer.get(headers=f"Cookie: AWSALBTG={ended}\r\n").body for _ in range(60)}
    assert len(seen) == 3


def test_a_group_whose_weight_became_zero_keeps_its_sessions(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    browser = Browser(balancer)
    while browser.get() != "0":
        browser.jar = {}
    arrange(balancer, targets, [0, 1, 1])
    balancer.reload()
    for _ in range(10):
        assert browser.get() == "0"
    assert "0" not in homes(balancer, 40)


def test_a_group_that_left_the_action_has_its_sessions_taken_over(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    browser = Browser(balancer)
    while browser.get() != "2":
        browser.jar = {}
    arrange(balancer, targets[:2], [1, 1])
    balancer.reload()
    home = browser.get()
    assert home in ("0", "1")
    for _ in range(10):
        assert browser.get() == home


def test_there_is_no_failover_from_a_group_that_is_empty(balancer, targets):
    start(balancer, targets[:2], [1, 1])
    browser = Browser(balancer)
    while browser.get() != "1":
        browser.jar = {}
    arrange(balancer, [targets[0], None], [1, 1])
    balancer.reload()
    for _ in range(10):
        browser.get()
        assert browser.response.status == 503


def test_each_action_keeps_its_own_choice(balancer, targets):
    only_two = forward([0, 0, 1], FOR_A_WHILE)
    only_two["ForwardConfig"]["TargetGroups"][:2] = []
    rules = [{"Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/two"]}],
              "Actions": [only_two]}]
    start(balancer, targets, [1, 1], rules=rules)
    browser = Browser(balancer)
    home = browser.get()
    for _ in range(10):
        assert browser.get("/two") == "2"
        assert browser.get() == home


def test_a_url_encoded_cookie_is_refused_awsalbtgcookieinvalid(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    value = cookies_of(balancer.get())["AWSALBTG"].value
    encoded = value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert balancer.get(headers="Cookie: AWSALBTG=%41" + encoded[1:] + "\r\n").status == 400


def test_a_cookie_that_is_not_whole_means_a_new_choice(balancer, targets):
    start(balancer, targets, [1, 1, 1])
    value = cookies_of(balancer.get())["AWSALBTG"].value
    for wrong in (value[:-4], "", "x" * 40, value[:20] + ("A" if value[20] != "A" else "B") + value[21:]):
        seen = [balancer.get(headers=f"Cookie: AWSALBTG={wrong}\r\n") for _ in range(60)]
        assert {response.status for response in seen} == {200}
        assert len({response.body for response in seen}) == 3


def test_with_sticky_targets_both_choices_are_kept(balancer, targets):
    start(balancer, targets, [1, 1, 1], attributes={"stickiness.enabled": "true"})
    browser = Browser(balancer)
    home = browser.get()
    assert set(browser.jar) == {"AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS"}
    for _ in range(10):
        assert browser.get() == home


@pytest.mark.parametrize("stickiness, error", [
    (None, "needs a TargetGroupStickinessConfig"),
    ({"Enabled": False}, "needs a TargetGroupStickinessConfig"),
    ({"Enabled": True}, "needs DurationSeconds"),
    ({"Enabled": True, "DurationSeconds": 604801}, "DurationSeconds must be a whole number from 1 to 604800"),
])
def test_sticky_targets_in_several_groups_need_a_sticky_group(balancer, targets, stickiness, error):
    arrange(balancer, targets, [1, 1, 1], stickiness=stickiness, attributes={"stickiness.enabled": "true"})
    assert error in balancer.refusal()
