/* HTTPS listeners: certificates, policies, and what needs them. */
#include "service_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static const char fixed[] =
    "[{'Type': 'fixed-response', 'FixedResponseConfig': {'StatusCode': '200'}}]";

/* A load balancer with an HTTPS listener, its certificate, and another certificate. */
struct world {
    struct service_fixture *fixture;
    char vpc[32], load_balancer[256], listener[256], certificate[128], other[128];
};

static void take_text(char *out, size_t size, json_t *doc, const char *path)
{
    snprintf(out, size, "%s", fixture_text(doc, path));
    json_decref(doc);
}

static void request_certificate(struct world *world, const char *name, char out[128])
{
    take_text(out, 128,
              fixture_ok(world->fixture, "acm", "RequestCertificate",
                         "{'DomainName': '%s', 'KeyAlgorithm': 'EC_prime256v1'}", name),
              "CertificateArn");
}

/* NULL on failure. `more` are members of the request. */
static json_t *create_listener(struct world *world, int port, const char *protocol,
                               const char *more)
{
    return fixture_call(world->fixture, "elbv2", "CreateListener",
                        "{'LoadBalancerArn': '%s', 'Protocol': '%s', 'Port': %d, "
                        "'DefaultActions': %s%s}",
                        world->load_balancer, protocol, port, fixed, more);
}

static struct world create_world(void)
{
    struct world world = {.fixture = fixture_create()};
    json_auto_t *subnets = fixture_ok(world.fixture, "ec2", "DescribeSubnets", "{}");
    char first[32], more[256];
    snprintf(world.vpc, sizeof world.vpc, "%s", fixture_text(subnets, "Subnets.0.VpcId"));
    snprintf(first, sizeof first, "%s", fixture_text(subnets, "Subnets.0.SubnetId"));
    take_text(world.load_balancer, sizeof world.load_balancer,
              fixture_ok(world.fixture, "elbv2", "CreateLoadBalancer",
                         "{'Name': 'web', 'Subnets': ['%s', '%s']}", first,
                         fixture_text(subnets, "Subnets.1.SubnetId")),
              "LoadBalancers.0.LoadBalancerArn");
    request_certificate(&world, "www.example.com", world.certificate);
    request_certificate(&world, "api.example.com", world.other);
    snprintf(more, sizeof more, ", 'Certificates': [{'CertificateArn': '%s'}]", world.certificate);
    take_text(world.listener, sizeof world.listener, create_listener(&world, 443, "HTTPS", more),
              "Listeners.0.ListenerArn");
    return world;
}

static json_t *describe_listener(struct world *world)
{
    return fixture_ok(world->fixture, "elbv2", "DescribeListeners", "{'ListenerArns': ['%s']}",
                      world->listener);
}

static void an_https_listener_shows_its_certificate_and_a_policy(void **state)
{
    (void)state;
    struct world world = create_world();
    json_auto_t *out = describe_listener(&world);
    const json_t *shown = fixture_at(out, "Listeners.0");
    assert_string_equal(fixture_text(shown, "Protocol"), "HTTPS");
    assert_string_equal(fixture_text(shown, "SslPolicy"), "ELBSecurityPolicy-2016-08");
    assert_string_equal(fixture_text(shown, "Certificates.0.CertificateArn"), world.certificate);
    assert_null(fixture_at(shown, "Certificates.0.IsDefault"));
    assert_string_equal(fixture_text(shown, "MutualAuthentication.Mode"), "off");
    fixture_destroy(world.fixture);
}

static void a_listener_needs_what_its_protocol_needs_and_nothing_else(void **state)
{
    (void)state;
    struct world world = create_world();
    static const char missing[] = "arn:aws:acm:us-east-1:000000000000:certificate/none";
    char own[256], two[400], policy[300], alpn[300], mutual[400], none[256], marked[256];
    snprintf(own, sizeof own, ", 'Certificates': [{'CertificateArn': '%s'}]", world.certificate);
    snprintf(none, sizeof none, ", 'Certificates': [{'CertificateArn': '%s'}]", missing);
    snprintf(two, sizeof two,
             ", 'Certificates': [{'CertificateArn': '%s'}, {'CertificateArn': '%s'}]",
             world.certificate, world.other);
    snprintf(marked, sizeof marked,
             ", 'Certificates': [{'CertificateArn': '%s', 'IsDefault': true}]", world.certificate);
    snprintf(policy, sizeof policy, "%s, 'SslPolicy': 'ELBSecurityPolicy-Best'", own);
    snprintf(alpn, sizeof alpn, "%s, 'AlpnPolicy': ['HTTP2Preferred']", own);
    snprintf(mutual, sizeof mutual, "%s, 'MutualAuthentication': {'Mode': 'passthrough'}", own);
    const struct {
        const char *error, *protocol, *more;
    } rows[] = {
        {"ValidationError", "HTTPS", ""},
        {"CertificateNotFound", "HTTPS", none},
        {"TooManyCertificates", "HTTPS", two},
        {"ValidationError", "HTTPS", marked},
        {"SSLPolicyNotFound", "HTTPS", policy},
        {"ALPNPolicyNotFound", "HTTPS", alpn},
        {"UnsupportedOperation", "HTTPS", mutual},
        {"InvalidConfigurationRequest", "HTTP", own},
        {"InvalidConfigurationRequest", "HTTP", ", 'SslPolicy': 'ELBSecurityPolicy-2016-08'"},
        {"ValidationError", "TLS", own},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *out = create_listener(&world, 8443, rows[i].protocol, rows[i].more);
        assert_null(out);
        assert_string_equal(world.fixture->err.code, rows[i].error);
    }
    fixture_destroy(world.fixture);
}

static void listeners_take_only_certificates_that_clients_would_accept(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    struct err err;
    static const struct {
        const char *key, *value;
    } rows[] = {{"KeyAlgorithm", "RSA_1024"}, {"SubjectAlternativeNames", "localhost"}};
    for (size_t i = 0; i < 2; i++) {
        char arn[128];
        request_certificate(&world, "old.example.com", arn);
        struct txn *txn = txn_begin(fixture->store);
        json_t *doc = txn_edit(txn, "certificate", "us-east-1", arn);
        json_object_set_new(doc, rows[i].key,
                            i ? json_pack("[s]", rows[i].value) : json_string(rows[i].value));
        assert_int_equal(txn_commit(txn, &err), 0);
        fixture_fails(fixture, "UnsupportedCertificate", "elbv2", "AddListenerCertificates",
                      "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}",
                      world.listener, arn);
    }
    fixture_destroy(fixture);
}

static void a_certificate_in_use_is_shown_so_and_cannot_be_deleted(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    json_auto_t *out = fixture_ok(fixture, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}",
                                  world.certificate);
    assert_string_equal(fixture_text(out, "Certificate.InUseBy.0"), world.load_balancer);
    assert_string_equal(fixture_text(out, "Certificate.RenewalEligibility"), "ELIGIBLE");
    fixture_fails(fixture, "ResourceInUseException", "acm", "DeleteCertificate",
                  "{'CertificateArn': '%s'}", world.certificate);
    json_decref(
        fixture_ok(fixture, "elbv2", "DeleteListener", "{'ListenerArn': '%s'}", world.listener));
    json_decref(fixture_ok(fixture, "acm", "DeleteCertificate", "{'CertificateArn': '%s'}",
                           world.certificate));
    fixture_destroy(fixture);
}

static void more_certificates_are_added_listed_and_removed(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    for (int i = 0; i < 2; i++) {
        json_auto_t *added =
            fixture_ok(fixture, "elbv2", "AddListenerCertificates",
                       "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}",
                       world.listener, world.other);
        assert_string_equal(fixture_text(added, "Certificates.0.IsDefault"), "false");
    }
    json_auto_t *listed = fixture_ok(fixture, "elbv2", "DescribeListenerCertificates",
                                     "{'ListenerArn': '%s'}", world.listener);
    assert_int_equal(json_array_size(fixture_at(listed, "Certificates")), 2);
    assert_string_equal(fixture_text(listed, "Certificates.0.IsDefault"), "true");
    assert_string_equal(fixture_text(listed, "Certificates.1.CertificateArn"), world.other);
    fixture_fails(fixture, "OperationNotPermitted", "elbv2", "RemoveListenerCertificates",
                  "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}",
                  world.listener, world.certificate);
    json_decref(fixture_ok(fixture, "elbv2", "RemoveListenerCertificates",
                           "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}",
                           world.listener, world.other));
    json_auto_t *left = fixture_ok(fixture, "elbv2", "DescribeListenerCertificates",
                                   "{'ListenerArn': '%s'}", world.listener);
    assert_int_equal(json_array_size(fixture_at(left, "Certificates")), 1);
    fixture_destroy(fixture);
}

static void a_load_balancer_has_25_certificates_besides_default_ones(void **state)
{
    (void)state;
    struct world world = create_world();
    for (int i = 0; i <= 25; i++) {
        char name[32], arn[128];
        snprintf(name, sizeof name, "n%d.example.com", i);
        request_certificate(&world, name, arn);
        json_auto_t *out =
            fixture_call(world.fixture, "elbv2", "AddListenerCertificates",
                         "{'ListenerArn': '%s', 'Certificates': [{'CertificateArn': '%s'}]}",
                         world.listener, arn);
        assert_true((out != NULL) == (i < 25));
    }
    assert_string_equal(world.fixture->err.code, "TooManyCertificates");
    fixture_destroy(world.fixture);
}

static void a_listener_changes_between_protocols_certificates_and_policies(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    json_auto_t *changed =
        fixture_ok(fixture, "elbv2", "ModifyListener",
                   "{'ListenerArn': '%s', 'SslPolicy': 'ELBSecurityPolicy-TLS13-1-2-2021-06', "
                   "'Certificates': [{'CertificateArn': '%s'}]}",
                   world.listener, world.other);
    assert_string_equal(fixture_text(changed, "Listeners.0.SslPolicy"),
                        "ELBSecurityPolicy-TLS13-1-2-2021-06");
    assert_string_equal(fixture_text(changed, "Listeners.0.Certificates.0.CertificateArn"),
                        world.other);
    json_auto_t *plain = fixture_ok(fixture, "elbv2", "ModifyListener",
                                    "{'ListenerArn': '%s', 'Protocol': 'HTTP'}", world.listener);
    assert_null(fixture_at(plain, "Listeners.0.SslPolicy"));
    assert_null(fixture_at(plain, "Listeners.0.Certificates"));
    fixture_fails(fixture, "ValidationError", "elbv2", "ModifyListener",
                  "{'ListenerArn': '%s', 'Protocol': 'HTTPS'}", world.listener);
    json_decref(fixture_ok(fixture, "elbv2", "ModifyListener",
                           "{'ListenerArn': '%s', 'Protocol': 'HTTPS', 'Certificates': "
                           "[{'CertificateArn': '%s'}]}",
                           world.listener, world.certificate));
    fixture_destroy(fixture);
}

static void a_listener_that_changes_to_plain_keeps_no_group_that_needs_tls(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    char group[256], plain[256];
    take_text(group, sizeof group,
              fixture_ok(fixture, "elbv2", "CreateTargetGroup",
                         "{'Name': 'grpc', 'Protocol': 'HTTPS', 'ProtocolVersion': 'GRPC', "
                         "'Port': 50051, 'VpcId': '%s'}",
                         world.vpc),
              "TargetGroups.0.TargetGroupArn");
    json_decref(fixture_ok(fixture, "elbv2", "CreateRule",
                           "{'ListenerArn': '%s', 'Priority': 1, 'Conditions': [{'Field': "
                           "'path-pattern', 'Values': ['/x.Y']}], 'Actions': [{'Type': 'forward', "
                           "'TargetGroupArn': '%s'}]}",
                           world.listener, group));
    fixture_fails(fixture, "InvalidLoadBalancerAction", "elbv2", "ModifyListener",
                  "{'ListenerArn': '%s', 'Protocol': 'HTTP'}", world.listener);
    take_text(plain, sizeof plain, create_listener(&world, 80, "HTTP", ""),
              "Listeners.0.ListenerArn");
    fixture_fails(fixture, "InvalidLoadBalancerAction", "elbv2", "ModifyListener",
                  "{'ListenerArn': '%s', 'DefaultActions': [{'Type': 'forward', "
                  "'TargetGroupArn': '%s'}]}",
                  plain, group);
    fixture_destroy(fixture);
}

static void a_listener_that_changes_to_https_keeps_no_redirect_to_http(void **state)
{
    (void)state;
    struct world world = create_world();
    struct service_fixture *fixture = world.fixture;
    char plain[256];
    take_text(plain, sizeof plain, create_listener(&world, 80, "HTTP", ""),
              "Listeners.0.ListenerArn");
    static const char to_http[] =
        "'Actions': [{'Type': 'redirect', 'RedirectConfig': {'Protocol': 'HTTP', 'Port': '81', "
        "'StatusCode': 'HTTP_301'}}]";
    json_decref(fixture_ok(fixture, "elbv2", "CreateRule",
                           "{'ListenerArn': '%s', 'Priority': 1, 'Conditions': [{'Field': "
                           "'path-pattern', 'Values': ['/x']}], %s}",
                           plain, to_http));
    fixture_fails(fixture, "InvalidLoadBalancerAction", "elbv2", "CreateRule",
                  "{'ListenerArn': '%s', 'Priority': 2, 'Conditions': [{'Field': "
                  "'path-pattern', 'Values': ['/x']}], %s}",
                  world.listener, to_http);
    fixture_fails(fixture, "InvalidLoadBalancerAction", "elbv2", "ModifyListener",
                  "{'ListenerArn': '%s', 'Protocol': 'HTTPS', 'Certificates': "
                  "[{'CertificateArn': '%s'}]}",
                  plain, world.certificate);
    fixture_destroy(fixture);
}

static void names_of_tls_headers_are_for_https_listeners(void **state)
{
    (void)state;
    struct world world = create_world();
    char plain[256];
    static const char modify[] =
        "{'ListenerArn': '%s', 'Attributes': [{'Key': "
        "'routing.http.request.x_amzn_tls_version.header_name', 'Value': 'X-TLS'}]}";
    json_decref(
        fixture_ok(world.fixture, "elbv2", "ModifyListenerAttributes", modify, world.listener));
    take_text(plain, sizeof plain, create_listener(&world, 80, "HTTP", ""),
              "Listeners.0.ListenerArn");
    fixture_fails(world.fixture, "InvalidConfigurationRequest", "elbv2", "ModifyListenerAttributes",
                  modify, plain);
    fixture_destroy(world.fixture);
}

static void policies_are_described_with_their_protocols_and_ciphers(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *all = fixture_ok(fixture, "elbv2", "DescribeSSLPolicies", "{}");
    assert_true(json_array_size(fixture_at(all, "SslPolicies")) > 5);
    json_auto_t *one = fixture_ok(fixture, "elbv2", "DescribeSSLPolicies",
                                  "{'Names': ['ELBSecurityPolicy-TLS13-1-2-2021-06']}");
    assert_string_equal(fixture_text(one, "SslPolicies.0.SslProtocols.0"), "TLSv1.2");
    assert_string_equal(fixture_text(one, "SslPolicies.0.SslProtocols.1"), "TLSv1.3");
    assert_string_equal(fixture_text(one, "SslPolicies.0.Ciphers.0.Priority"), "1");
    fixture_fails(fixture, "SSLPolicyNotFound", "elbv2", "DescribeSSLPolicies",
                  "{'Names': ['none']}");
    fixture_destroy(fixture);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_https_listener_shows_its_certificate_and_a_policy),
        cmocka_unit_test(a_listener_needs_what_its_protocol_needs_and_nothing_else),
        cmocka_unit_test(listeners_take_only_certificates_that_clients_would_accept),
        cmocka_unit_test(a_certificate_in_use_is_shown_so_and_cannot_be_deleted),
        cmocka_unit_test(more_certificates_are_added_listed_and_removed),
        cmocka_unit_test(a_load_balancer_has_25_certificates_besides_default_ones),
        cmocka_unit_test(a_listener_changes_between_protocols_certificates_and_policies),
        cmocka_unit_test(a_listener_that_changes_to_plain_keeps_no_group_that_needs_tls),
        cmocka_unit_test(a_listener_that_changes_to_https_keeps_no_redirect_to_http),
        cmocka_unit_test(names_of_tls_headers_are_for_https_listeners),
        cmocka_unit_test(policies_are_described_with_their_protocols_and_ciphers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
