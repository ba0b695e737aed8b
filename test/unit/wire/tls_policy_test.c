/* The table of security policies against what AWS documents, and against OpenSSL. */
#include "wire/tls_policy.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int cipher_count(const char *name)
{
    const struct tls_policy *policy = tls_policy_find(name);
    int count = 0;
    assert_non_null(policy);
    while (policy->ciphers[count])
        count++;
    return count;
}

static void each_policy_has_the_ciphers_of_aws(void **state)
{
    (void)state;
    assert_int_equal(cipher_count("ELBSecurityPolicy-2016-08"), 18);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS13-1-3-2021-06"), 3);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS13-1-2-2021-06"), 11);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS13-1-2-Res-2021-06"), 7);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06"), 15);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06"), 21);
    assert_int_equal(cipher_count("ELBSecurityPolicy-TLS-1-2-2017-01"), 12);
    assert_int_equal(cipher_count("ELBSecurityPolicy-FS-2018-06"), 12);
    assert_int_equal(cipher_count("ELBSecurityPolicy-FS-1-2-Res-2019-08"), 8);
    assert_int_equal(cipher_count("ELBSecurityPolicy-FS-1-2-Res-2020-10"), 4);
}

/* A name that OpenSSL does not know would be left out without a word. */
static void openssl_has_every_cipher(void **state)
{
    (void)state;
    const struct tls_policy *policy;
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    for (int i = 0; (policy = tls_policy_at(i)); i++)
        for (int c = 0; policy->ciphers[c]; c++) {
            bool tls13 = strncmp(policy->ciphers[c], "TLS_", 4) == 0;
            assert_int_equal(tls13, policy->newest == 3 && c < 3);
            assert_int_equal(tls13 ? SSL_CTX_set_ciphersuites(context, policy->ciphers[c])
                                   : SSL_CTX_set_cipher_list(context, policy->ciphers[c]),
                             1);
        }
    SSL_CTX_free(context);
}

static void every_policy_is_found_by_its_name(void **state)
{
    (void)state;
    const struct tls_policy *policy;
    for (int i = 0; (policy = tls_policy_at(i)); i++) {
        assert_ptr_equal(tls_policy_find(policy->name), policy);
        assert_null(tls_policy_missing(policy->name));
        assert_true(policy->oldest <= policy->newest);
    }
    assert_non_null(tls_policy_find(TLS_POLICY_DEFAULT));
    assert_null(tls_policy_find("ELBSecurityPolicy-2099-01"));
    assert_null(tls_policy_at(-1));
}

static void a_policy_that_only_aws_has_is_missing_for_a_reason(void **state)
{
    (void)state;
    static const char *const names[] = {
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
        "ELBSecurityPolicy-TLS-1-0-2015-04",
    };
    for (int i = 0; i < 3; i++) {
        assert_null(tls_policy_find(names[i]));
        assert_non_null(tls_policy_missing(names[i]));
    }
    assert_null(tls_policy_missing("ELBSecurityPolicy-2099-01"));
    assert_null(tls_policy_missing("a-PQ-b"));
}

static void targets_get_tls_1_3_if_the_listener_has_it(void **state)
{
    (void)state;
    const struct tls_policy *old = tls_policy_find("ELBSecurityPolicy-FS-1-2-Res-2020-10");
    const struct tls_policy *new = tls_policy_find("ELBSecurityPolicy-TLS13-1-3-2021-06");
    assert_string_equal(tls_policy_for_targets(old)->name, "ELBSecurityPolicy-2016-08");
    assert_string_equal(tls_policy_for_targets(new)->name, "ELBSecurityPolicy-TLS13-1-0-2021-06");
}

static void protocols_are_named_as_in_the_api(void **state)
{
    (void)state;
    assert_string_equal(tls_protocol_name(0), "TLSv1");
    assert_string_equal(tls_protocol_name(3), "TLSv1.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_policy_has_the_ciphers_of_aws),
        cmocka_unit_test(openssl_has_every_cipher),
        cmocka_unit_test(every_policy_is_found_by_its_name),
        cmocka_unit_test(a_policy_that_only_aws_has_is_missing_for_a_reason),
        cmocka_unit_test(targets_get_tls_1_3_if_the_listener_has_it),
        cmocka_unit_test(protocols_are_named_as_in_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
