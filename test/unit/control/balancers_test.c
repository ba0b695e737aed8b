/* What balancer is told, and how targets come and go. */
#include "balancer/snapshot.h"
#include "base/cleanup.h"
#include "control/balancer_config.h"
#include "control/names.h"
#include "service/doc.h"
#include "simulated_cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_MS = 1000 };

/* Copies the text of a member of the first object in a list of an answer, which is released. */
static void take_text(json_t *answer, const char *list, const char *member, char *out, size_t size)
{
    assert_non_null(answer);
    snprintf(out, size, "%s", doc_text(json_array_get(json_object_get(answer, list), 0), member));
    json_decref(answer);
}

struct stack {
    struct simulated_cloud *cloud;
    char vpc[32], subnets[2][32], security_group[32];
    char load_balancer[256], group[256], instance[32];
};

static void create_network(struct stack *stack)
{
    struct simulated_cloud *cloud = stack->cloud;
    json_auto_t *subnets = cloud_call(cloud, "ec2", "DescribeSubnets", "{}");
    for (size_t i = 0; i < 2; i++) {
        const json_t *subnet = json_array_get(json_object_get(subnets, "Subnets"), i);
        snprintf(stack->subnets[i], 32, "%s", doc_text(subnet, "SubnetId"));
        snprintf(stack->vpc, 32, "%s", doc_text(subnet, "VpcId"));
    }
    json_auto_t *group =
        cloud_call(cloud, "ec2", "CreateSecurityGroup",
                   "{'GroupName': 'lb', 'Description': 'lb', 'VpcId': '%s'}", stack->vpc);
    snprintf(stack->security_group, 32, "%s", doc_text(group, "GroupId"));
    cloud_ok(cloud, "ec2", "AuthorizeSecurityGroupIngress",
             "{'GroupId': '%s', 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': "
             "81, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}, {'IpProtocol': 'tcp', 'FromPort': 90, "
             "'ToPort': 90, 'UserIdGroupPairs': [{'GroupId': '%s'}]}]}",
             stack->security_group, stack->security_group);
}

/* A load balancer with one running target. */
static struct stack create_stack(void)
{
    struct stack stack = {.cloud = cloud_create(1)};
    struct simulated_cloud *cloud = stack.cloud;
    cloud_template(cloud);
    create_network(&stack);
    take_text(cloud_call(cloud, "elbv2", "CreateLoadBalancer",
                         "{'Name': 'web', 'Subnets': ['%s', '%s'], 'SecurityGroups': ['%s']}",
                         stack.subnets[0], stack.subnets[1], stack.security_group),
              "LoadBalancers", "LoadBalancerArn", stack.load_balancer, 256);
    take_text(cloud_call(cloud, "elbv2", "CreateTargetGroup",
                         "{'Name': 'app', 'Protocol': 'HTTP', 'Port': 3000, 'VpcId': '%s'}",
                         stack.vpc),
              "TargetGroups", "TargetGroupArn", stack.group, 256);
    cloud_ok(cloud, "elbv2", "CreateListener",
             "{'LoadBalancerArn': '%s', 'Protocol': 'HTTP', 'Port': 80, 'DefaultActions': "
             "[{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
             stack.load_balancer, stack.group);
    take_text(cloud_call(cloud, "ec2", "RunInstances",
                         "{'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'SubnetId': '%s', "
                         "'MinCount': 1, 'MaxCount': 1}",
                         stack.subnets[0]),
              "Instances", "InstanceId", stack.instance, 32);
    cloud_run(cloud, 20 * SECOND_MS);
    cloud_ok(cloud, "elbv2", "RegisterTargets",
             "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", stack.group, stack.instance);
    cloud_run(cloud, 20 * SECOND_MS);
    return stack;
}

static const json_t *load_balancer_of(const struct stack *stack)
{
    return store_get(stack->cloud->store, "load-balancer", "us-east-1", stack->load_balancer);
}

static void assert_health(const struct stack *stack, const char *state)
{
    json_auto_t *out = cloud_call(stack->cloud, "elbv2", "DescribeTargetHealth",
                                  "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}",
                                  stack->group, stack->instance);
    const json_t *row = json_array_get(json_object_get(out, "TargetHealthDescriptions"), 0);
    assert_string_equal(doc_text(json_object_get(row, "TargetHealth"), "State"), state);
}

static size_t count_targets(const struct stack *stack)
{
    return json_array_size(json_object_get(
        store_get(stack->cloud->store, "target-group", "us-east-1", stack->group), "_targets"));
}

static void a_load_balancer_is_active_when_balancer_knows_it(void **state)
{
    (void)state;
    struct stack stack = {.cloud = cloud_create(1)};
    create_network(&stack);
    cloud_balancer_leaves(stack.cloud);
    take_text(cloud_call(stack.cloud, "elbv2", "CreateLoadBalancer",
                         "{'Name': 'web', 'Subnets': ['%s', '%s']}", stack.subnets[0],
                         stack.subnets[1]),
              "LoadBalancers", "LoadBalancerArn", stack.load_balancer, 256);
    cloud_balancer_returns(stack.cloud);
    cloud_run(stack.cloud, SECOND_MS);
    assert_string_equal(doc_text(json_object_get(load_balancer_of(&stack), "State"), "Code"),
                        "active");
    assert_int_equal(json_array_size(json_object_get(stack.cloud->configuration, "LoadBalancers")),
                     1);
    cloud_destroy(stack.cloud);
}

static void the_configuration_says_what_balancer_must_do(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    json_auto_t *config = balancer_config(stack.cloud->store, 0x64400001);
    const json_t *shown = json_array_get(json_object_get(config, "LoadBalancers"), 0);
    const json_t *sources = json_object_get(shown, "AllowedSources");
    const json_t *group = json_array_get(json_object_get(config, "TargetGroups"), 0);
    const json_t *target = json_array_get(json_object_get(group, "Targets"), 0);
    assert_string_equal(doc_text(config, "HostAddress"), "100.64.0.1");
    assert_int_equal(json_array_size(json_object_get(shown, "Nodes")), 2);
    assert_int_equal(json_array_size(sources), 1);
    assert_string_equal(doc_text(json_array_get(sources, 0), "Cidr"), "0.0.0.0/0");
    assert_int_equal(doc_number(json_array_get(sources, 0), "ToPort"), 81);
    const json_t *listener = json_array_get(json_object_get(shown, "Listeners"), 0);
    assert_int_equal(json_array_size(json_object_get(listener, "Rules")), 0);
    assert_string_equal(doc_text(target, "Id"), stack.instance);
    assert_int_equal(doc_number(target, "Port"), 3000);
    assert_int_equal(strncmp(doc_text(target, "Address"), "172.31.", 7), 0);
    assert_false(doc_flag(target, "Draining"));
    cloud_destroy(stack.cloud);
}

/* Asserts that balancer can load what the store makes of it. */
static void assert_understood(const struct stack *stack)
{
    struct traffic_table traffic;
    struct target_table targets;
    struct tls_store tls;
    struct err err;
    json_auto_t *config = balancer_config(stack->cloud->store, 0x64400001);
    auto_free char *text = json_dumps(config, JSON_COMPACT);
    traffic_table_init(&traffic, 1);
    target_table_init(&targets, 1);
    tls_store_init(&tls, 1);
    struct snapshot *snapshot = snapshot_load(text, strlen(text), &traffic, &targets, &tls, &err);
    if (!snapshot)
        fail_msg("%s in %s", err.text, text);
    snapshot_destroy(snapshot);
    target_table_finish(&targets);
    traffic_table_finish(&traffic);
    tls_store_finish(&tls);
}

static void take_listener(const struct stack *stack, char out[256])
{
    take_text(cloud_call(stack->cloud, "elbv2", "DescribeListeners", "{'LoadBalancerArn': '%s'}",
                         stack->load_balancer),
              "Listeners", "ListenerArn", out, 256);
}

/* With every sort of rule and action that the API takes. */
static void balancer_understands_rules(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    char listener[256];
    take_listener(&stack, listener);
    static const char *const actions[] = {
        "{'Type': 'fixed-response', 'FixedResponseConfig': {'StatusCode': '404', 'ContentType': "
        "'text/plain', 'MessageBody': 'no'}}",
        "{'Type': 'redirect', 'RedirectConfig': {'StatusCode': 'HTTP_301', 'Path': '/new'}}"};
    static const char *const conditions[] = {
        "{'Field': 'host-header', 'HostHeaderConfig': {'Values': ['*.example.com']}}, "
        "{'Field': 'path-pattern', 'Values': ['/x/*']}",
        "{'Field': 'host-header', 'RegexValues': ['^a']}, {'Field': 'http-header', "
        "'HttpHeaderConfig': {'HttpHeaderName': 'X', 'RegexValues': ['b']}}",
        "{'Field': 'http-request-method', 'HttpRequestMethodConfig': {'Values': ['GET']}}, "
        "{'Field': 'query-string', 'QueryStringConfig': {'Values': [{'Key': 'a', 'Value': 'b'}, "
        "{'Value': 'c'}]}}, {'Field': 'source-ip', 'SourceIpConfig': {'Values': ['10.0.0.0/8', "
        "'2001:db8::/32']}}"};
    for (int i = 0; i < 3; i++)
        cloud_ok(stack.cloud, "elbv2", "CreateRule",
                 "{'ListenerArn': '%s', 'Priority': %d, 'Conditions': [%s], 'Actions': [%s]}",
                 listener, i + 1, conditions[i], actions[i % 2]);
    cloud_ok(stack.cloud, "elbv2", "CreateRule",
             "{'ListenerArn': '%s', 'Priority': 9, 'Conditions': [{'Field': 'path-pattern', "
             "'Values': ['/y']}], 'Actions': [{'Type': 'forward', 'Order': 1, 'TargetGroupArn': "
             "'%s'}], 'Transforms': [{'Type': 'host-header-rewrite', 'HostHeaderRewriteConfig': "
             "{'Rewrites': [{'Regex': '(.*)', 'Replace': '$1.x'}]}}, {'Type': 'url-rewrite', "
             "'UrlRewriteConfig': {'Rewrites': [{'Regex': '^/y', 'Replace': '/'}]}}]}",
             listener, stack.group);
    assert_understood(&stack);
    cloud_destroy(stack.cloud);
}

static void balancer_understands_https_listeners(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    struct simulated_cloud *cloud = stack.cloud;
    char listener[256], certificates[2][256];
    for (int i = 0; i < 2; i++) {
        json_auto_t *out = cloud_call(cloud, "acm", "RequestCertificate",
                                      "{'DomainName': '*.n%d.example.com', 'KeyAlgorithm': '%s'}",
                                      i, i ? "EC_secp384r1" : "RSA_2048");
        snprintf(certificates[i], 256, "%s", doc_text(out, "CertificateArn"));
    }
    take_text(cloud_call(cloud, "elbv2", "CreateListener",
                         "{'LoadBalancerArn': '%s', 'Protocol': 'HTTPS', 'Port': 443, "
                         "'Certificates': [{'CertificateArn': '%s'}], 'DefaultActions': "
                         "[{'Type': 'forward', 'TargetGroupArn': '%s'}]}",
                         stack.load_balancer, certificates[0], stack.group),
              "Listeners", "ListenerArn", listener, sizeof listener);
    cloud_ok(cloud, "elbv2", "AddListenerCertificates",
             "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}", listener,
             certificates[1]);
    static const char *const versions[] = {"HTTP1", "HTTP2", "GRPC"};
    for (int n = 0; n < 3; n++) {
        char group[256];
        take_text(cloud_call(cloud, "elbv2", "CreateTargetGroup",
                             "{'Name': 'v%d', 'Protocol': 'HTTPS', 'ProtocolVersion': '%s', "
                             "'Port': 443, 'VpcId': '%s', 'HealthCheckProtocol': 'HTTPS'}",
                             n, versions[n], stack.vpc),
                  "TargetGroups", "TargetGroupArn", group, sizeof group);
        cloud_ok(cloud, "elbv2", "CreateRule",
                 "{'ListenerArn': '%s', 'Priority': %d, 'Conditions': [{'Field': "
                 "'path-pattern', 'Values': ['/v%d']}], 'Actions': [{'Type': 'forward', "
                 "'TargetGroupArn': '%s'}]}",
                 listener, n + 1, n, group);
    }
    json_auto_t *policies = cloud_call(cloud, "elbv2", "DescribeSSLPolicies", "{}");
    size_t i;
    const json_t *policy;
    json_array_foreach (json_object_get(policies, "SslPolicies"), i, policy) {
        cloud_ok(cloud, "elbv2", "ModifyListener", "{'ListenerArn': '%s', 'SslPolicy': '%s'}",
                 listener, doc_text(policy, "Name"));
        assert_understood(&stack);
    }
    cloud_destroy(cloud);
}

static void balancer_understands_sticky_groups_and_attributes(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    struct simulated_cloud *cloud = stack.cloud;
    char listener[256], second[256];
    take_listener(&stack, listener);
    take_text(cloud_call(cloud, "elbv2", "CreateTargetGroup",
                         "{'Name': 'second', 'Protocol': 'HTTP', 'Port': 3001, 'VpcId': '%s'}",
                         stack.vpc),
              "TargetGroups", "TargetGroupArn", second, sizeof second);
    cloud_ok(cloud, "elbv2", "ModifyListener",
             "{'ListenerArn': '%s', 'DefaultActions': [{'Type': 'forward', 'ForwardConfig': "
             "{'TargetGroups': [{'TargetGroupArn': '%s', 'Weight': 0}, {'TargetGroupArn': '%s'}], "
             "'TargetGroupStickinessConfig': {'Enabled': true, 'DurationSeconds': 20}}}]}",
             listener, stack.group, second);
    cloud_ok(cloud, "elbv2", "ModifyTargetGroupAttributes",
             "{'TargetGroupArn': '%s', 'Attributes': [{'Key': 'stickiness.enabled', 'Value': "
             "'true'}, {'Key': 'load_balancing.algorithm.type', 'Value': 'weighted_random'}, "
             "{'Key': 'load_balancing.algorithm.anomaly_mitigation', 'Value': 'on'}]}",
             second);
    cloud_ok(cloud, "elbv2", "ModifyLoadBalancerAttributes",
             "{'LoadBalancerArn': '%s', 'Attributes': [{'Key': 'routing.http2.enabled', 'Value': "
             "'false'}, {'Key': 'routing.http.x_amzn_tls_version_and_cipher_suite.enabled', "
             "'Value': 'true'}, {'Key': 'routing.http.desync_mitigation_mode', 'Value': "
             "'strictest'}]}",
             stack.load_balancer);
    cloud_ok(cloud, "elbv2", "ModifyListenerAttributes",
             "{'ListenerArn': '%s', 'Attributes': [{'Key': "
             "'routing.http.response.server.enabled', 'Value': 'false'}, {'Key': "
             "'routing.http.response.strict_transport_security.header_value', 'Value': "
             "'max-age=1'}, {'Key': "
             "'routing.http.response.access_control_allow_credentials.header_value', 'Value': "
             "'true'}]}",
             listener);
    assert_understood(&stack);
    cloud_destroy(cloud);
}

/* How many addresses the load balancer's name has, and whether the first node's is among them. */
static size_t addresses_in_dns(const struct stack *stack, bool *ret_first)
{
    json_auto_t *names = names_compose(stack->cloud->store, 0);
    const json_t *of_all = json_object_get(names, "Names");
    json_t *addresses = json_object_get(of_all, doc_text(load_balancer_of(stack), "DNSName"));
    const json_t *node = json_array_get(json_object_get(load_balancer_of(stack), "_nodes"), 0);
    *ret_first = doc_list_has(addresses, doc_text(node, "PublicAddress"));
    return json_array_size(addresses);
}

/* Lets the target of the first zone, or that of the second, be sick or well. */
static void make_sick(const struct stack *stack, const char *instance, bool sick)
{
    cloud_machine(stack->cloud, instance)->sick = sick;
    cloud_run(stack->cloud, 2 * SIMULATED_CHECK_MS);
}

static void dns_failover_takes_unhealthy_zones_out_of_dns(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    char second[32];
    bool first;
    take_text(cloud_call(stack.cloud, "ec2", "RunInstances",
                         "{'LaunchTemplate': {'LaunchTemplateName': 'web'}, 'SubnetId': '%s', "
                         "'MinCount': 1, 'MaxCount': 1}",
                         stack.subnets[1]),
              "Instances", "InstanceId", second, 32);
    cloud_run(stack.cloud, 20 * SECOND_MS);
    cloud_ok(stack.cloud, "elbv2", "RegisterTargets",
             "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", stack.group, second);
    make_sick(&stack, stack.instance, true);
    assert_int_equal(addresses_in_dns(&stack, &first), 2); /* cross-zone: one health for all */
    cloud_ok(stack.cloud, "elbv2", "ModifyTargetGroupAttributes",
             "{'TargetGroupArn': '%s', 'Attributes': "
             "[{'Key': 'load_balancing.cross_zone.enabled', 'Value': 'false'}]}",
             stack.group);
    cloud_run(stack.cloud, SECOND_MS);
    assert_int_equal(addresses_in_dns(&stack, &first), 1);
    assert_false(first);
    make_sick(&stack, second, true);
    assert_int_equal(addresses_in_dns(&stack, &first), 2); /* all zones are bad: all stay */
    make_sick(&stack, stack.instance, false);
    assert_int_equal(addresses_in_dns(&stack, &first), 1);
    assert_true(first);
    cloud_destroy(stack.cloud);
}

static void every_vpc_knows_the_names_of_load_balancers(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    json_auto_t *names = names_compose(stack.cloud->store, 0);
    const json_t *of_all = json_object_get(names, "Names");
    const json_t *addresses =
        json_object_get(of_all, doc_text(load_balancer_of(&stack), "DNSName"));
    assert_int_equal(json_array_size(addresses), 2);
    assert_int_equal(strncmp(json_string_value(json_array_get(addresses, 0)), "100.", 4), 0);
    cloud_destroy(stack.cloud);
}

/* What DescribeTargetHealth says of anomalies, if it is asked. */
static void assert_anomaly(const struct stack *stack, const char *result, const char *mitigated)
{
    json_auto_t *out =
        cloud_call(stack->cloud, "elbv2", "DescribeTargetHealth",
                   "{'TargetGroupArn': '%s', 'Include': ['AnomalyDetection']}", stack->group);
    const json_t *row = json_array_get(json_object_get(out, "TargetHealthDescriptions"), 0);
    const json_t *anomaly = json_object_get(row, "AnomalyDetection");
    assert_string_equal(doc_text(anomaly, "Result"), result);
    assert_string_equal(doc_text(anomaly, "MitigationInEffect"), mitigated);
}

static void anomalies_that_balancer_reports_are_shown_to_who_asks(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    struct {
        struct message_rows head;
        struct target_health row;
    } report = {.head.count = 1};
    const json_t *group = store_get(stack.cloud->store, "target-group", "us-east-1", stack.group);
    assert_anomaly(&stack, "normal", "no");
    report.row = (struct target_health){
        .port = 3000, .state = TARGET_HEALTHY, .anomalous = true, .mitigated = true};
    snprintf(report.row.target_group, sizeof report.row.target_group, "%s",
             doc_text(group, "_dimension"));
    snprintf(report.row.target, sizeof report.row.target, "%s", stack.instance);
    control_receive(stack.cloud->control, MESSAGE_TARGET_HEALTH, &report, sizeof report);
    assert_anomaly(&stack, "anomalous", "yes");
    json_auto_t *plain = cloud_call(stack.cloud, "elbv2", "DescribeTargetHealth",
                                    "{'TargetGroupArn': '%s'}", stack.group);
    const json_t *row = json_array_get(json_object_get(plain, "TargetHealthDescriptions"), 0);
    assert_null(json_object_get(row, "AnomalyDetection"));
    cloud_destroy(stack.cloud);
}

static void draining_ends_by_cloud_time_and_leaves_nothing(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    assert_health(&stack, "healthy");
    cloud_ok(stack.cloud, "elbv2", "DeregisterTargets",
             "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", stack.group, stack.instance);
    cloud_run(stack.cloud, 299 * SECOND_MS);
    assert_health(&stack, "draining");
    cloud_run(stack.cloud, 2 * SECOND_MS);
    assert_health(&stack, "unused");
    assert_int_equal(count_targets(&stack), 0);
    assert_int_equal(store_count(stack.cloud->store, "target-health", "us-east-1"), 0);
    cloud_destroy(stack.cloud);
}

static void a_target_that_returns_is_initial_until_it_is_measured_again(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    cloud_ok(stack.cloud, "elbv2", "DeregisterTargets",
             "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", stack.group, stack.instance);
    cloud_run(stack.cloud, SECOND_MS);
    cloud_ok(stack.cloud, "elbv2", "RegisterTargets",
             "{'TargetGroupArn': '%s', 'Targets': [{'Id': '%s'}]}", stack.group, stack.instance);
    assert_health(&stack, "initial");
    cloud_run(stack.cloud, 20 * SECOND_MS);
    assert_health(&stack, "healthy");
    cloud_destroy(stack.cloud);
}

static void a_stopped_instance_is_unused_and_a_terminated_one_leaves(void **state)
{
    (void)state;
    struct stack stack = create_stack();
    cloud_ok(stack.cloud, "ec2", "StopInstances", "{'InstanceIds': ['%s']}", stack.instance);
    cloud_run(stack.cloud, 40 * SECOND_MS);
    assert_health(&stack, "unused");
    assert_int_equal(count_targets(&stack), 1);
    cloud_ok(stack.cloud, "ec2", "TerminateInstances", "{'InstanceIds': ['%s']}", stack.instance);
    cloud_run(stack.cloud, 40 * SECOND_MS);
    assert_int_equal(count_targets(&stack), 0);
    cloud_destroy(stack.cloud);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_balancer_is_active_when_balancer_knows_it),
        cmocka_unit_test(the_configuration_says_what_balancer_must_do),
        cmocka_unit_test(balancer_understands_rules),
        cmocka_unit_test(balancer_understands_https_listeners),
        cmocka_unit_test(balancer_understands_sticky_groups_and_attributes),
        cmocka_unit_test(dns_failover_takes_unhealthy_zones_out_of_dns),
        cmocka_unit_test(every_vpc_knows_the_names_of_load_balancers),
        cmocka_unit_test(anomalies_that_balancer_reports_are_shown_to_who_asks),
        cmocka_unit_test(draining_ends_by_cloud_time_and_leaves_nothing),
        cmocka_unit_test(a_target_that_returns_is_initial_until_it_is_measured_again),
        cmocka_unit_test(a_stopped_instance_is_unused_and_a_terminated_one_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
