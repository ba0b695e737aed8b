/* What a listener accepts as a certificate, and which one it presents for a name. */
#include "http/tls_server.h"

#include "test_certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct test_certificate rsa, ecdsa, wildcard, authority, issued;

static int make_certificates(void **state)
{
    (void)state;
    rsa = test_certificate("a.example.com,B.example.com", NULL, 2048, NULL);
    ecdsa = test_certificate("a.example.com", "prime256v1", 0, NULL);
    wildcard = test_certificate("*.example.com", "secp384r1", 0, NULL);
    authority = test_certificate("authority", "prime256v1", 0, NULL);
    issued = test_certificate("c.example.com", "prime256v1", 0, &authority);
    return 0;
}

static void assert_refused(struct tls_pem pem, const char *why)
{
    struct err err;
    assert_null(tls_certificate_read(&pem, &err));
    if (!strstr(err.text, why))
        fail_msg("'%s' is not in '%s'", why, err.text);
}

static void assert_read(struct tls_pem pem)
{
    struct err err = {0};
    struct tls_certificate *certificate = tls_certificate_read(&pem, &err);
    if (!certificate)
        fail_msg("%s", err.text);
    tls_certificate_free(certificate);
}

static void a_key_must_fit_its_certificate(void **state)
{
    (void)state;
    assert_read((struct tls_pem){rsa.certificate, rsa.key, NULL});
    assert_refused((struct tls_pem){rsa.certificate, ecdsa.key, NULL}, "does not match");
    assert_refused((struct tls_pem){rsa.certificate, "x", NULL}, "private key is not supported");
    assert_refused((struct tls_pem){rsa.certificate, rsa.certificate, NULL}, "is not supported");
}

static void an_encrypted_key_is_refused(void **state)
{
    (void)state;
    static const char key[] = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                              "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                              "AAAAAAAAAAAAAAAAAAAAAA==\n-----END RSA PRIVATE KEY-----\n";
    assert_refused((struct tls_pem){rsa.certificate, key, NULL}, "should not be encrypted");
}

static void a_curve_that_acm_does_not_have_is_refused(void **state)
{
    (void)state;
    struct test_certificate odd = test_certificate("a", "secp256k1", 0, NULL);
    assert_refused((struct tls_pem){odd.certificate, odd.key, NULL}, "key length");
}

static void one_certificate_belongs_in_the_certificate_field(void **state)
{
    (void)state;
    char two[2 * PEM_TEXT_SIZE];
    snprintf(two, sizeof two, "%s%s", issued.certificate, authority.certificate);
    assert_refused((struct tls_pem){two, issued.key, NULL}, "more than one certificate");
    assert_refused((struct tls_pem){"", issued.key, NULL}, "Unable to parse certificate");
    assert_refused((struct tls_pem){"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
                                    issued.key, NULL},
                   "Unable to parse certificate");
}

static void a_chain_begins_with_the_issuer(void **state)
{
    (void)state;
    assert_read((struct tls_pem){issued.certificate, issued.key, authority.certificate});
    assert_refused((struct tls_pem){issued.certificate, issued.key, rsa.certificate},
                   "The index within the chain of the invalid certificate is: 0");
}

/* ---- names ---- */

static struct tls_certificate *add(struct tls_store *store, const struct test_certificate *text)
{
    struct err err;
    struct tls_pem pem = {text->certificate, text->key, NULL};
    struct tls_certificate *certificate = tls_store_certificate(store, &pem, &err);
    assert_non_null(certificate);
    return certificate;
}

struct fixture {
    struct tls_store store;
    struct tls_certificate *rsa, *ecdsa, *wildcard;
    struct tls_server *server;
};

static struct fixture make_server(void)
{
    struct fixture fixture;
    tls_store_init(&fixture.store, 1);
    fixture.rsa = add(&fixture.store, &rsa);
    fixture.ecdsa = add(&fixture.store, &ecdsa);
    fixture.wildcard = add(&fixture.store, &wildcard);
    fixture.server = tls_store_server(
        &fixture.store, tls_policy_find(TLS_POLICY_DEFAULT),
        (struct tls_certificate *[]){fixture.rsa, fixture.ecdsa, fixture.wildcard}, 3, true);
    return fixture;
}

static void finish(struct fixture *fixture)
{
    tls_store_release_server(&fixture->store, fixture->server);
    tls_store_release_certificate(&fixture->store, fixture->rsa);
    tls_store_release_certificate(&fixture->store, fixture->ecdsa);
    tls_store_release_certificate(&fixture->store, fixture->wildcard);
    assert_int_equal(fixture->store.certificates.count, 0);
    assert_int_equal(fixture->store.servers.count, 0);
    tls_store_finish(&fixture->store);
}

static const struct tls_identity *ask(const struct fixture *fixture, const char *name)
{
    return tls_server_identity(fixture->server, (struct slice){name, strlen(name)});
}

static void a_name_gets_its_certificates_of_both_kinds(void **state)
{
    (void)state;
    struct fixture fixture = make_server();
    assert_ptr_equal(ask(&fixture, "a.example.com")->rsa, fixture.rsa);
    assert_ptr_equal(ask(&fixture, "a.example.com")->ecdsa, fixture.ecdsa);
    assert_ptr_equal(ask(&fixture, "A.Example.COM.")->ecdsa, fixture.ecdsa);
    assert_ptr_equal(ask(&fixture, "b.example.com")->rsa, fixture.rsa);
    assert_null(ask(&fixture, "b.example.com")->ecdsa);
    finish(&fixture);
}

static void a_wildcard_stands_for_one_label(void **state)
{
    (void)state;
    struct fixture fixture = make_server();
    assert_ptr_equal(ask(&fixture, "x.example.com")->ecdsa, fixture.wildcard);
    assert_null(ask(&fixture, "x.example.com")->rsa);
    assert_ptr_equal(ask(&fixture, "x.y.example.com")->rsa, fixture.rsa); /* the default */
    assert_ptr_equal(ask(&fixture, "example.com")->rsa, fixture.rsa);
    assert_ptr_equal(ask(&fixture, ".example.com")->rsa, fixture.rsa);
    finish(&fixture);
}

static void the_first_certificate_is_the_default(void **state)
{
    (void)state;
    struct fixture fixture = make_server();
    for (const char *const *name = (const char *[]){"", "example.org", "*", NULL}; *name; name++) {
        assert_ptr_equal(ask(&fixture, *name)->rsa, fixture.rsa);
        assert_null(ask(&fixture, *name)->ecdsa);
        assert_false(tls_server_has_name(fixture.server, (struct slice){*name, strlen(*name)}));
    }
    finish(&fixture);
}

static void the_larger_key_is_preferred(void **state)
{
    (void)state;
    struct test_certificate small = test_certificate("n.example.com", "prime256v1", 0, NULL);
    struct test_certificate large = test_certificate("n.example.com", "secp521r1", 0, NULL);
    struct tls_store store;
    tls_store_init(&store, 1);
    struct tls_certificate *both[] = {add(&store, &small), add(&store, &large)};
    struct tls_server *server =
        tls_store_server(&store, tls_policy_find(TLS_POLICY_DEFAULT), both, 2, false);
    assert_ptr_equal(tls_server_identity(server, (struct slice){"n.example.com", 13})->ecdsa,
                     both[1]);
    tls_store_release_server(&store, server);
    for (int i = 0; i < 2; i++)
        tls_store_release_certificate(&store, both[i]);
    tls_store_finish(&store);
}

static void the_same_content_is_the_same_server(void **state)
{
    (void)state;
    struct fixture fixture = make_server();
    struct tls_certificate *certificates[] = {
        add(&fixture.store, &rsa), add(&fixture.store, &ecdsa), add(&fixture.store, &wildcard)};
    const struct tls_policy *policy = tls_policy_find(TLS_POLICY_DEFAULT);
    struct tls_server *same = tls_store_server(&fixture.store, policy, certificates, 3, true);
    struct tls_server *other = tls_store_server(&fixture.store, policy, certificates, 2, true);
    assert_ptr_equal(same, fixture.server);
    assert_ptr_not_equal(other, fixture.server);
    tls_store_release_server(&fixture.store, same);
    tls_store_release_server(&fixture.store, other);
    for (int i = 0; i < 3; i++)
        tls_store_release_certificate(&fixture.store, certificates[i]);
    finish(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_must_fit_its_certificate),
        cmocka_unit_test(an_encrypted_key_is_refused),
        cmocka_unit_test(a_curve_that_acm_does_not_have_is_refused),
        cmocka_unit_test(one_certificate_belongs_in_the_certificate_field),
        cmocka_unit_test(a_chain_begins_with_the_issuer),
        cmocka_unit_test(a_name_gets_its_certificates_of_both_kinds),
        cmocka_unit_test(a_wildcard_stands_for_one_label),
        cmocka_unit_test(the_first_certificate_is_the_default),
        cmocka_unit_test(the_larger_key_is_preferred),
        cmocka_unit_test(the_same_content_is_the_same_server),
    };
    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
