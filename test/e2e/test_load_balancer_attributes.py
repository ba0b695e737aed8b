"""Attributes as both aws commands show them: AWS's defaults, and an honest error for what is not there."""
import pytest
from backend import Backend, ask, fixed, forward, needs_boto3_with, refuses
from conftest import eventually

LOAD_BALANCER = {
    "access_logs.s3.enabled": "false", "idle_timeout.timeout_seconds": "60", "deletion_protection.enabled": "false",
    "routing.http2.enabled": "true", "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.xff_client_port.enabled": "false", "routing.http.preserve_host_header.enabled": "false",
    "routing.http.xff_header_processing.mode": "append", "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive", "client_keep_alive.seconds": "3600",
    "waf.fail_open.enabled": "false", "zonal_shift.config.enabled": "false",
}
TARGET_GROUP = {
    "deregistration_delay.timeout_seconds": "300", "stickiness.enabled": "false", "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400", "load_balancing.algorithm.type": "round_robin",
    "slow_start.duration_seconds": "0", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
}


@pytest.fixture(scope="module")
def backend(cloud):
    made = Backend(cloud, count=0)
    made.front = made.balancer("front", fixed(200, "front"))
    made.group = made.elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=made.vpc)["TargetGroups"][0]["TargetGroupArn"]
    return made


def attributes(found):
    return {row["Key"]: row["Value"] for row in found["Attributes"]}


def test_defaults_are_those_of_aws(backend, aws):
    shown = attributes(aws(f"elbv2 describe-load-balancer-attributes --load-balancer-arn {backend.front['LoadBalancerArn']}"))
    assert LOAD_BALANCER.items() <= shown.items()
    shown = attributes(aws(f"elbv2 describe-target-group-attributes --target-group-arn {backend.group}"))
    assert TARGET_GROUP.items() <= shown.items()


def test_what_is_not_there_is_refused_and_nothing_changes(backend):
    def change(code, **values):
        refuses(code, backend.elb.modify_target_group_attributes, TargetGroupArn=backend.group, Attributes=[
            {"Key": key.replace("__", "."), "Value": value} for key, value in values.items()])
    change("InvalidConfigurationRequest", slow_start__duration_seconds="30", load_balancing__algorithm__type="weighted_random")
    change("InvalidConfigurationRequest", stickiness__enabled="true", stickiness__type="app_cookie")
    change("ValidationError", slow_start__duration_seconds="29")
    change("ValidationError", deregistration_delay__timeout_seconds="3601")
    change("ValidationError", no__such__key="1")
    shown = backend.elb.describe_target_group_attributes(TargetGroupArn=backend.group)
    assert TARGET_GROUP.items() <= attributes(shown).items()
    refuses("UnsupportedOperation", backend.elb.modify_load_balancer_attributes, LoadBalancerArn=backend.front["LoadBalancerArn"],
            Attributes=[{"Key": "waf.fail_open.enabled", "Value": "true"}])


def test_what_is_refused_else_says_so_too(backend):
    needs_boto3_with(backend.elb, "ModifyListener", "MutualAuthentication")
    elb, code = backend.elb, "UnsupportedOperation"
    refuses(code, elb.modify_listener, ListenerArn=backend.front["Listener"], MutualAuthentication={"Mode": "verify"}, Protocol="HTTPS")
    refuses(code, elb.create_rule, ListenerArn=backend.front["Listener"], Priority=1,
            Conditions=[{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}],
            Actions=[{"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {
                "Issuer": "https://i", "AuthorizationEndpoint": "https://i/a", "TokenEndpoint": "https://i/t",
                "UserInfoEndpoint": "https://i/u", "ClientId": "c", "ClientSecret": "s"}}, {**forward(backend.group), "Order": 2}])
    refuses(code, elb.create_target_group, Name="function", TargetType="lambda")
    refuses(code, elb.create_load_balancer, Name="network", Type="network", Subnets=backend.subnets)


def test_deletion_protection_protects(backend, aws):
    arn = backend.front["LoadBalancerArn"]
    change = f"elbv2 modify-load-balancer-attributes --load-balancer-arn {arn} --attributes Key=deletion_protection.enabled,Value="
    aws(change + "true")
    assert aws.fails(f"elbv2 delete-load-balancer --load-balancer-arn {arn}") == "OperationNotPermitted"
    aws(change + "false")
    assert ask("/", name=backend.front["DNSName"]).body == "front"


def test_a_target_group_in_use_cannot_be_deleted(backend):
    group = backend.target_group("used")
    rule = backend.elb.create_rule(ListenerArn=backend.front["Listener"], Priority=9, Actions=[forward(group)],
                                   Conditions=[{"Field": "path-pattern", "Values": ["/used"]}])["Rules"][0]["RuleArn"]
    refuses("ResourceInUse", backend.elb.delete_target_group, TargetGroupArn=group)
    eventually(lambda: ask("/used", name=backend.front["DNSName"]).status == 503, what="the rule")
    backend.elb.delete_rule(RuleArn=rule)
    backend.elb.delete_target_group(TargetGroupArn=group)
    refuses("TargetGroupNotFound", backend.elb.describe_target_groups, TargetGroupArns=[group])
