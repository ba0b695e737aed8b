/*
 * Certificates of listeners, with chain and private key: read from PEM, checked, and kept as bytes,
 * because OpenSSL's objects lock when threads share them. Immutable, counted by the main thread.
 */
#pragma once

#include "base/err.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_DIGEST_SIZE = 32, TLS_CHAIN_MAX = 10 };

struct tls_bytes {
    unsigned char *data;
    int size;
};

struct tls_certificate {
    unsigned char digest[TLS_DIGEST_SIZE]; /* of what it was read from */
    unsigned uses;
    char *arn;  /* "" if it has none */
    bool ecdsa; /* else RSA */
    int bits;
    int64_t not_after; /* seconds since the epoch */
    char **names;      /* DNS names, lower case, perhaps with a wildcard */
    int name_count;
    struct tls_bytes key;
    struct tls_bytes chain[1 + TLS_CHAIN_MAX]; /* the certificate itself is the first */
    int chain_count;
};

/* PEM texts; `chain` may be NULL, and so may be what the certificate is called: its ARN. */
struct tls_pem {
    const char *certificate, *key, *chain, *arn;
};

void tls_pem_digest(const struct tls_pem *pem, unsigned char digest[TLS_DIGEST_SIZE]);
/* NULL and err, in ACM's words, if certificate, key and chain are not right or do not fit. */
struct tls_certificate *tls_certificate_read(const struct tls_pem *pem, struct err *err);
void tls_certificate_free(struct tls_certificate *certificate);
/* Gives a context of one thread its own copy. False if memory ran out. */
bool tls_certificate_use(const struct tls_certificate *certificate, SSL_CTX *context);
