#include "http/tls_certificate.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_SIZE_MAX = 253, NAMES_MAX = 1000 };

void tls_pem_digest(const struct tls_pem *pem, unsigned char digest[TLS_DIGEST_SIZE])
{
    const char *const texts[] = {pem->certificate, pem->key, pem->chain ? pem->chain : "",
                                 pem->arn ? pem->arn : ""};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        abort();
    for (int i = 0; i < 4; i++) /* with their ends, so that nothing can move between them */
        EVP_DigestUpdate(context, texts[i], strlen(texts[i]) + 1);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
}

/* ---- reading ---- */

static int refuse_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return 0;
}

static EVP_PKEY *read_key(const char *text, struct err *err)
{
    bool encrypted = false;
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &encrypted) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (encrypted)
        err_set(err, "Your private key should not be encrypted.");
    else if (!key)
        err_set(err, "The private key is not supported.");
    return key;
}

/* The certificates of a text, at most `max`; -1 if there is anything else or too many. */
static int read_certificates(const char *text, X509 **out, int max)
{
    int count = 0;
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *certificate = NULL;
    while (bio && count <= max && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (count < max)
            out[count] = certificate;
        else
            X509_free(certificate);
        count++;
    }
    bool at_end = bio && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    ERR_clear_error();
    if (at_end || count > max)
        return count;
    for (int i = 0; i < count; i++)
        X509_free(out[i]);
    return -1;
}

static bool is_supported(const EVP_PKEY *key, bool *ecdsa)
{
    static const char *const curves[] = {"prime256v1", "secp384r1", "secp521r1"};
    char curve[32] = "";
    int bits = EVP_PKEY_get_bits(key);
    *ecdsa = EVP_PKEY_is_a(key, "EC");
    if (EVP_PKEY_is_a(key, "RSA"))
        return bits == 1024 || bits == 2048 || bits == 3072 || bits == 4096;
    if (*ecdsa && EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1)
        for (int i = 0; i < 3; i++)
            if (strcmp(curve, curves[i]) == 0)
                return true;
    return false;
}

static int check_key(struct tls_certificate *out, X509 *certificate, EVP_PKEY *key, struct err *err)
{
    if (!EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "RSA"))
        return err_set(err, "The private key is not supported.");
    if (!is_supported(key, &out->ecdsa))
        return err_set(err, "The private key length is not supported for key algorithm.");
    if (X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        return err_set(err, "The private key does not match the certificate.");
    }
    out->bits = EVP_PKEY_get_bits(key);
    out->key.size = i2d_PrivateKey(key, &out->key.data);
    return out->key.size > 0 ? 0 : err_set(err, "out of memory");
}

/* Each certificate of the chain must have signed the one before it. */
static int check_chain(X509 *const *chain, int count, struct err *err)
{
    for (int i = 1; i < count; i++) {
        EVP_PKEY *issuer = X509_get0_pubkey(chain[i]);
        bool signs = X509_check_issued(chain[i], chain[i - 1]) == X509_V_OK && issuer &&
                     X509_verify(chain[i - 1], issuer) == 1;
        ERR_clear_error();
        if (!signs)
            return err_set(err,
                           "Unable to validate certificate chain. The certificate chain must start "
                           "with the immediate signing certificate, followed by any intermediaries "
                           "in order. The index within the chain of the invalid certificate is: %d",
                           i - 1);
    }
    return 0;
}

/* ---- names ---- */

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]) &&
            !(i == 0 && text[i] == '*' && size > 2 && text[1] == '.'))
            return false;
    return size > 0 && size <= NAME_SIZE_MAX;
}

static bool add_name(struct tls_certificate *out, const ASN1_STRING *string)
{
    const char *text = (const char *)ASN1_STRING_get0_data(string);
    size_t size = (size_t)ASN1_STRING_length(string);
    if (!is_name(text, size) || out->name_count == NAMES_MAX)
        return true;
    char *name = strndup(text, size);
    char **names = realloc(out->names, (size_t)(out->name_count + 1) * sizeof *names);
    if (names)
        out->names = names;
    if (!name || !names) {
        free(name);
        return false;
    }
    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    names[out->name_count++] = name;
    return true;
}

/* The subject alternative names; the common name only if there are none. */
static int read_names(struct tls_certificate *out, X509 *certificate, struct err *err)
{
    bool sound = true;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; sound && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            sound = add_name(out, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (sound && !out->name_count && at >= 0)
        sound = add_name(out, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    return sound ? 0 : err_set(err, "out of memory");
}

/* ---- the whole ---- */

static int fill(struct tls_certificate *out, X509 *const *chain, int count, EVP_PKEY *key,
                const char *arn, struct err *err)
{
    struct tm expiry = {0};
    out->arn = strdup(arn ? arn : "");
    if (!out->arn)
        return err_set(err, "out of memory");
    if (check_key(out, chain[0], key, err) < 0 || check_chain(chain, count, err) < 0 ||
        read_names(out, chain[0], err) < 0)
        return -1;
    ASN1_TIME_to_tm(X509_get0_notAfter(chain[0]), &expiry);
    out->not_after = timegm(&expiry);
    for (; out->chain_count < count; out->chain_count++) {
        struct tls_bytes *bytes = &out->chain[out->chain_count];
        bytes->size = i2d_X509(chain[out->chain_count], &bytes->data);
        if (bytes->size <= 0)
            return err_set(err, "out of memory");
    }
    return 0;
}

static int read_chain(const struct tls_pem *pem, X509 **chain, struct err *err)
{
    int own = read_certificates(pem->certificate, chain, 1);
    if (own > 1) {
        X509_free(chain[0]);
        return err_set(err, "The certificate field contains more than one certificate. You can "
                            "specify only one certificate in this field.");
    }
    int more = own == 1 && pem->chain ? read_certificates(pem->chain, chain + 1, TLS_CHAIN_MAX) : 0;
    if (own == 1 && more >= 0 && more <= TLS_CHAIN_MAX)
        return 1 + more;
    for (int i = 0; own == 1 && i < 1 + (more > TLS_CHAIN_MAX ? TLS_CHAIN_MAX : 0); i++)
        X509_free(chain[i]);
    return err_set(err, "Unable to parse certificate. Please ensure the certificate is in PEM "
                        "format.");
}

struct tls_certificate *tls_certificate_read(const struct tls_pem *pem, struct err *err)
{
    X509 *chain[1 + TLS_CHAIN_MAX];
    int count = read_chain(pem, chain, err);
    if (count < 0)
        return NULL;
    EVP_PKEY *key = read_key(pem->key, err);
    struct tls_certificate *out = key ? calloc(1, sizeof *out) : NULL;
    if (key && !out)
        err_set(err, "out of memory");
    if (out && fill(out, chain, count, key, pem->arn, err) < 0) {
        tls_certificate_free(out);
        out = NULL;
    }
    EVP_PKEY_free(key);
    for (int i = 0; i < count; i++)
        X509_free(chain[i]);
    if (out)
        tls_pem_digest(pem, out->digest);
    return out;
}

void tls_certificate_free(struct tls_certificate *certificate)
{
    OPENSSL_clear_free(certificate->key.data, (size_t)certificate->key.size);
    for (int i = 0; i < certificate->chain_count; i++)
        OPENSSL_free(certificate->chain[i].data);
    for (int i = 0; i < certificate->name_count; i++)
        free(certificate->names[i]);
    free(certificate->names);
    free(certificate->arn);
    free(certificate);
}

static X509 *parse(const struct tls_bytes *bytes)
{
    const unsigned char *at = bytes->data;
    return d2i_X509(NULL, &at, bytes->size);
}

bool tls_certificate_use(const struct tls_certificate *certificate, SSL_CTX *context)
{
    const unsigned char *at = certificate->key.data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, certificate->key.size);
    X509 *own = parse(&certificate->chain[0]);
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool sound = key && own && chain;
    if (sound && *certificate->arn) /* for tls_certificate_arn() */
        sound = X509_alias_set1(own, (const unsigned char *)certificate->arn, -1) == 1;
    for (int i = 1; sound && i < certificate->chain_count; i++) {
        X509 *issuer = parse(&certificate->chain[i]);
        sound = issuer && sk_X509_push(chain, issuer) > 0;
    }
    sound = sound && SSL_CTX_use_cert_and_key(context, own, key, chain, 1) == 1;
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(own);
    sk_X509_pop_free(chain, X509_free);
    return sound;
}
