/*
 * X.509: what AWS tells of a certificate, whether a key and a chain belong to it, and issuing one
 * from an authority. All texts are PEM, and what is returned is PEM as OpenSSL writes it: nothing
 * that a client put around it goes on. Times and serial numbers come with the call; only new keys
 * take randomness, from OpenSSL's own generator. Messages of errors are AWS's where it has one.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CERTIFICATE_SERIAL_SIZE = 16,
    CERTIFICATE_NAMES_MAX = 100,     /* of one certificate */
    CERTIFICATE_NAME_SIZE_MAX = 253, /* of one name */
    CERTIFICATE_EXTENDED_USAGES_MAX = 20,
    CERTIFICATE_CHAIN_MAX = 10, /* certificates in a chain */
};

/* What a certificate says. certificate_finish() frees it. */
struct certificate_facts {
    char *pem;
    char *subject; /* "C=US,O=Example,CN=www.example.com" */
    char *issuer;  /* the issuer's organisation, or else its common name; "" if it has neither */
    char *serial;  /* "0a:1b:..." */
    char *
        *names; /* DNS names, none twice, then NULL: the common name first, if it looks like one */
    size_t name_count;
    const char *key_algorithm;       /* "RSA_2048", "EC_prime256v1"; NULL: one that AWS has not */
    const char *signature_algorithm; /* "SHA256WITHRSA"; NULL: unknown, or too weak */
    bool has_key_usages;             /* the extension is there */
    uint16_t key_usages;             /* bit n: RFC 5280's bit n of the extension */
    char **extended_usages;          /* object identifiers: "1.3.6.1.5.5.7.3.1" */
    size_t extended_usage_count;
    int64_t not_before_s, not_after_s; /* since the epoch */
};

/* Reads a text that has exactly one certificate. */
int certificate_read(const char *pem, struct certificate_facts *facts, struct err *err);
void certificate_finish(struct certificate_facts *facts);
/* The hash of its subject, by which OpenSSL finds it in a folder of trusted certificates. */
int certificate_subject_hash(const char *pem, uint32_t *ret, struct err *err);

/* Whether a text is an unencrypted private key and belongs to the certificate: malloc'd, as PKCS
 * #8. NULL and err otherwise; the error says nothing of the key. */
char *certificate_check_key(const char *pem, const char *key, struct err *err);
/*
 * Whether each certificate was signed by the next one, from `pem` through the chain: malloc'd, the
 * chain. Without a chain (NULL or "") the certificate must be self-signed, and the result is "".
 */
char *certificate_check_chain(const char *pem, const char *chain, struct err *err);

/* A new private key, malloc'd: "RSA_2048" (takes about 100 ms), "EC_prime256v1" or "EC_secp384r1".
 */
char *certificate_new_key(const char *algorithm, struct err *err);

struct certificate_order {
    const char *const
        *names; /* DNS names; the first one is the common name if it is short enough */
    size_t name_count;
    uint8_t serial[CERTIFICATE_SERIAL_SIZE]; /* random */
    int64_t not_before_s, not_after_s;
};

/* A self-signed certificate of an authority that issues for servers only: malloc'd. The order's
 * first name is its common name; it has no DNS names. */
char *certificate_make_authority(const char *key, const struct certificate_order *order,
                                 struct err *err);
/* A server's certificate for `key`, signed by the authority: malloc'd. */
char *certificate_issue(const char *authority, const char *authority_key, const char *key,
                        const struct certificate_order *order, struct err *err);

/* The signature of data by a key, in base64, malloc'd; of an RSA key as PKCS #1 has it. `digest`:
 * "SHA1", "SHA256". */
char *certificate_sign(const char *key, const char *digest, const void *data, size_t size,
                       struct err *err);
