/* Certificate Manager: what it issues and takes in, what it shows of it, and what it refuses. */
#include "base/cleanup.h"
#include "service_fixture.h"
#include "wire/base64.h"
#include "wire/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static const int64_t day_s = 86400;

/* A certificate that was made elsewhere; material_drop() frees it. */
struct material {
    char *key, *certificate; /* PEM */
    char *key_blob, *certificate_blob;
};

static char *blob(const char *text)
{
    char *encoded = base64_encode(text, strlen(text));
    assert_non_null(encoded);
    return encoded;
}

/* A certificate, signed by `issuer` or by itself, valid from yesterday for some days. */
static struct material make_material(const struct service_fixture *fixture, const char *algorithm,
                                     const char *name, const struct material *issuer, int days)
{
    struct err err;
    struct material material = {.key = certificate_new_key(algorithm, &err)};
    struct certificate_order order = {.names = &name,
                                      .name_count = 1,
                                      .serial = {9},
                                      .not_before_s = fixture->now_ms / 1000 - day_s,
                                      .not_after_s = fixture->now_ms / 1000 + days * day_s};
    material.certificate =
        issuer ? certificate_issue(issuer->certificate, issuer->key, material.key, &order, &err)
               : certificate_make_authority(material.key, &order, &err);
    assert_non_null(material.certificate);
    material.key_blob = blob(material.key);
    material.certificate_blob = blob(material.certificate);
    return material;
}

static void material_drop(struct material *material)
{
    free(material->key);
    free(material->certificate);
    free(material->key_blob);
    free(material->certificate_blob);
}

#define auto_material __attribute__((cleanup(material_drop))) struct material

static void copy_arn(char out[256], const json_t *doc)
{
    snprintf(out, 256, "%s", fixture_text(doc, "CertificateArn"));
}

static void request(struct service_fixture *fixture, const char *in, char out[256])
{
    json_auto_t *answer = fixture_ok(fixture, "acm", "RequestCertificate", "%s", in);
    copy_arn(out, answer);
}

static json_t *describe(struct service_fixture *fixture, const char *arn)
{
    return fixture_ok(fixture, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}", arn);
}

static void a_requested_certificate_is_issued_at_once(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    request(fixture,
            "{'DomainName': 'www.Example.com', 'SubjectAlternativeNames': ['*.example.com', "
            "'www.example.com'], 'ValidationMethod': 'DNS'}",
            arn);
    json_auto_t *out = describe(fixture, arn);
    const json_t *shown = fixture_at(out, "Certificate");
    assert_string_equal(fixture_text(shown, "Status"), "ISSUED");
    assert_string_equal(fixture_text(shown, "Type"), "AMAZON_ISSUED");
    assert_string_equal(fixture_text(shown, "DomainName"), "www.example.com");
    assert_string_equal(fixture_text(shown, "KeyAlgorithm"), "RSA_2048");
    assert_string_equal(fixture_text(shown, "SignatureAlgorithm"), "SHA256WITHECDSA");
    assert_string_equal(fixture_text(shown, "SubjectAlternativeNames.1"), "*.example.com");
    assert_int_equal(json_array_size(fixture_at(shown, "SubjectAlternativeNames")), 2);
    assert_string_equal(fixture_text(shown, "DomainValidationOptions.0.ValidationStatus"),
                        "SUCCESS");
    assert_string_equal(fixture_text(shown, "DomainValidationOptions.0.ResourceRecord.Type"),
                        "CNAME");
    assert_non_null(strstr(fixture_text(shown, "DomainValidationOptions.1.ResourceRecord.Name"),
                           ".example.com."));
    assert_null(fixture_at(shown, "DomainValidationOptions.0.ValidationEmails"));
    assert_int_equal(json_array_size(fixture_at(shown, "InUseBy")), 0);
    assert_string_equal(fixture_text(shown, "ExtendedKeyUsages.0.Name"),
                        "TLS_WEB_SERVER_AUTHENTICATION");
    fixture_destroy(fixture);
}

static void issued_certificates_chain_to_one_authority(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char first[256], second[256];
    request(fixture, "{'DomainName': 'a.example.com'}", first);
    request(fixture, "{'DomainName': 'b.example.com', 'KeyAlgorithm': 'EC_prime256v1'}", second);
    json_auto_t *a =
        fixture_ok(fixture, "acm", "GetCertificate", "{'CertificateArn': '%s'}", first);
    json_auto_t *b =
        fixture_ok(fixture, "acm", "GetCertificate", "{'CertificateArn': '%s'}", second);
    const char *chain = json_string_value(fixture_at(a, "CertificateChain"));
    assert_true(json_equal(fixture_at(a, "CertificateChain"), fixture_at(b, "CertificateChain")));
    struct err err;
    for (int i = 0; i < 2; i++) {
        auto_free char *checked = certificate_check_chain(
            json_string_value(fixture_at(i ? b : a, "Certificate")), chain, &err);
        assert_non_null(checked);
    }
    fixture_destroy(fixture);
}

static void what_is_issued_is_valid_by_the_real_clock_and_by_the_clouds(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    fixture->now_ms += 400 * day_s * 1000;
    request(fixture, "{'DomainName': 'www.example.com'}", arn);
    json_auto_t *out = describe(fixture, arn);
    int64_t from = json_integer_value(fixture_at(out, "Certificate.NotBefore"));
    int64_t to = json_integer_value(fixture_at(out, "Certificate.NotAfter"));
    assert_true(from < fixture->real_ms / 1000);
    assert_true(to > fixture->now_ms / 1000 + 197 * day_s);
    fixture->now_ms += 199 * day_s * 1000;
    json_auto_t *later = describe(fixture, arn);
    assert_string_equal(fixture_text(later, "Certificate.Status"), "EXPIRED");
    fixture_destroy(fixture);
}

static void the_same_request_with_the_same_token_issues_once_an_hour(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    const char *in = "{'DomainName': 'www.example.com', 'IdempotencyToken': 'x'}";
    char first[256], again[256], other[256];
    request(fixture, in, first);
    request(fixture, in, again);
    assert_string_equal(first, again);
    request(fixture, "{'DomainName': 'example.com', 'IdempotencyToken': 'x'}", other);
    assert_string_not_equal(first, other);
    fixture->now_ms += 3601 * 1000;
    request(fixture, in, again);
    assert_string_not_equal(first, again);
    fixture_destroy(fixture);
}

static void requests_that_cannot_be_granted_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in, *error;
    } rows[] = {
        {"{'DomainName': 'localhost'}", "ValidationException"},
        {"{'DomainName': '-a.example.com'}", "ValidationException"},
        {"{'DomainName': 'a.*.example.com'}", "ValidationException"},
        {"{'DomainName': 'a..example.com'}", "ValidationException"},
        {"{'DomainName': 'example.com', 'KeyAlgorithm': 'RSA_4096'}", "InvalidParameterException"},
        {"{'DomainName': 'example.com', 'ValidationMethod': 'HTTP'}", "InvalidParameterException"},
        {"{'DomainName': 'example.com', 'Options': {'Export': 'ENABLED'}}", "UnsupportedOperation"},
        {"{'DomainName': 'example.com', 'CertificateAuthorityArn': "
         "'arn:aws:acm-pca:us-east-1:000000000000:certificate-authority/1'}",
         "UnsupportedOperation"},
        {"{'DomainName': 'www.example.com', 'DomainValidationOptions': "
         "[{'DomainName': 'www.example.com', 'ValidationDomain': 'example.org'}]}",
         "InvalidDomainValidationOptionsException"},
        {"{'DomainName': 'example.com', 'Tags': [{'Key': 'aws:x'}]}", "InvalidTagException"},
        {"{'DomainName': 'a.bc', 'SubjectAlternativeNames': ['b.bc', 'c.bc', 'd.bc', 'e.bc', "
         "'f.bc', 'g.bc', 'h.bc', 'i.bc', 'j.bc', 'k.bc']}",
         "LimitExceededException"},
        {"{'DomainName': 'long-names-cannot-be-common-names-so-that-aws-refuses-them.example.com'}",
         "InvalidParameterException"},
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_fails(fixture, rows[i].error, "acm", "RequestCertificate", "%s", rows[i].in);
    fixture_destroy(fixture);
}

static void an_imported_certificate_is_shown_and_given_back_without_its_key(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    auto_material ca = make_material(fixture, "EC_prime256v1", "My CA", NULL, 900);
    auto_material leaf = make_material(fixture, "EC_prime256v1", "app.example.com", &ca, 30);
    json_auto_t *imported =
        fixture_ok(fixture, "acm", "ImportCertificate",
                   "{'Certificate': '%s', 'PrivateKey': '%s', 'CertificateChain': '%s', 'Tags': "
                   "[{'Key': 'a', 'Value': 'b'}]}",
                   leaf.certificate_blob, leaf.key_blob, ca.certificate_blob);
    char arn[256];
    copy_arn(arn, imported);
    json_auto_t *out = describe(fixture, arn);
    assert_string_equal(fixture_text(out, "Certificate.Type"), "IMPORTED");
    assert_string_equal(fixture_text(out, "Certificate.DomainName"), "app.example.com");
    assert_string_equal(fixture_text(out, "Certificate.Issuer"), "My CA");
    assert_string_equal(fixture_text(out, "Certificate.KeyAlgorithm"), "EC_prime256v1");
    json_auto_t *got =
        fixture_ok(fixture, "acm", "GetCertificate", "{'CertificateArn': '%s'}", arn);
    assert_string_equal(json_string_value(fixture_at(got, "Certificate")), leaf.certificate);
    assert_string_equal(json_string_value(fixture_at(got, "CertificateChain")), ca.certificate);
    assert_null(fixture_at(got, "PrivateKey"));
    json_auto_t *tags =
        fixture_ok(fixture, "acm", "ListTagsForCertificate", "{'CertificateArn': '%s'}", arn);
    assert_string_equal(fixture_text(tags, "Tags.0.Value"), "b");
    fixture_destroy(fixture);
}

static void import_takes_only_what_belongs_together(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    auto_material ca = make_material(fixture, "EC_prime256v1", "My CA", NULL, 900);
    auto_material leaf = make_material(fixture, "EC_prime256v1", "app.example.com", &ca, 30);
    auto_free char *twice = NULL;
    assert_true(asprintf(&twice, "%s%s", leaf.certificate, ca.certificate) > 0);
    auto_free char *twice_blob = blob(twice), *nothing = blob("nothing");
    const struct {
        const char *certificate, *key, *chain, *text;
    } rows[] = {
        {leaf.certificate_blob, ca.key_blob, ca.certificate_blob, "does not match"},
        {leaf.certificate_blob, leaf.key_blob, leaf.certificate_blob, "certificate chain"},
        {leaf.certificate_blob, leaf.key_blob, "", "self signed"},
        {twice_blob, leaf.key_blob, "", "more than one"},
        {nothing, leaf.key_blob, "", "PEM"},
        {leaf.certificate_blob, nothing, ca.certificate_blob, "private key"},
        {leaf.certificate_blob, leaf.key_blob, nothing, "PEM"},
        {"AAAA", leaf.key_blob, ca.certificate_blob, "PEM"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        auto_free char *chain = NULL;
        assert_true(asprintf(&chain, *rows[i].chain ? ", 'CertificateChain': '%s'" : "%s",
                             rows[i].chain) >= 0);
        fixture_fails(fixture, "ValidationException", "acm", "ImportCertificate",
                      "{'Certificate': '%s', 'PrivateKey': '%s'%s}", rows[i].certificate,
                      rows[i].key, chain);
        assert_non_null(strstr(fixture->err.text, rows[i].text));
        assert_null(strstr(fixture->err.text, rows[i].key));
    }
    fixture->now_ms += 31 * day_s * 1000;
    fixture_fails(fixture, "ValidationException", "acm", "ImportCertificate",
                  "{'Certificate': '%s', 'PrivateKey': '%s', 'CertificateChain': '%s'}",
                  leaf.certificate_blob, leaf.key_blob, ca.certificate_blob);
    assert_non_null(strstr(fixture->err.text, "expired"));
    fixture_destroy(fixture);
}

static void a_reimport_keeps_the_arn_and_the_kind_of_key(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    auto_material first = make_material(fixture, "EC_prime256v1", "a.example.com", NULL, 900);
    auto_material next = make_material(fixture, "EC_prime256v1", "b.example.com", NULL, 900);
    auto_material other = make_material(fixture, "EC_secp384r1", "a.example.com", NULL, 900);
    json_auto_t *imported =
        fixture_ok(fixture, "acm", "ImportCertificate", "{'Certificate': '%s', 'PrivateKey': '%s'}",
                   first.certificate_blob, first.key_blob);
    char arn[256], requested[256];
    copy_arn(arn, imported);
    json_auto_t *again =
        fixture_ok(fixture, "acm", "ImportCertificate",
                   "{'CertificateArn': '%s', 'Certificate': '%s', 'PrivateKey': '%s'}", arn,
                   next.certificate_blob, next.key_blob);
    assert_string_equal(fixture_text(again, "CertificateArn"), arn);
    json_auto_t *out = describe(fixture, arn);
    assert_string_equal(fixture_text(out, "Certificate.DomainName"), "b.example.com");
    fixture_fails(fixture, "ValidationException", "acm", "ImportCertificate",
                  "{'CertificateArn': '%s', 'Certificate': '%s', 'PrivateKey': '%s'}", arn,
                  other.certificate_blob, other.key_blob);
    fixture_fails(fixture, "InvalidParameterException", "acm", "ImportCertificate",
                  "{'CertificateArn': '%s', 'Certificate': '%s', 'PrivateKey': '%s', "
                  "'Tags': [{'Key': 'a'}]}",
                  arn, next.certificate_blob, next.key_blob);
    fixture_fails(fixture, "ResourceNotFoundException", "acm", "ImportCertificate",
                  "{'CertificateArn': '%s0', 'Certificate': '%s', 'PrivateKey': '%s'}", arn,
                  next.certificate_blob, next.key_blob);
    request(fixture, "{'DomainName': 'www.example.com'}", requested);
    fixture_fails(fixture, "ValidationException", "acm", "ImportCertificate",
                  "{'CertificateArn': '%s', 'Certificate': '%s', 'PrivateKey': '%s'}", requested,
                  next.certificate_blob, next.key_blob);
    fixture_destroy(fixture);
}

static void lists_show_what_their_filters_ask_for_page_by_page(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    static const struct {
        const char *in;
        size_t count;
    } rows[] = {
        {"{}", 1}, /* RSA only, as AWS does */
        {"{'Includes': {'keyTypes': ['EC_prime256v1']}}", 2},
        {"{'Includes': {'keyTypes': ['RSA_2048', 'EC_prime256v1']}}", 3},
        {"{'CertificateStatuses': ['PENDING_VALIDATION']}", 0},
        {"{'Includes': {'keyTypes': ['EC_prime256v1'], 'keyUsage': ['CERTIFICATE_SIGNING']}}", 0},
        {"{'Includes': {'extendedKeyUsage': ['TLS_WEB_SERVER_AUTHENTICATION']}}", 1},
        {"{'CertificateKeyPairOrigins': ['CUSTOMER_PROVIDED']}", 0},
    };
    char arns[3][256];
    request(fixture, "{'DomainName': 'a.bc', 'KeyAlgorithm': 'EC_prime256v1'}", arns[0]);
    request(fixture, "{'DomainName': 'b.bc', 'KeyAlgorithm': 'EC_prime256v1'}", arns[1]);
    request(fixture, "{'DomainName': 'c.bc'}", arns[2]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *out = fixture_ok(fixture, "acm", "ListCertificates", "%s", rows[i].in);
        assert_int_equal(json_array_size(fixture_at(out, "CertificateSummaryList")), rows[i].count);
    }
    json_auto_t *page = fixture_ok(fixture, "acm", "ListCertificates",
                                   "{'MaxItems': 1, 'Includes': {'keyTypes': ['EC_prime256v1']}, "
                                   "'SortBy': 'CREATED_AT', 'SortOrder': 'DESCENDING'}");
    assert_string_equal(fixture_text(page, "CertificateSummaryList.0.DomainName"), "b.bc");
    assert_non_null(fixture_at(page, "NextToken"));
    fixture_fails(fixture, "ValidationException", "acm", "ListCertificates",
                  "{'SortBy': 'CREATED_AT'}");
    fixture_fails(fixture, "ValidationException", "acm", "ListCertificates", "{'NextToken': 'x'}");
    fixture_destroy(fixture);
}

static void tags_are_added_replaced_and_removed(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    request(fixture, "{'DomainName': 'a.bc', 'Tags': [{'Key': 'a', 'Value': '1'}]}", arn);
    json_decref(fixture_ok(fixture, "acm", "AddTagsToCertificate",
                           "{'CertificateArn': '%s', 'Tags': [{'Key': 'a', 'Value': '2'}, "
                           "{'Key': 'b'}]}",
                           arn));
    json_decref(fixture_ok(fixture, "acm", "RemoveTagsFromCertificate",
                           "{'CertificateArn': '%s', 'Tags': [{'Key': 'a', 'Value': '1'}, "
                           "{'Key': 'b'}]}",
                           arn));
    json_auto_t *out =
        fixture_ok(fixture, "acm", "ListTagsForCertificate", "{'CertificateArn': '%s'}", arn);
    assert_int_equal(json_array_size(fixture_at(out, "Tags")), 1);
    assert_string_equal(fixture_text(out, "Tags.0.Value"), "2");
    json_decref(fixture_ok(
        fixture, "acm", "TagResource",
        "{'ResourceArn': '%s', 'Tags': [{'Key': 'c', 'Value': '3'}, {'Key': 'd'}]}", arn));
    json_decref(fixture_ok(fixture, "acm", "UntagResource",
                           "{'ResourceArn': '%s', 'TagKeys': ['a', 'd', 'e']}", arn));
    json_auto_t *of_resource =
        fixture_ok(fixture, "acm", "ListTagsForResource", "{'ResourceArn': '%s'}", arn);
    assert_int_equal(json_array_size(fixture_at(of_resource, "Tags")), 1);
    assert_string_equal(fixture_text(of_resource, "Tags.0.Value"), "3");
    fixture_fails(fixture, "ValidationException", "acm", "TagResource",
                  "{'ResourceArn': '%s', 'Tags': [{'Key': 'aws:x', 'Value': '3'}]}", arn);
    fixture_destroy(fixture);
}

static void options_change_but_not_whether_it_can_be_exported(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    request(fixture, "{'DomainName': 'a.bc'}", arn);
    json_decref(fixture_ok(fixture, "acm", "UpdateCertificateOptions",
                           "{'CertificateArn': '%s', 'Options': "
                           "{'CertificateTransparencyLoggingPreference': 'DISABLED'}}",
                           arn));
    json_auto_t *out =
        fixture_ok(fixture, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}", arn);
    assert_string_equal(
        fixture_text(out, "Certificate.Options.CertificateTransparencyLoggingPreference"),
        "DISABLED");
    assert_null(fixture_call(fixture, "acm", "UpdateCertificateOptions",
                             "{'CertificateArn': '%s', 'Options': {'Export': 'ENABLED'}}", arn));
    fixture_fails(fixture, "InvalidStateException", "acm", "ResendValidationEmail",
                  "{'CertificateArn': '%s', 'Domain': 'a.bc', 'ValidationDomain': 'a.bc'}", arn);
    fixture_destroy(fixture);
}

static void only_what_a_listener_uses_is_renewed_when_asked(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    request(fixture, "{'DomainName': 'a.bc'}", arn);
    fixture_fails(fixture, "ValidationException", "acm", "RenewCertificate",
                  "{'CertificateArn': '%s'}", arn);
    /* What a listener has of it is all that is looked at. */
    auto_txn *txn = txn_begin(fixture->store);
    txn_put(txn, "listener", "us-east-1", "listener",
            json_pack("{s:s, s:[{s:s}]}", "LoadBalancerArn", "lb", "Certificates", "CertificateArn",
                      arn));
    assert_int_equal(txn_commit(txn, &fixture->err), 0);
    txn = NULL;
    json_auto_t *before =
        fixture_ok(fixture, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}", arn);
    json_decref(fixture_ok(fixture, "acm", "RenewCertificate", "{'CertificateArn': '%s'}", arn));
    json_auto_t *after =
        fixture_ok(fixture, "acm", "DescribeCertificate", "{'CertificateArn': '%s'}", arn);
    char serial[128];
    snprintf(serial, sizeof serial, "%s", fixture_text(before, "Certificate.Serial"));
    assert_string_not_equal(serial, fixture_text(after, "Certificate.Serial"));
    assert_string_equal(fixture_text(after, "Certificate.RenewalSummary.RenewalStatus"), "SUCCESS");
    fixture_destroy(fixture);
}

static void a_deleted_certificate_is_not_found(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    char arn[256];
    request(fixture, "{'DomainName': 'a.bc'}", arn);
    json_decref(fixture_ok(fixture, "acm", "DeleteCertificate", "{'CertificateArn': '%s'}", arn));
    static const char *const operations[] = {"DeleteCertificate", "DescribeCertificate",
                                             "GetCertificate", "ListTagsForCertificate"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        fixture_fails(fixture, "ResourceNotFoundException", "acm", operations[i],
                      "{'CertificateArn': '%s'}", arn);
    fixture_fails(fixture, "ValidationException", "acm", "DescribeCertificate",
                  "{'CertificateArn': 'arn:aws:iam::000000000000:server-certificate/x'}");
    fixture_destroy(fixture);
}

static void what_is_issued_waits_for_its_key(void **state)
{
    struct service_fixture *fixture = fixture_create();
    const char *request = "{'DomainName': 'a.example.com', 'ValidationMethod': 'DNS'}";
    (void)state;
    fixture->rsa_keys = 0;
    assert_null(fixture_call(fixture, "acm", "RequestCertificate", "%s", request));
    assert_true(fixture->err.again);
    assert_null(store_get(fixture->store, "certificate-authority", "", "local"));
    fixture->rsa_keys = 1;
    json_decref(fixture_ok(fixture, "acm", "RequestCertificate", "%s", request));
    fixture_destroy(fixture);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_requested_certificate_is_issued_at_once),
        cmocka_unit_test(issued_certificates_chain_to_one_authority),
        cmocka_unit_test(what_is_issued_is_valid_by_the_real_clock_and_by_the_clouds),
        cmocka_unit_test(the_same_request_with_the_same_token_issues_once_an_hour),
        cmocka_unit_test(requests_that_cannot_be_granted_are_refused),
        cmocka_unit_test(an_imported_certificate_is_shown_and_given_back_without_its_key),
        cmocka_unit_test(import_takes_only_what_belongs_together),
        cmocka_unit_test(a_reimport_keeps_the_arn_and_the_kind_of_key),
        cmocka_unit_test(lists_show_what_their_filters_ask_for_page_by_page),
        cmocka_unit_test(tags_are_added_replaced_and_removed),
        cmocka_unit_test(options_change_but_not_whether_it_can_be_exported),
        cmocka_unit_test(only_what_a_listener_uses_is_renewed_when_asked),
        cmocka_unit_test(a_deleted_certificate_is_not_found),
        cmocka_unit_test(what_is_issued_waits_for_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
