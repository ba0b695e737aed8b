/* Key pairs, checked by ssh-keygen where it is installed. */
#include "base/cleanup.h"
#include "service_fixture.h"
#include "wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

static const char keygen[] = "/usr/bin/ssh-keygen";

static void need_keygen(void)
{
    if (access(keygen, X_OK) == 0)
        return;
    print_message("ssh-keygen is not installed\n");
    skip();
}

/* The first line that ssh-keygen prints for a file with `content`. */
static void ask_keygen(const char *options, const char *content, char *out, size_t out_size)
{
    char path[] = "/tmp/pileus-key-XXXXXX", command[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    snprintf(command, sizeof command, "%s %s -f %s", keygen, options, path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(out, (int)out_size, pipe));
    assert_int_equal(pclose(pipe), 0);
    unlink(path);
    out[strcspn(out, "\n")] = '\0';
}

/* ssh-keygen reads the private key and derives the public key that EC2 shows. */
static void check_pair(const char *type, const char *header)
{
    char derived[2048];
    need_keygen();
    struct service_fixture *fixture = fixture_create();
    json_auto_t *created =
        fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'k', 'KeyType': '%s'}", type);
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeKeyPairs", "{'IncludePublicKey': true}");
    const char *private_key = fixture_text(created, "KeyMaterial");
    const char *public_key = fixture_text(shown, "KeyPairs.0.PublicKey");
    assert_int_equal(strncmp(private_key, header, strlen(header)), 0);
    ask_keygen("-y", private_key, derived, sizeof derived);
    assert_int_equal(strncmp(derived, public_key, strcspn(public_key, " ") + 60), 0);
    fixture_destroy(fixture);
}

static void created_rsa_key_is_read_by_ssh_keygen(void **state)
{
    (void)state;
    check_pair("rsa", "-----BEGIN RSA PRIVATE KEY-----\n");
}

static void created_ed25519_key_is_read_by_ssh_keygen(void **state)
{
    (void)state;
    check_pair("ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
}

static void ed25519_fingerprint_is_the_one_of_ssh_keygen(void **state)
{
    (void)state;
    char printed[512];
    need_keygen();
    struct service_fixture *fixture = fixture_create();
    json_auto_t *created =
        fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'k', 'KeyType': 'ed25519'}");
    ask_keygen("-l", fixture_text(created, "KeyMaterial"), printed, sizeof printed);
    const char *sha = strstr(printed, "SHA256:");
    const char *fingerprint = fixture_text(created, "KeyFingerprint");
    assert_non_null(sha);
    assert_int_equal(strncmp(sha + 7, fingerprint, 43), 0);
    fixture_destroy(fixture);
}

static const char rsa_line[] =
    "ssh-rsa "
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDV0w7hP1kSrGn3WQxq0V3Nn6h7H3mO1yB3o2j9hG8yq1pQ2c3d4e5f6g7h8i9j"
    "0kAl2m3n4o5p6q7r8s9t0uBv1w2x3y4z5A6B7C8D9E0F1G2H3I4J5K6L7M8N9O0P1Q2R3S4T5U6V7W8X9Y0Z1a2b3c4d"
    "5e6f7g8h9i0j1k2l3m== someone@somewhere";

static json_t *import(struct service_fixture *fixture, const char *name, const char *text)
{
    auto_free char *blob = base64_encode(text, strlen(text));
    return fixture_call(fixture, "ec2", "ImportKeyPair",
                        "{'KeyName': '%s', 'PublicKeyMaterial': '%s'}", name, blob);
}

static void imported_key_keeps_its_public_line(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *created =
        fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'a', 'KeyType': 'ed25519'}");
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeKeyPairs", "{'IncludePublicKey': true}");
    json_auto_t *imported = import(fixture, "b", fixture_text(shown, "KeyPairs.0.PublicKey"));
    assert_non_null(imported);
    assert_string_equal(fixture_text(imported, "KeyFingerprint"),
                        json_string_value(json_object_get(created, "KeyFingerprint")));
    fixture_destroy(fixture);
}

static void imported_rsa_key_shows_an_md5_fingerprint(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *created = fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'a'}");
    json_auto_t *shown =
        fixture_ok(fixture, "ec2", "DescribeKeyPairs", "{'IncludePublicKey': true}");
    json_auto_t *imported = import(fixture, "b", fixture_text(shown, "KeyPairs.0.PublicKey"));
    assert_non_null(imported);
    assert_int_equal(strlen(fixture_text(created, "KeyFingerprint")), 20 * 3 - 1);
    assert_int_equal(strlen(fixture_text(imported, "KeyFingerprint")), 16 * 3 - 1);
    fixture_destroy(fixture);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "ssh-rsa",
        "ssh-rsa AAAA",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "-----BEGIN PUBLIC KEY-----\nAA",
        rsa_line,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_auto_t *imported = import(fixture, "k", bad[i]);
        assert_null(imported);
        if (bad[i][0])
            assert_string_equal(fixture->err.code, "InvalidKey.Format");
    }
    assert_int_equal(store_count(fixture->store, "key-pair", "us-east-1"), 0);
    fixture_destroy(fixture);
}

static void a_name_is_taken_once_and_deleting_never_fails(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_decref(
        fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'k', 'KeyType': 'ed25519'}"));
    fixture_fails(fixture, "InvalidKeyPair.Duplicate", "ec2", "CreateKeyPair",
                  "{'KeyName': 'k', 'KeyType': 'ed25519'}");
    json_decref(fixture_ok(fixture, "ec2", "DeleteKeyPair", "{'KeyName': 'k'}"));
    json_decref(fixture_ok(fixture, "ec2", "DeleteKeyPair", "{'KeyName': 'k'}"));
    fixture_fails(fixture, "InvalidKeyPair.NotFound", "ec2", "DescribeKeyPairs",
                  "{'KeyNames': ['k']}");
    fixture_destroy(fixture);
}

static void only_an_rsa_key_waits_until_one_is_made(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    fixture->rsa_keys = 0;
    assert_null(fixture_call(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'slow'}"));
    assert_true(fixture->err.again);
    json_decref(
        fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'k', 'KeyType': 'ed25519'}"));
    fixture->rsa_keys = 1;
    json_decref(fixture_ok(fixture, "ec2", "CreateKeyPair", "{'KeyName': 'slow'}"));
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_rsa_key_is_read_by_ssh_keygen),
        cmocka_unit_test(created_ed25519_key_is_read_by_ssh_keygen),
        cmocka_unit_test(ed25519_fingerprint_is_the_one_of_ssh_keygen),
        cmocka_unit_test(imported_key_keeps_its_public_line),
        cmocka_unit_test(imported_rsa_key_shows_an_md5_fingerprint),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_name_is_taken_once_and_deleting_never_fails),
        cmocka_unit_test(only_an_rsa_key_waits_until_one_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
