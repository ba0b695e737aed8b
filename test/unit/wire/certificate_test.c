/* Certificates: what is issued says what was ordered, and only what belongs together is accepted.
 */
#include "wire/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static const int64_t noon_s = 1767268800, year_s = 31536000;

struct authority {
    char *key, *certificate;
};

static struct authority make_authority(const char *name)
{
    struct err err;
    struct certificate_order order = {.names = &name,
                                      .name_count = 1,
                                      .serial = {1, 2, 3},
                                      .not_before_s = noon_s,
                                      .not_after_s = noon_s + 10 * year_s};
    struct authority authority = {.key = certificate_new_key("EC_prime256v1", &err)};
    assert_non_null(authority.key);
    authority.certificate = certificate_make_authority(authority.key, &order, &err);
    assert_non_null(authority.certificate);
    return authority;
}

static void drop_authority(struct authority *authority)
{
    free(authority->key);
    free(authority->certificate);
}

static char *issue(const struct authority *authority, const char *key, const char *const *names,
                   size_t name_count)
{
    struct err err;
    struct certificate_order order = {.names = names,
                                      .name_count = name_count,
                                      .serial = {0xff, 0xab},
                                      .not_before_s = noon_s,
                                      .not_after_s = noon_s + year_s};
    char *pem = certificate_issue(authority->certificate, authority->key, key, &order, &err);
    if (!pem)
        fail_msg("%s", err.text);
    return pem;
}

static void a_certificate_says_what_was_ordered(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.com", "*.example.com", "WWW.example.com"};
    struct err err;
    struct certificate_facts facts;
    struct authority authority = make_authority("Test CA");
    char *key = certificate_new_key("RSA_2048", &err);
    char *pem = issue(&authority, key, names, 3);
    assert_int_equal(certificate_read(pem, &facts, &err), 0);
    assert_string_equal(facts.subject, "CN=www.example.com");
    assert_string_equal(facts.issuer, "Test CA");
    assert_string_equal(facts.serial, "7f:ab:00:00:00:00:00:00:00:00:00:00:00:00:00:00");
    assert_int_equal(facts.name_count, 2);
    assert_string_equal(facts.names[0], "www.example.com");
    assert_string_equal(facts.names[1], "*.example.com");
    assert_string_equal(facts.key_algorithm, "RSA_2048");
    assert_string_equal(facts.signature_algorithm, "SHA256WITHECDSA");
    assert_int_equal(facts.key_usages, 1 << 0 | 1 << 2);
    assert_int_equal(facts.extended_usage_count, 1);
    assert_string_equal(facts.extended_usages[0], "1.3.6.1.5.5.7.3.1");
    assert_int_equal(facts.not_before_s, noon_s);
    assert_int_equal(facts.not_after_s, noon_s + year_s);
    assert_string_equal(facts.pem, pem);
    certificate_finish(&facts);
    free(pem);
    free(key);
    drop_authority(&authority);
}

static void a_name_too_long_for_the_common_name_is_only_an_alternative_name(void **state)
{
    (void)state;
    const char *name =
        "a-very-long-label-that-goes-on-and-on.and-another-one-of-its-kind.example.com";
    struct err err;
    struct certificate_facts facts;
    struct authority authority = make_authority("Test CA");
    char *key = certificate_new_key("EC_secp384r1", &err);
    char *pem = issue(&authority, key, &name, 1);
    assert_int_equal(certificate_read(pem, &facts, &err), 0);
    assert_string_equal(facts.subject, "");
    assert_string_equal(facts.names[0], name);
    assert_string_equal(facts.key_algorithm, "EC_secp384r1");
    certificate_finish(&facts);
    free(pem);
    free(key);
    drop_authority(&authority);
}

static void only_the_key_that_belongs_to_a_certificate_is_accepted(void **state)
{
    (void)state;
    const char *name = "example.com";
    struct err err;
    struct authority authority = make_authority("Test CA");
    char *key = certificate_new_key("EC_prime256v1", &err);
    char *pem = issue(&authority, key, &name, 1);
    char *checked = certificate_check_key(pem, key, &err);
    assert_string_equal(checked, key);
    assert_null(certificate_check_key(pem, authority.key, &err));
    assert_non_null(strstr(err.text, "does not match"));
    assert_null(certificate_check_key(pem, pem, &err));
    assert_non_null(strstr(err.text, "valid PEM"));
    assert_null(certificate_check_key(pem,
                                      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                                      "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                                      "AAAAAAAAAAAAAAAAAAAAAA==\n-----END EC PRIVATE KEY-----\n",
                                      &err));
    assert_non_null(strstr(err.text, "encrypted"));
    free(checked);
    free(pem);
    free(key);
    drop_authority(&authority);
}

static void a_chain_leads_from_each_certificate_to_the_one_that_signed_it(void **state)
{
    (void)state;
    const char *name = "example.com";
    struct err err;
    struct authority authority = make_authority("Test CA"), other = make_authority("Test CA");
    char *key = certificate_new_key("EC_prime256v1", &err);
    char *pem = issue(&authority, key, &name, 1);
    char *chain = certificate_check_chain(pem, authority.certificate, &err);
    assert_string_equal(chain, authority.certificate);
    assert_null(certificate_check_chain(pem, other.certificate, &err));
    assert_non_null(strstr(err.text, "Could not validate"));
    assert_null(certificate_check_chain(pem, pem, &err));
    assert_null(certificate_check_chain(pem, "", &err));
    assert_non_null(strstr(err.text, "self signed"));
    char *alone = certificate_check_chain(authority.certificate, NULL, &err);
    assert_string_equal(alone, "");
    free(alone);
    free(chain);
    free(pem);
    free(key);
    drop_authority(&other);
    drop_authority(&authority);
}

static void a_text_must_have_exactly_one_certificate(void **state)
{
    (void)state;
    struct err err;
    struct certificate_facts facts;
    struct authority authority = make_authority("Test CA");
    char twice[4096];
    snprintf(twice, sizeof twice, "%s%s", authority.certificate, authority.certificate);
    assert_int_equal(certificate_read(twice, &facts, &err), -1);
    assert_non_null(strstr(err.text, "more than one"));
    assert_int_equal(certificate_read("", &facts, &err), -1);
    assert_int_equal(certificate_read("-----BEGIN CERTIFICATE-----\nAAAA\n", &facts, &err), -1);
    drop_authority(&authority);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_says_what_was_ordered),
        cmocka_unit_test(a_name_too_long_for_the_common_name_is_only_an_alternative_name),
        cmocka_unit_test(only_the_key_that_belongs_to_a_certificate_is_accepted),
        cmocka_unit_test(a_chain_leads_from_each_certificate_to_the_one_that_signed_it),
        cmocka_unit_test(a_text_must_have_exactly_one_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
