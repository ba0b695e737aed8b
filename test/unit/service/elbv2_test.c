/* Load balancers, listeners, rules and target groups: what AWS fills in, and what it refuses. */
#include "base/buf.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/resource.h"
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

/* A region with its default VPC, a load balancer and a target group. */
struct world {
    struct service_fixture *fixture;
    char vpc[32], subnets[3][32], load_balancer[256], group[256], listener[256];
};

static void copy_text(char *out, size_t size, const json_t *doc, const char *path)
{
    snprintf(out, size, "%s", fixture_text(doc, path));
}

static void create_load_balancer(struct world *world, const char *name)
{
    json_auto_t *out = fixture_ok(world->fixture, "elbv2", "CreateLoadBalancer",
                                  "{'Name': '%s', 'Subnets': ['%s', '%s']}", name,
                                  world->subnets[0], world->subnets[1]);
    copy_text(world->load_balancer, sizeof world->load_balancer, out,
              "LoadBalancers.0.LoadBalancerArn");
}

static void create_group(struct world *world, const char *name, const char *more)
{
    json_auto_t *out = fixture_ok(world->fixture, "elbv2", "CreateTargetGroup",
                                  "{'Name': '%s', 'Protocol': 'HTTP', 'Port': 80, 'VpcId': '%s'%s}",
                                  name, world->vpc, more);
    copy_text(world->group, sizeof world->group, out, "TargetGroups.0.TargetGroupArn");
}

static void create_listener(struct world *world)
{
    json_auto_t *out =
        fixture_ok(world->fixture, "elbv2", "CreateListener",
                   "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': 80, "
                   "'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
                   world->load_balancer, world->group);
    copy_text(world->listener, sizeof world->listener, out, "Listeners.0.ListenerArn");
}

static struct world create_world(void)
{
    struct world world = {.fixture = fixture_create()};
    json_auto_t *out = fixture_ok(world.fixture, "ec2", "DescribeSubnets", "{}");
    copy_text(world.vpc, sizeof world.vpc, out, "Subnets.0.VpcId");
    copy_text(world.subnets[0], 32, out, "Subnets.0.SubnetId");
    copy_text(world.subnets[1], 32, out, "Subnets.1.SubnetId");
    copy_text(world.subnets[2], 32, out, "Subnets.2.SubnetId");
    create_load_balancer(&world, "web");
    create_group(&world, "app", "");
    return world;
}

/* Makes an instance that looks as if the host had started it. */
static void run_instance(struct world *world, char id[32])
{
    struct txn *txn = txn_begin(world->fixture->store);
    struct call call = fixture_context(world->fixture, txn);
    struct err err;
    call_make_id(&call, "i", id);
    txn_put(txn, "instance", "us-east-1", id,
            json_pack("{s:s, s:s, s:s, s:{s:s}, s:{s:s}}", "InstanceId", id, "VpcId", world->vpc,
                      "PrivateIpAddress", "172.31.0.99", "State", "Name", "running", "Placement",
                      "AvailabilityZone", "us-east-1a"));
    assert_int_equal(txn_commit(txn, &err), 0);
}

static void set_instance_state(struct world *world, const char *id, const char *state)
{
    struct txn *txn = txn_begin(world->fixture->store);
    struct err err;
    json_t *instance = txn_edit(txn, "instance", "us-east-1", id);
    json_object_set_new(instance, "State", json_pack("{s:s}", "Name", state));
    assert_int_equal(txn_commit(txn, &err), 0);
}

static void a_load_balancer_has_a_node_with_an_interface_in_each_subnet(void **state)
{
    (void)state;
    struct world world = create_world();
    json_auto_t *out =
        fixture_ok(world.fixture, "elbv2", "DescribeLoadBalancers", "{'Names': ['web']}");
    const json_t *shown = fixture_at(out, "LoadBalancers.0");
    assert_string_equal(fixture_text(shown, "State.Code"), "provisioning");
    assert_string_equal(fixture_text(shown, "Scheme"), "internet-facing");
    assert_int_equal(json_array_size(fixture_at(shown, "AvailabilityZones")), 2);
    assert_int_equal(json_array_size(fixture_at(shown, "SecurityGroups")), 1);
    assert_non_null(strstr(fixture_text(shown, "DNSName"), ".us-east-1.elb.localhost"));
    assert_non_null(fixture_at(shown, "_nodes.1.PublicAddress"));
    json_auto_t *interfaces =
        fixture_ok(world.fixture, "ec2", "DescribeNetworkInterfaces",
                   "{'Filters': [{'Name': 'description', 'Values': ['ELB app/web/*']}]}");
    assert_int_equal(json_array_size(fixture_at(interfaces, "NetworkInterfaces")), 2);
    fixture_destroy(world.fixture);
}

static void creating_the_same_again_gives_the_same_and_otherwise_is_a_duplicate(void **state)
{
    (void)state;
    struct world world = create_world();
    char first[256];
    snprintf(first, sizeof first, "%s", world.load_balancer);
    create_load_balancer(&world, "web");
    assert_string_equal(world.load_balancer, first);
    fixture_fails(world.fixture, "DuplicateLoadBalancerName", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'web', 'Scheme': 'internal', 'Subnets': ['%s', '%s']}",
                  world.subnets[0], world.subnets[1]);
    fixture_fails(world.fixture, "DuplicateTargetGroupName", "elbv2", "CreateTargetGroup",
                  "{'Name': 'app', 'Protocol': 'HTTP', 'Port': 81, 'VpcId': '%s'}", world.vpc);
    fixture_destroy(world.fixture);
}

static void load_balancers_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    fixture_fails(fixture, "ValidationError", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'one', 'Subnets': ['%s']}", world.subnets[0]);
    fixture_fails(fixture, "SubnetNotFound", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'none', 'Subnets': ['subnet-0123456789abcdef0', '%s']}",
                  world.subnets[0]);
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'twice', 'Subnets': ['%s', '%s']}", world.subnets[0], world.subnets[0]);
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'sg', 'Subnets': ['%s', '%s'], 'SecurityGroups': ['sg-0']}",
                  world.subnets[0], world.subnets[1]);
    fixture_fails(fixture, "ValidationError", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'internal-x', 'Subnets': ['%s', '%s']}", world.subnets[0],
                  world.subnets[1]);
    fixture_fails(fixture, "UnsupportedOperation", "elbv2", "CreateLoadBalancer",
                  "{'Name': 'net', 'Type': 'network', 'Subnets': ['%s', '%s']}", world.subnets[0],
                  world.subnets[1]);
    fixture_destroy(fixture);
}

static void deletion_takes_all_parts_along_unless_protected(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    create_listener(&world);
    fixture_fails(fixture, "ResourceInUse", "elbv2", "DeleteTargetGroup",
                  "{'TargetGroupArn': '%s'}", world.group);
    json_decref(fixture_ok(
        fixture, "elbv2", "ModifyLoadBalancerAttributes",
        "{'LoadBalancerArn': '%s', 'Attributes': [{'Key': 'deletion_protection.enabled', "
        "'Value': 'true'}]}",
        world.load_balancer));
    fixture_fails(fixture, "OperationNotPermitted", "elbv2", "DeleteLoadBalancer",
                  "{'LoadBalancerArn': '%s'}", world.load_balancer);
    json_decref(fixture_ok(
        fixture, "elbv2", "ModifyLoadBalancerAttributes",
        "{'LoadBalancerArn': '%s', 'Attributes': [{'Key': 'deletion_protection.enabled', "
        "'Value': 'false'}]}",
        world.load_balancer));
    for (int i = 0; i < 2; i++)
        json_decref(fixture_ok(fixture, "elbv2", "DeleteLoadBalancer", "{'LoadBalancerArn': '%s'}",
                               world.load_balancer));
    assert_int_equal(store_count(fixture->store, "listener", "us-east-1"), 0);
    assert_int_equal(store_count(fixture->store, "rule", "us-east-1"), 0);
    assert_int_equal(store_count(fixture->store, "network-interface", "us-east-1"), 0);
    fixture_fails(fixture, "LoadBalancerNotFound", "elbv2", "DescribeLoadBalancers",
                  "{'Names': ['web']}");
    json_decref(
        fixture_ok(fixture, "elbv2", "DeleteTargetGroup", "{'TargetGroupArn': '%s'}", world.group));
    fixture_destroy(fixture);
}

static void attributes_have_awss_defaults_and_only_values_that_work_are_taken(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    const json_t *doc =
        store_get(fixture->store, "load-balancer", "us-east-1", world.load_balancer);
    assert_int_equal(elb_attribute_number(doc, "idle_timeout.timeout_seconds"), 60);
    static const struct {
        const char *key, *value, *error;
    } rows[] = {{"idle_timeout.timeout_seconds", "4001", "ValidationError"},
                {"idle_timeout.timeout_seconds", "1x", "ValidationError"},
                {"routing.http.desync_mitigation_mode", "loose", "ValidationError"},
                {"access_logs.s3.enabled", "true", "InvalidConfigurationRequest"}, /* no bucket */
                {"access_logs.s3.bucket", "../up", "InvalidConfigurationRequest"},
                {"access_logs.s3.bucket", "a..b", "InvalidConfigurationRequest"},
                {"access_logs.s3.prefix", "a/../b", "InvalidConfigurationRequest"},
                {"connection_logs.s3.prefix", "a//b", "InvalidConfigurationRequest"},
                {"connection_logs.s3.prefix", "x/AWSLogs", "InvalidConfigurationRequest"},
                {"health_check_logs.s3.enabled", "true", "InvalidConfigurationRequest"},
                {"waf.fail_open.enabled", "true", "UnsupportedOperation"},
                {"no.such.key", "1", "ValidationError"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_fails(fixture, rows[i].error, "elbv2", "ModifyLoadBalancerAttributes",
                      "{'LoadBalancerArn': '%s', 'Attributes': [{'Key': '%s', 'Value': '%s'}]}",
                      world.load_balancer, rows[i].key, rows[i].value);
    fixture_destroy(fixture);
}

static void a_target_group_begins_with_awss_health_check(void **state)
{
    (void)state;
    struct world world = create_world();
    json_auto_t *out =
        fixture_ok(world.fixture, "elbv2", "DescribeTargetGroups", "{'Names': ['app']}");
    static const char *const expected[][2] = {{"HealthCheckIntervalSeconds", "30"},
                                              {"HealthCheckTimeoutSeconds", "5"},
                                              {"HealthyThresholdCount", "5"},
                                              {"UnhealthyThresholdCount", "2"},
                                              {"HealthCheckPath", "/"},
                                              {"HealthCheckPort", "traffic-port"},
                                              {"Matcher.HttpCode", "200"},
                                              {"TargetType", "instance"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(fixture_text(fixture_at(out, "TargetGroups.0"), expected[i][0]),
                            expected[i][1]);
    static const char *const refused[] = {
        "'HealthCheckTimeoutSeconds': 30", "'Matcher': {'HttpCode': '200-99'}",
        "'Matcher': {'HttpCode': '200,'}", "'HealthCheckPath': 'x'", "'HealthCheckPort': '70000'"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        fixture_fails(world.fixture, "ValidationError", "elbv2", "ModifyTargetGroup",
                      "{'TargetGroupArn': '%s', %s}", world.group, refused[i]);
    fixture_destroy(world.fixture);
}

/* NULL on failure. */
static json_t *create_rule(struct world *world, int priority)
{
    return fixture_call(world->fixture, "elbv2", "CreateRule",
                        "{'ListenerArn': '%s', 'Priority': %d, 'Conditions': [{'Field': "
                        "'path-pattern', 'Values': ['/api/*']}], 'Actions': [{'Type': "
                        "'fixed-response', 'FixedResponseConfig': {'StatusCode': '404'}}]}",
                        world->listener, priority);
}

static void rules_show_both_forms_and_keep_priorities_unique(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    create_listener(&world);
    json_auto_t *five = create_rule(&world, 5);
    json_auto_t *two = create_rule(&world, 2);
    assert_null(create_rule(&world, 5));
    assert_string_equal(fixture->err.code, "PriorityInUse");
    assert_string_equal(fixture_text(five, "Rules.0.Conditions.0.PathPatternConfig.Values.0"),
                        "/api/*");
    char five_arn[300], two_arn[300];
    copy_text(five_arn, sizeof five_arn, five, "Rules.0.RuleArn");
    copy_text(two_arn, sizeof two_arn, two, "Rules.0.RuleArn");
    json_decref(fixture_ok(fixture, "elbv2", "SetRulePriorities",
                           "{'RulePriorities': [{'RuleArn': '%s', 'Priority': 2}, {'RuleArn': "
                           "'%s', 'Priority': 5}]}",
                           five_arn, two_arn));
    json_auto_t *rules =
        fixture_ok(fixture, "elbv2", "DescribeRules", "{'ListenerArn': '%s'}", world.listener);
    assert_string_equal(fixture_text(rules, "Rules.0.RuleArn"), five_arn);
    assert_string_equal(fixture_text(rules, "Rules.2.Priority"), "default");
    fixture_fails(fixture, "OperationNotPermitted", "elbv2", "DeleteRule", "{'RuleArn': '%s'}",
                  fixture_text(rules, "Rules.2.RuleArn"));
    fixture_destroy(fixture);
}

static void conditions_and_actions_that_do_not_work_are_refused(void **state)
{
    (void)state;
    struct world world = create_world();
    create_listener(&world);
    static const char plain[] = "{'Field': 'path-pattern', 'Values': ['/']}";
    static const char fixed[] =
        "{'Type': 'fixed-response', 'FixedResponseConfig': {'StatusCode': '200'}}";
    const struct {
        const char *error, *condition, *action;
    } rows[] = {
        {"ValidationError", "{'Field': 'source-ip', 'Values': ['10.0.0.0/8']}", fixed},
        {"ValidationError", "{'Field': 'source-ip', 'SourceIpConfig': {'Values': ['10.0/8']}}",
         fixed},
        {"ValidationError", "{'Field': 'http-header', 'HttpHeaderConfig': {'Values': ['x']}}",
         fixed},
        {"ValidationError",
         "{'Field': 'http-header', 'HttpHeaderConfig': {'HttpHeaderName': 'Host', 'Values': "
         "['x']}}",
         fixed},
        {"ValidationError",
         "{'Field': 'http-request-method', 'HttpRequestMethodConfig': {'Values': ['get']}}", fixed},
        {"ValidationError",
         "{'Field': 'query-string', 'QueryStringConfig': {'Values': [{'Key': 'a'}]}}", fixed},
        {"ValidationError", "{'Field': 'path-pattern', 'RegexValues': ['(?=x)']}", fixed},
        {"ValidationError", "{'Field': 'path-pattern', 'Values': ['/'], 'RegexValues': ['/']}",
         fixed},
        {"UnsupportedOperation",
         "{'Field': 'source-ip', 'SourceIpConfig': {'Values': ['10.0.0.0/8']}, 'RegexValues': "
         "['x']}",
         fixed},
        {"ValidationError",
         "{'Field': 'host-header', 'Values': ['a.b']}, {'Field': 'host-header', 'Values': "
         "['c.d']}",
         fixed},
        {"ValidationError", "{'Field': 'weather', 'Values': ['sun']}", fixed},
        {"ValidationError", "{'Field': 'host-header', 'Values': ['a b']}", fixed},
        {"ValidationError",
         "{'Field': 'path-pattern', 'Values': ['/1', '/2', '/3', '/4', '/5', '/6']}", fixed},
        {"ValidationError",
         "{'Field': 'query-string', 'QueryStringConfig': {'Values': [{'Value': '1'}, {'Value': "
         "'2'}, {'Value': '3'}]}}, {'Field': 'path-pattern', 'RegexValues': ['1', '2', '3']}",
         fixed},
        {"ValidationError", "{'Field': 'path-pattern', 'Values': ['/*?*?', '/*?*']}", fixed},
        {"InvalidLoadBalancerAction", plain,
         "{'Type': 'redirect', 'RedirectConfig': {'StatusCode': 'HTTP_301'}}"},
        {"TargetGroupNotFound", plain,
         "{'Type': 'forward', 'TargetGroupArn': "
         "'arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/0123456789abcdef'}"},
        {"ValidationError", plain, "{'Type': 'forward'}"},
        {"UnsupportedOperation", plain, "{'Type': 'authenticate-oidc'}"},
        {"UnsupportedOperation", plain, "{'Type': 'jwt-validation'}"},
        {"ValidationError", plain,
         "{'Type': 'fixed-response', 'FixedResponseConfig': {'StatusCode': '301'}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_fails(world.fixture, rows[i].error, "elbv2", "CreateRule",
                      "{'ListenerArn': '%s', 'Priority': 1, 'Conditions': [%s], 'Actions': [%s]}",
                      world.listener, rows[i].condition, rows[i].action);
    fixture_destroy(world.fixture);
}

static void all_kinds_of_conditions_are_shown_as_they_were_asked_for(void **state)
{
    (void)state;
    struct world world = create_world();
    create_listener(&world);
    json_auto_t *out = fixture_ok(
        world.fixture, "elbv2", "CreateRule",
        "{'ListenerArn': '%s', 'Priority': 1, 'Conditions': ["
        "{'Field': 'host-header', 'RegexValues': ['^a[0-9]+[.]example[.]com$']}, "
        "{'Field': 'http-header', 'HttpHeaderConfig': {'HttpHeaderName': 'X-A', 'Values': "
        "['b*']}}, "
        "{'HttpRequestMethodConfig': {'Values': ['GET']}}, "
        "{'Field': 'query-string', 'QueryStringConfig': {'Values': [{'Key': 'v', 'Value': '1'}]}}, "
        "{'Field': 'source-ip', 'SourceIpConfig': {'Values': ['10.0.0.0/8']}}], "
        "'Transforms': [{'Type': 'url-rewrite', 'UrlRewriteConfig': {'Rewrites': [{'Regex': "
        "'^/a/(.*)$', 'Replace': '/$1'}]}}], "
        "'Actions': [{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
        world.listener, world.group);
    const json_t *conditions = fixture_at(out, "Rules.0.Conditions");
    assert_non_null(fixture_at(conditions, "0.HostHeaderConfig.RegexValues.0"));
    assert_null(fixture_at(conditions, "0.Values"));
    assert_string_equal(fixture_text(conditions, "1.HttpHeaderConfig.HttpHeaderName"), "X-A");
    assert_null(fixture_at(conditions, "1.Values"));
    assert_string_equal(fixture_text(conditions, "2.Field"), "http-request-method");
    assert_string_equal(fixture_text(conditions, "3.QueryStringConfig.Values.0.Key"), "v");
    assert_string_equal(fixture_text(conditions, "4.SourceIpConfig.Values.0"), "10.0.0.0/8");
    assert_string_equal(
        fixture_text(out, "Rules.0.Transforms.0.UrlRewriteConfig.Rewrites.0.Replace"), "/$1");
    fixture_destroy(world.fixture);
}

static void transforms_are_checked_replaced_and_reset(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    create_listener(&world);
    json_auto_t *made = create_rule(&world, 1);
    char rule[300];
    copy_text(rule, sizeof rule, made, "Rules.0.RuleArn");
#define REWRITE(regex, replace)                                                                    \
    "{'Type': 'host-header-rewrite', 'HostHeaderRewriteConfig': {'Rewrites': [{'Regex': '" regex   \
    "', 'Replace': '" replace "'}]}}"
    static const char *const wrong[] = {
        REWRITE("(", "x"), REWRITE("x", "$1"), REWRITE("x", "y") ", " REWRITE("x", "y"),
        "{'Type': 'host-header-rewrite'}",
        "{'Type': 'host-header-rewrite', 'HostHeaderRewriteConfig': {'Rewrites': []}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fixture_fails(fixture, "ValidationError", "elbv2", "ModifyRule",
                      "{'RuleArn': '%s', 'Transforms': [%s]}", rule, wrong[i]);
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "ModifyRule",
                  "{'RuleArn': '%s', 'Transforms': [%s]}", rule, REWRITE("x", "y"));
    json_decref(
        fixture_ok(fixture, "elbv2", "ModifyRule",
                   "{'RuleArn': '%s', 'Actions': [{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
                   rule, world.group));
    json_auto_t *changed =
        fixture_ok(fixture, "elbv2", "ModifyRule", "{'RuleArn': '%s', 'Transforms': [%s]}", rule,
                   REWRITE("^(.*)[.]old$", "$1.new"));
    assert_int_equal(json_array_size(fixture_at(changed, "Rules.0.Transforms")), 1);
    fixture_fails(fixture, "ValidationError", "elbv2", "ModifyRule",
                  "{'RuleArn': '%s', 'Transforms': [%s], 'ResetTransforms': true}", rule,
                  REWRITE("x", "y"));
    json_auto_t *reset = fixture_ok(fixture, "elbv2", "ModifyRule",
                                    "{'RuleArn': '%s', 'ResetTransforms': true}", rule);
    assert_int_equal(json_array_size(fixture_at(reset, "Rules.0.Transforms")), 0);
#undef REWRITE
    fixture_destroy(fixture);
}

static void target_groups_speak_what_they_are_asked_to(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    json_auto_t *grpc = fixture_ok(fixture, "elbv2", "CreateTargetGroup",
                                   "{'Name': 'grpc', 'Protocol': 'HTTP', 'ProtocolVersion': "
                                   "'GRPC', 'Port': 50051, 'VpcId': '%s'}",
                                   world.vpc);
    const json_t *shown = fixture_at(grpc, "TargetGroups.0");
    assert_string_equal(fixture_text(shown, "Matcher.GrpcCode"), "12");
    assert_null(fixture_at(shown, "Matcher.HttpCode"));
    assert_string_equal(fixture_text(shown, "HealthCheckPath"), "/AWS.ALB/healthcheck");
    json_auto_t *https =
        fixture_ok(fixture, "elbv2", "CreateTargetGroup",
                   "{'Name': 'https', 'Protocol': 'HTTPS', 'Port': 443, 'VpcId': '%s', "
                   "'HealthCheckProtocol': 'HTTPS', 'Matcher': {'HttpCode': '200,300-399'}}",
                   world.vpc);
    assert_string_equal(fixture_text(https, "TargetGroups.0.ProtocolVersion"), "HTTP1");
    static const char *const wrong[] = {
        "'ProtocolVersion': 'GRPC', 'Matcher': {'HttpCode': '200'}",
        "'ProtocolVersion': 'GRPC', 'Matcher': {'GrpcCode': '100'}",
        "'ProtocolVersion': 'GRPC', 'Matcher': {'GrpcCode': '5-1'}",
        "'Matcher': {'GrpcCode': '0'}",
        "'Matcher': {'HttpCode': '199'}",
        "'Matcher': {'HttpCode': '20'}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fixture_fails(fixture, "ValidationError", "elbv2", "CreateTargetGroup",
                      "{'Name': 'wrong', 'Protocol': 'HTTP', 'Port': 1, 'VpcId': '%s', %s}",
                      world.vpc, wrong[i]);
    fixture_fails(fixture, "UnsupportedOperation", "elbv2", "CreateTargetGroup",
                  "{'Name': 'tcp', 'Protocol': 'TCP', 'Port': 1, 'VpcId': '%s'}", world.vpc);
    fixture_destroy(fixture);
}

static void stickiness_of_targets_needs_stickiness_of_groups(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    char first[256];
    snprintf(first, sizeof first, "%s", world.group);
    create_group(&world, "second", "");
    static const char sticky[] =
        "{'TargetGroupArn': '%s', 'Attributes': [{'Key': 'stickiness.enabled', 'Value': 'true'}]}";
    static const char listener[] =
        "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': %d, 'DefaultActions': [{'Type': "
        "'forward', 'ForwardConfig': {'TargetGroups': [{'TargetGroupArn': '%s'}, "
        "{'TargetGroupArn': '%s', 'Weight': 3}], 'TargetGroupStickinessConfig': {%s}}}]}";
    json_decref(fixture_ok(fixture, "elbv2", "ModifyTargetGroupAttributes", sticky, first));
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "CreateListener", listener,
                  world.load_balancer, 80, first, world.group, "'Enabled': false");
    fixture_fails(fixture, "ValidationError", "elbv2", "CreateListener", listener,
                  world.load_balancer, 80, first, world.group, "'Enabled': true");
    fixture_fails(fixture, "ValidationError", "elbv2", "CreateListener", listener,
                  world.load_balancer, 80, first, world.group,
                  "'Enabled': true, 'DurationSeconds': 604801");
    json_auto_t *made =
        fixture_ok(fixture, "elbv2", "CreateListener", listener, world.load_balancer, 80, first,
                   world.group, "'Enabled': true, 'DurationSeconds': 60");
    assert_string_equal(fixture_text(made, "Listeners.0.DefaultActions.0.ForwardConfig."
                                           "TargetGroupStickinessConfig.DurationSeconds"),
                        "60");
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "ModifyTargetGroupAttributes",
                  "{'TargetGroupArn': '%s', 'Attributes': [{'Key': 'stickiness.type', 'Value': "
                  "'app_cookie'}, {'Key': 'stickiness.app_cookie.cookie_name', 'Value': 'id'}]}",
                  first);
    char third[256];
    create_group(&world, "third", "");
    snprintf(third, sizeof third, "%s", world.group);
    create_group(&world, "fourth", "");
    json_decref(fixture_ok(fixture, "elbv2", "CreateListener", listener, world.load_balancer, 81,
                           third, world.group, "'Enabled': false"));
    fixture_fails(fixture, "InvalidConfigurationRequest", "elbv2", "ModifyTargetGroupAttributes",
                  sticky, third);
    fixture_destroy(fixture);
}

/* A group of addresses with this many targets; its ARN is then world->group. */
static void create_full_group(struct world *world, const char *name, int count)
{
    auto_buf targets = {0};
    create_group(world, name, ", 'TargetType': 'ip'");
    for (int i = 0; i < count; i++)
        buf_printf(&targets, "%s{'Id': '172.31.%d.%d'}", i ? ", " : "", i / 200, 10 + i % 200);
    json_decref(fixture_ok(world->fixture, "elbv2", "RegisterTargets",
                           "{'TargetGroupArn': '%s', 'Targets': [%s]}", world->group,
                           targets.data));
}

static void a_load_balancer_has_at_most_a_thousand_targets(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    char first[256];
    create_full_group(&world, "many", 501);
    snprintf(first, sizeof first, "%s", world.group);
    create_full_group(&world, "more", 499);
    static const char listener[] =
        "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': %d, 'DefaultActions': [{'Type': "
        "'forward', 'TargetGroupArn': '%s'}]}";
    json_decref(
        fixture_ok(fixture, "elbv2", "CreateListener", listener, world.load_balancer, 80, first));
    json_decref(fixture_ok(fixture, "elbv2", "CreateListener", listener, world.load_balancer, 81,
                           world.group));
    fixture_fails(fixture, "TooManyTargets", "elbv2", "RegisterTargets",
                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': '172.31.9.9'}]}", world.group);
    create_full_group(&world, "last", 1);
    fixture_fails(fixture, "TooManyTargets", "elbv2", "CreateListener", listener,
                  world.load_balancer, 82, world.group);
    fixture_destroy(fixture);
}

static void a_target_group_serves_one_load_balancer(void **state)
{
    (void)state;
    struct world world = create_world();
    create_listener(&world);
    create_load_balancer(&world, "other");
    fixture_fails(world.fixture, "TargetGroupAssociationLimit", "elbv2", "CreateListener",
                  "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': 80, "
                  "'DefaultActions': [{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
                  world.load_balancer, world.group);
    fixture_destroy(world.fixture);
}

/* State and reason of the first target that DescribeTargetHealth shows. */
static void assert_health(struct world *world, const char *targets, const char *state,
                          const char *reason)
{
    json_auto_t *out = fixture_ok(world->fixture, "elbv2", "DescribeTargetHealth",
                                  "{'TargetGroupArn': '%s'%s}", world->group, targets);
    const json_t *health = fixture_at(out, "TargetHealthDescriptions.0.TargetHealth");
    assert_string_equal(fixture_text(health, "State"), state);
    assert_string_equal(fixture_text(health, "Reason"), reason);
}

static void health_follows_use_instance_and_draining(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    char id[32], asked[80];
    run_instance(&world, id);
    snprintf(asked, sizeof asked, ", 'Targets': [{'Id': '%s'}]", id);
    assert_health(&world, asked, "unused", "Target.NotRegistered");
    json_decref(fixture_ok(fixture, "elbv2", "RegisterTargets",
                           "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", world.group, id));
    assert_health(&world, "", "unused", "Target.NotInUse");
    create_listener(&world);
    assert_health(&world, "", "initial", "Elb.RegistrationInProgress");
    set_instance_state(&world, id, "stopped");
    assert_health(&world, "", "unused", "Target.InvalidState");
    fixture_fails(fixture, "InvalidTarget", "elbv2", "RegisterTargets",
                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s', 'Port': 81}]}", world.group,
                  id);
    json_decref(fixture_ok(fixture, "elbv2", "DeregisterTargets",
                           "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", world.group, id));
    assert_health(&world, "", "draining", "Target.DeregistrationInProgress");
    fixture_destroy(fixture);
}

static void addresses_must_be_private_and_know_their_zone(void **state)
{
    (void)state;
    struct world world = create_world();
    create_group(&world, "addresses", ", 'TargetType': 'ip'");
    const char *call = "RegisterTargets";
    fixture_fails(world.fixture, "InvalidTarget", "elbv2", call,
                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': '8.8.8.8'}]}", world.group);
    fixture_fails(world.fixture, "ValidationError", "elbv2", call,
                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': '10.1.2.3'}]}", world.group);
    fixture_fails(world.fixture, "ValidationError", "elbv2", call,
                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': 'i-1'}]}", world.group);
    json_decref(fixture_ok(world.fixture, "elbv2", call,
                           "{'TargetGroupArn': '%s', 'Targets': [{'Id': '172.31.0.9'}, {'Id': "
                           "'10.1.2.3', 'AvailabilityZone': 'all'}]}",
                           world.group));
    json_auto_t *out = fixture_ok(world.fixture, "elbv2", "DescribeTargetHealth",
                                  "{'TargetGroupArn': '%s'}", world.group);
    assert_int_equal(
        strncmp(fixture_text(out, "TargetHealthDescriptions.0.Target.AvailabilityZone"),
                "us-east-1", 9),
        0);
    fixture_destroy(world.fixture);
}

static void tags_are_merged_and_removed(void **state)
{
    (void)state;
    struct world world = create_world();
    json_decref(fixture_ok(world.fixture, "elbv2", "AddTags",
                           "{'ResourceArns': ['%s'], 'Tags': [{'Key': 'a', 'Value': '1'}, {'Key': "
                           "'b', 'Value': '2'}]}",
                           world.group));
    json_decref(fixture_ok(world.fixture, "elbv2", "AddTags",
                           "{'ResourceArns': ['%s'], 'Tags': [{'Key': 'a', 'Value': '3'}]}",
                           world.group));
    json_decref(fixture_ok(world.fixture, "elbv2", "RemoveTags",
                           "{'ResourceArns': ['%s'], 'TagKeys': ['b']}", world.group));
    json_auto_t *out =
        fixture_ok(world.fixture, "elbv2", "DescribeTags", "{'ResourceArns': ['%s']}", world.group);
    assert_int_equal(json_array_size(fixture_at(out, "TagDescriptions.0.Tags")), 1);
    assert_string_equal(fixture_text(out, "TagDescriptions.0.Tags.0.Value"), "3");
    fixture_destroy(world.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_balancer_has_a_node_with_an_interface_in_each_subnet),
        cmocka_unit_test(creating_the_same_again_gives_the_same_and_otherwise_is_a_duplicate),
        cmocka_unit_test(load_balancers_that_cannot_work_are_refused),
        cmocka_unit_test(deletion_takes_all_parts_along_unless_protected),
        cmocka_unit_test(attributes_have_awss_defaults_and_only_values_that_work_are_taken),
        cmocka_unit_test(a_target_group_begins_with_awss_health_check),
        cmocka_unit_test(rules_show_both_forms_and_keep_priorities_unique),
        cmocka_unit_test(conditions_and_actions_that_do_not_work_are_refused),
        cmocka_unit_test(all_kinds_of_conditions_are_shown_as_they_were_asked_for),
        cmocka_unit_test(transforms_are_checked_replaced_and_reset),
        cmocka_unit_test(target_groups_speak_what_they_are_asked_to),
        cmocka_unit_test(stickiness_of_targets_needs_stickiness_of_groups),
        cmocka_unit_test(a_load_balancer_has_at_most_a_thousand_targets),
        cmocka_unit_test(a_target_group_serves_one_load_balancer),
        cmocka_unit_test(health_follows_use_instance_and_draining),
        cmocka_unit_test(addresses_must_be_private_and_know_their_zone),
        cmocka_unit_test(tags_are_merged_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
