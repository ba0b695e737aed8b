#include "test_certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void to_text(BIO *bio, char out[PEM_TEXT_SIZE])
{
    int size = BIO_read(bio, out, PEM_TEXT_SIZE - 1);
    assert(size > 0 && size < PEM_TEXT_SIZE - 1);
    out[size] = '\0';
    BIO_free(bio);
}

static BIO *from_text(const char *text)
{
    return BIO_new_mem_buf(text, -1);
}

static void add_names(X509 *certificate, const char *names)
{
    char text[1024] = "", copy[1024];
    snprintf(copy, sizeof copy, "%s", names);
    X509_NAME *subject = X509_get_subject_name(certificate);
    char *rest = copy;
    for (char *name; (name = strsep(&rest, ","));) {
        if (!*text)
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (unsigned char *)name, -1, -1,
                                       0);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%sDNS:%s", used ? "," : "", name);
    }
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    assert(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

struct test_certificate test_certificate(const char *names, const char *curve, int bits,
                                         const struct test_certificate *issuer)
{
    struct test_certificate out;
    EVP_PKEY *key = curve ? EVP_EC_gen(curve) : EVP_RSA_gen((unsigned)bits);
    EVP_PKEY *signer = key;
    X509 *certificate = X509_new(), *parent = NULL;
    assert(key && certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    add_names(certificate, names);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    if (issuer) {
        BIO *bio = from_text(issuer->certificate), *key_bio = from_text(issuer->key);
        parent = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        signer = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        X509_set_issuer_name(certificate, X509_get_subject_name(parent));
        BIO_free(bio);
        BIO_free(key_bio);
    }
    assert(X509_sign(certificate, signer, EVP_sha256()) > 0);
    BIO *text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(text, certificate);
    to_text(text, out.certificate);
    text = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL);
    to_text(text, out.key);
    X509_free(certificate);
    X509_free(parent);
    if (signer != key)
        EVP_PKEY_free(signer);
    EVP_PKEY_free(key);
    return out;
}
