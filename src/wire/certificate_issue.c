/* New keys, an authority of one's own, and what it issues. */
#include "wire/certificate_internal.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { COMMON_NAME_SIZE_MAX = 64, RSA_BITS = 2048 };

char *certificate_new_key(const char *algorithm, struct err *err)
{
    auto_pkey *key = NULL;
    if (!strcmp(algorithm, "RSA_2048"))
        key = EVP_RSA_gen(RSA_BITS);
    else if (!strcmp(algorithm, "EC_prime256v1"))
        key = EVP_EC_gen(SN_X9_62_prime256v1);
    else if (!strcmp(algorithm, "EC_secp384r1"))
        key = EVP_EC_gen(SN_secp384r1);
    if (key)
        return certificate_key_to_pem(key, err);
    certificate_failed(err);
    return NULL;
}

static bool set_serial(X509 *x509, const uint8_t serial[CERTIFICATE_SERIAL_SIZE])
{
    uint8_t bytes[CERTIFICATE_SERIAL_SIZE];
    memcpy(bytes, serial, sizeof bytes);
    /* Positive, and of full length. */
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x01);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
    BN_free(number);
    return done;
}

/* A certificate without extensions and signature; NULL if the library fails. */
static X509 *begin(EVP_PKEY *key, const struct certificate_order *order)
{
    const char *name = order->names[0];
    X509 *x509 = X509_new();
    if (x509 && X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509, order->serial) &&
        ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)order->not_before_s) &&
        ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)order->not_after_s) &&
        X509_set_pubkey(x509, key) == 1 &&
        (strlen(name) > COMMON_NAME_SIZE_MAX ||
         X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                    (const unsigned char *)name, -1, -1, 0) == 1))
        return x509;
    X509_free(x509);
    return NULL;
}

/* Adds an extension in OpenSSL's words; only for constant ones. */
static bool add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension && X509_add_ext(x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool add_name(GENERAL_NAMES *names, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    if (name && string && ASN1_STRING_set(string, text, -1) == 1) {
        GENERAL_NAME_set0_value(name, GEN_DNS, string);
        if (sk_GENERAL_NAME_push(names, name) > 0)
            return true;
        string = NULL;
    }
    ASN1_IA5STRING_free(string);
    GENERAL_NAME_free(name);
    return false;
}

static bool add_names(X509 *x509, const struct certificate_order *order)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool done = names != NULL;
    for (size_t i = 0; done && i < order->name_count; i++)
        done = add_name(names, order->names[i]);
    /* Without a subject, the names are all that says who it is, and must be understood. */
    bool critical = X509_NAME_entry_count(X509_get_subject_name(x509)) == 0;
    done = done && X509_add1_ext_i2d(x509, NID_subject_alt_name, names, critical, 0) == 1;
    GENERAL_NAMES_free(names);
    return done;
}

char *certificate_make_authority(const char *key_pem, const struct certificate_order *order,
                                 struct err *err)
{
    auto_pkey *key = certificate_key_from_pem(key_pem, err);
    auto_x509 *x509 = key ? begin(key, order) : NULL;
    if (x509 && X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1 &&
        add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(x509, x509, NID_ext_key_usage, "serverAuth") &&
        add_extension(x509, x509, NID_subject_key_identifier, "hash") &&
        X509_sign(x509, key, EVP_sha256()) > 0)
        return certificate_to_pem(x509, err);
    certificate_failed(err);
    return NULL;
}

static bool add_server_extensions(X509 *x509, X509 *issuer, EVP_PKEY *key,
                                  const struct certificate_order *order)
{
    const char *usage = EVP_PKEY_is_a(key, "RSA") ? "critical,digitalSignature,keyEncipherment"
                                                  : "critical,digitalSignature";
    return add_names(x509, order) &&
           add_extension(x509, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x509, issuer, NID_key_usage, usage) &&
           add_extension(x509, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(x509, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(x509, issuer, NID_authority_key_identifier, "keyid:always");
}

char *certificate_issue(const char *authority, const char *authority_key, const char *key_pem,
                        const struct certificate_order *order, struct err *err)
{
    auto_x509 *issuer = certificate_from_pem(authority, err);
    auto_pkey *issuer_key = issuer ? certificate_key_from_pem(authority_key, err) : NULL;
    auto_pkey *key = issuer_key ? certificate_key_from_pem(key_pem, err) : NULL;
    if (!key)
        return NULL;
    auto_x509 *x509 = begin(key, order);
    if (x509 && X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1 &&
        add_server_extensions(x509, issuer, key, order) &&
        X509_sign(x509, issuer_key, EVP_sha256()) > 0)
        return certificate_to_pem(x509, err);
    certificate_failed(err);
    return NULL;
}
