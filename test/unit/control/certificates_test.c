/* Certificates in use are renewed in time, and balancer gets the new ones. */
#include "service/doc.h"
#include "simulated_cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t day_ms = (int64_t)24 * 3600 * 1000;

/* Sets the clock ahead, as `pileus clock advance` does. */
static void pass(struct simulated_cloud *cloud, int days)
{
    cloud->now_ms += days * day_ms;
    cloud_run(cloud, 1000);
}

static void request(struct simulated_cloud *cloud, const char *name, char arn[256])
{
    json_auto_t *out = cloud_call(cloud, "acm", "RequestCertificate",
                                  "{'DomainName': '%s', 'KeyAlgorithm': 'EC_prime256v1'}", name);
    assert_non_null(out);
    snprintf(arn, 256, "%s", doc_text(out, "CertificateArn"));
}

static json_t *describe(struct simulated_cloud *cloud, const char *arn)
{
    json_auto_t *out =
        cloud_call(cloud, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}", arn);
    assert_non_null(out);
    return json_incref(json_object_get(out, "Certificate"));
}

static void listen(struct simulated_cloud *cloud, const char *certificate)
{
    json_auto_t *subnets = cloud_call(cloud, "ec2", "DescribeSubnets", "{}");
    const json_t *list = json_object_get(subnets, "Subnets");
    json_auto_t *made =
        cloud_call(cloud, "elbv2", "CreateLoadBalancer", "{'Name': 'web', 'Subnets': ['%s', '%s']}",
                   doc_text(json_array_get(list, 0), "SubnetId"),
                   doc_text(json_array_get(list, 1), "SubnetId"));
    const json_t *load_balancer = json_array_get(json_object_get(made, "LoadBalancers"), 0);
    cloud_ok(cloud, "elbv2", "CreateListener",
             "{'LoadBalancerArn': '%s', 'Protocol': 'HTTPS', 'Port': 443, 'Certificates': "
             "[{'CertificateArn': '%s'}], 'DefaultActions': [{'Type': 'fixed-response', "
             "'FixedResponseConfig': {'StatusCode': '200'}}]}",
             doc_text(load_balancer, "LoadBalancerArn"), certificate);
}

static void a_certificate_in_use_is_renewed_before_it_ends_and_no_other(void **state)
{
    (void)state;
    struct simulated_cloud *cloud = cloud_create(1);
    char used[256], unused[256];
    request(cloud, "used.example.com", used);
    request(cloud, "unused.example.com", unused);
    listen(cloud, used);
    json_auto_t *before = describe(cloud, used), *unused_before = describe(cloud, unused);
    pass(cloud, 130);
    json_auto_t *early = describe(cloud, used);
    assert_string_equal(doc_text(early, "Serial"), doc_text(before, "Serial"));
    pass(cloud, 10);
    json_auto_t *after = describe(cloud, used), *unused_after = describe(cloud, unused);
    assert_string_not_equal(doc_text(after, "Serial"), doc_text(before, "Serial"));
    assert_true(doc_number(after, "NotAfter") > doc_number(before, "NotAfter"));
    assert_string_equal(doc_text(json_object_get(after, "RenewalSummary"), "RenewalStatus"),
                        "SUCCESS");
    assert_string_equal(doc_text(unused_after, "Serial"), doc_text(unused_before, "Serial"));
    const json_t *listener = json_array_get(
        json_object_get(json_array_get(json_object_get(cloud->configuration, "LoadBalancers"), 0),
                        "Listeners"),
        0);
    const json_t *certificate = json_array_get(json_object_get(listener, "Certificates"), 0);
    json_auto_t *got = cloud_call(cloud, "acm", "GetCertificate", "{'CertificateArn': '%s'}", used);
    assert_string_equal(doc_text(certificate, "Certificate"), doc_text(got, "Certificate"));
    cloud_destroy(cloud);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_in_use_is_renewed_before_it_ends_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
