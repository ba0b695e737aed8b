/* What reading and issuing share: OpenSSL's objects that release themselves, and PEM. */
#pragma once

#include "wire/certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

void certificate_cleanup_x509(X509 **x509);
void certificate_cleanup_key(EVP_PKEY **key);
void certificate_cleanup_bio(BIO **bio);

#define auto_x509 __attribute__((cleanup(certificate_cleanup_x509))) X509
#define auto_pkey __attribute__((cleanup(certificate_cleanup_key))) EVP_PKEY
#define auto_bio  __attribute__((cleanup(certificate_cleanup_bio))) BIO

/* Sets a text for failures that are the library's own. Returns -1. */
int certificate_failed(struct err *err);

/* The next certificate of a text; NULL if there is none, and then whether that is its end. */
X509 *certificate_next(BIO *bio, bool *ret_at_end);
/* The only certificate of a text; NULL and err if there is none, or another one. */
X509 *certificate_from_pem(const char *pem, struct err *err);
/* The private key of a text; NULL and err if there is none that is not encrypted. */
EVP_PKEY *certificate_key_from_pem(const char *pem, struct err *err);
/* What was written to a memory BIO, malloc'd; NULL and err if memory ran out. */
char *certificate_bio_text(BIO *bio, struct err *err);
char *certificate_to_pem(X509 *x509, struct err *err);
char *certificate_key_to_pem(EVP_PKEY *key, struct err *err);
