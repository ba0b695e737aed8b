/* Certificates and keys as PEM texts. */
#include "wire/certificate_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

void certificate_cleanup_x509(X509 **x509)
{
    X509_free(*x509);
}

void certificate_cleanup_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

void certificate_cleanup_bio(BIO **bio)
{
    BIO_free(*bio);
}

int certificate_failed(struct err *err)
{
    ERR_clear_error();
    return err_set(err, "the cryptographic library failed");
}

/* Called for what is encrypted; without it OpenSSL would ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *was_asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)was_asked = true;
    return -1;
}

X509 *certificate_next(BIO *bio, bool *ret_at_end)
{
    bool ignored;
    X509 *x509 = PEM_read_bio_X509(bio, NULL, no_password, &ignored);
    *ret_at_end = !x509 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return x509;
}

X509 *certificate_from_pem(const char *pem, struct err *err)
{
    bool at_end;
    auto_bio *bio = BIO_new_mem_buf(pem, -1);
    X509 *x509 = bio ? certificate_next(bio, &at_end) : NULL;
    auto_x509 *second = x509 ? certificate_next(bio, &at_end) : NULL;
    if (x509 && !second && at_end)
        return x509;
    if (!x509)
        err_set(err, "The certificate body/chain provided is not in a valid PEM format.");
    else
        err_set(err, "The certificate field contains more than one certificate. You can specify "
                     "only one certificate in this field.");
    X509_free(x509);
    return NULL;
}

EVP_PKEY *certificate_key_from_pem(const char *pem, struct err *err)
{
    bool encrypted = false;
    auto_bio *bio = BIO_new_mem_buf(pem, -1);
    if (!bio) {
        certificate_failed(err);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
    ERR_clear_error();
    if (!key)
        err_set(err, encrypted ? "The private key is encrypted. You can only import a private key "
                                 "that is not protected by a password."
                               : "The private key is not in a valid PEM format.");
    return key;
}

char *certificate_bio_text(BIO *bio, struct err *err)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    char *text = size >= 0 ? strndup(size ? data : "", (size_t)size) : NULL;
    if (!text)
        err_set(err, "out of memory");
    return text;
}

char *certificate_to_pem(X509 *x509, struct err *err)
{
    auto_bio *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_X509(bio, x509) == 1)
        return certificate_bio_text(bio, err);
    certificate_failed(err);
    return NULL;
}

char *certificate_key_to_pem(EVP_PKEY *key, struct err *err)
{
    auto_bio *bio = BIO_new(BIO_s_secmem());
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        return certificate_bio_text(bio, err);
    certificate_failed(err);
    return NULL;
}
