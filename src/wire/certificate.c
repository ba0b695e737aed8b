/* Reading certificates, and what belongs to them. */
#include "wire/certificate.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "wire/certificate_internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECURITY_BITS_MIN = 80 };

/* ---- texts ---- */

/* Ends in "CN=www.example.com", most general part first, as AWS shows subjects. */
static char *name_text(const X509_NAME *name, struct err *err)
{
    auto_bio *bio = BIO_new(BIO_s_mem());
    unsigned long flags = XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN |
                          (ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    if (bio && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
        return certificate_bio_text(bio, err);
    certificate_failed(err);
    return NULL;
}

/* The last part of a name of this kind as UTF-8, malloc'd; NULL if there is none that is text. */
static char *name_part(const X509_NAME *name, int nid)
{
    int at = -1, last = -1;
    while ((at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0)
        last = at;
    const X509_NAME_ENTRY *entry = last >= 0 ? X509_NAME_get_entry(name, last) : NULL;
    unsigned char *utf8 = NULL;
    int size = entry ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry)) : -1;
    char *text =
        size >= 0 && !memchr(utf8, '\0', (size_t)size) ? strndup((char *)utf8, (size_t)size) : NULL;
    OPENSSL_free(utf8);
    ERR_clear_error();
    return text;
}

static char *issuer_text(const X509 *x509)
{
    const X509_NAME *issuer = X509_get_issuer_name(x509);
    char *text = name_part(issuer, NID_organizationName);
    if (!text)
        text = name_part(issuer, NID_commonName);
    return text ? text : strdup("");
}

static char *serial_text(const X509 *x509, struct err *err)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);
    auto_buf text = {0};
    for (int i = 0; i < ASN1_STRING_length(serial); i++)
        buf_printf(&text, i ? ":%02x" : "%02x", bytes[i]);
    buf_append_string(&text, "");
    char *taken = text.failed || !text.size ? NULL : buf_take(&text);
    if (!taken)
        err_set(err, "the certificate has no serial number");
    return taken;
}

static int read_time(const ASN1_TIME *time, int64_t *out, struct err *err)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        ERR_clear_error();
        return err_set(err, "The certificate has a date that is not valid.");
    }
    *out = timegm(&parts);
    return 0;
}

/* ---- names ---- */

/* Letters, digits, hyphens and underscores between dots, perhaps "*." in front. */
static bool is_dns_name(const char *text, size_t size)
{
    if (size >= 2 && text[0] == '*' && text[1] == '.') {
        text += 2;
        size -= 2;
    }
    if (size == 0 || size > CERTIFICATE_NAME_SIZE_MAX)
        return false;
    size_t label = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_dot = text[i] == '.';
        bool known = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
                            text[i]) != NULL;
        if (text[i] == '\0' || (!is_dot && !known) || (is_dot && !label) || label > 63)
            return false;
        label = is_dot ? 0 : label + 1;
    }
    return label > 0 && label <= 63;
}

/* Adds a name if it is one and is not there yet. */
static int add_name(struct certificate_facts *facts, const char *text, size_t size, struct err *err)
{
    if (!is_dns_name(text, size))
        return 0;
    for (char **known = facts->names; *known; known++)
        if (strlen(*known) == size && !strncasecmp(*known, text, size))
            return 0;
    if (facts->name_count == CERTIFICATE_NAMES_MAX)
        return err_set(err, "The certificate has more than %d names.", CERTIFICATE_NAMES_MAX);
    char *name = strndup(text, size);
    if (!name)
        return err_set(err, "out of memory");
    facts->names[facts->name_count++] = name;
    return 0;
}

static int read_names(const X509 *x509, struct certificate_facts *facts, struct err *err)
{
    facts->names = calloc(CERTIFICATE_NAMES_MAX + 1, sizeof *facts->names);
    auto_free char *common = name_part(X509_get_subject_name(x509), NID_commonName);
    if (!facts->names)
        return err_set(err, "out of memory");
    if (common && add_name(facts, common, strlen(common), err) < 0)
        return -1;
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    int result = 0;
    for (int i = 0; result == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            result = add_name(facts, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                              (size_t)ASN1_STRING_length(name->d.dNSName), err);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return result;
}

/* ---- algorithms and usages ---- */

static const char *key_algorithm(EVP_PKEY *key)
{
    static const struct {
        const char *type, *curve;
        int bits;
        const char *name;
    } rows[] = {
        {"RSA", NULL, 1024, "RSA_1024"},
        {"RSA", NULL, 2048, "RSA_2048"},
        {"RSA", NULL, 3072, "RSA_3072"},
        {"RSA", NULL, 4096, "RSA_4096"},
        {"EC", SN_X9_62_prime256v1, 0, "EC_prime256v1"},
        {"EC", SN_secp384r1, 0, "EC_secp384r1"},
        {"EC", SN_secp521r1, 0, "EC_secp521r1"},
    };
    char curve[64] = "";
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, NULL);
    ERR_clear_error();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (EVP_PKEY_is_a(key, rows[i].type) &&
            (rows[i].curve ? !strcmp(curve, rows[i].curve)
                           : EVP_PKEY_get_bits(key) == rows[i].bits))
            return rows[i].name;
    return NULL;
}

/* Without those whose digests can be forged: clients refuse them, and so does OpenSSL. */
static const char *signature_algorithm(const X509 *x509)
{
    static const struct {
        int nid;
        const char *name;
    } rows[] = {
        {NID_sha256WithRSAEncryption, "SHA256WITHRSA"},
        {NID_sha384WithRSAEncryption, "SHA384WITHRSA"},
        {NID_sha512WithRSAEncryption, "SHA512WITHRSA"},
        {NID_ecdsa_with_SHA256, "SHA256WITHECDSA"},
        {NID_ecdsa_with_SHA384, "SHA384WITHECDSA"},
        {NID_ecdsa_with_SHA512, "SHA512WITHECDSA"},
    };
    int nid = X509_get_signature_nid(x509);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].nid == nid)
            return rows[i].name;
    return NULL;
}

static void read_key_usages(const X509 *x509, struct certificate_facts *facts)
{
    ASN1_BIT_STRING *bits = X509_get_ext_d2i(x509, NID_key_usage, NULL, NULL);
    facts->has_key_usages = bits != NULL;
    for (int bit = 0; bits && bit <= 8; bit++)
        if (ASN1_BIT_STRING_get_bit(bits, bit))
            facts->key_usages |= (uint16_t)(1u << bit);
    ASN1_BIT_STRING_free(bits);
    ERR_clear_error();
}

static int read_extended_usages(const X509 *x509, struct certificate_facts *facts, struct err *err)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
    int count = usages ? sk_ASN1_OBJECT_num(usages) : 0, result = 0;
    facts->extended_usages = calloc(CERTIFICATE_EXTENDED_USAGES_MAX, sizeof(char *));
    if (!facts->extended_usages)
        result = err_set(err, "out of memory");
    else if (count > CERTIFICATE_EXTENDED_USAGES_MAX)
        result = err_set(err, "The certificate has more than %d extended key usages.",
                         CERTIFICATE_EXTENDED_USAGES_MAX);
    for (int i = 0; result == 0 && i < count; i++) {
        char text[128];
        if (OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(usages, i), 1) <= 0 ||
            !(facts->extended_usages[facts->extended_usage_count] = strdup(text)))
            result = certificate_failed(err);
        else
            facts->extended_usage_count++;
    }
    EXTENDED_KEY_USAGE_free(usages);
    ERR_clear_error();
    return result;
}

/* ---- reading ---- */

static int read_facts(X509 *x509, struct certificate_facts *facts, struct err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    ERR_clear_error();
    facts->key_algorithm = key ? key_algorithm(key) : NULL;
    facts->signature_algorithm = signature_algorithm(x509);
    read_key_usages(x509, facts);
    if (read_time(X509_get0_notBefore(x509), &facts->not_before_s, err) < 0 ||
        read_time(X509_get0_notAfter(x509), &facts->not_after_s, err) < 0 ||
        read_names(x509, facts, err) < 0 || read_extended_usages(x509, facts, err) < 0)
        return -1;
    facts->pem = certificate_to_pem(x509, err);
    facts->subject = facts->pem ? name_text(X509_get_subject_name(x509), err) : NULL;
    facts->serial = facts->subject ? serial_text(x509, err) : NULL;
    if (!facts->serial)
        return -1;
    facts->issuer = issuer_text(x509);
    return facts->issuer ? 0 : err_set(err, "out of memory");
}

int certificate_read(const char *pem, struct certificate_facts *facts, struct err *err)
{
    *facts = (struct certificate_facts){0};
    auto_x509 *x509 = certificate_from_pem(pem, err);
    if (!x509)
        return -1;
    if (read_facts(x509, facts, err) == 0)
        return 0;
    certificate_finish(facts);
    return -1;
}

void certificate_finish(struct certificate_facts *facts)
{
    for (size_t i = 0; i < facts->name_count; i++)
        free(facts->names[i]);
    for (size_t i = 0; i < facts->extended_usage_count; i++)
        free(facts->extended_usages[i]);
    free(facts->names);
    free(facts->extended_usages);
    free(facts->pem);
    free(facts->subject);
    free(facts->issuer);
    free(facts->serial);
    *facts = (struct certificate_facts){0};
}

/* ---- what belongs to a certificate ---- */

int certificate_subject_hash(const char *pem, uint32_t *ret, struct err *err)
{
    auto_x509 *x509 = certificate_from_pem(pem, err);
    if (!x509)
        return -1;
    *ret = (uint32_t)X509_subject_name_hash(x509);
    return 0;
}

/* Whether the private half fits the public half that the key itself names. */
static bool is_consistent(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool fits = context && EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return fits;
}

char *certificate_check_key(const char *pem, const char *key_pem, struct err *err)
{
    auto_x509 *x509 = certificate_from_pem(pem, err);
    auto_pkey *key = x509 ? certificate_key_from_pem(key_pem, err) : NULL;
    if (!key)
        return NULL;
    if (!key_algorithm(key)) {
        err_set(err, "The private key is not supported.");
        return NULL;
    }
    bool belongs = X509_check_private_key(x509, key) == 1 && is_consistent(key);
    ERR_clear_error();
    if (belongs)
        return certificate_key_to_pem(key, err);
    err_set(err, "The private key does not match the public key of the certificate.");
    return NULL;
}

static bool is_signed_by(X509 *x509, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool is_signed = key && X509_check_ca(issuer) > 0 &&
                     X509_check_issued(issuer, x509) == X509_V_OK && X509_verify(x509, key) == 1;
    ERR_clear_error();
    return is_signed;
}

/* Whether clients would believe a certificate of a chain: nobody looks at a root's own signature.
 */
static bool is_strong(X509 *x509)
{
    const EVP_PKEY *key = X509_get0_pubkey(x509);
    bool strong = key && EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN &&
                  (X509_self_signed(x509, 0) == 1 || signature_algorithm(x509));
    ERR_clear_error();
    return strong;
}

/* Reads the certificates of a chain one by one, each of which must have signed the one before. */
static int copy_chain(X509 *x509, BIO *in, BIO *out, struct err *err)
{
    bool at_end;
    auto_x509 *below = x509;
    X509_up_ref(x509);
    for (int count = 0;; count++) {
        X509 *next = certificate_next(in, &at_end);
        if (at_end && count > 0)
            return 0;
        if (!next)
            return err_set(err,
                           "The certificate body/chain provided is not in a valid PEM format.");
        bool fits = count < CERTIFICATE_CHAIN_MAX && is_signed_by(below, next) &&
                    PEM_write_bio_X509(out, next) == 1;
        bool strong = is_strong(next);
        X509_free(below);
        below = next;
        if (!fits)
            return err_set(err, "Could not validate the certificate with the certificate chain.");
        if (!strong)
            return err_set(err, "The certificate chain has a key or signature that is too weak.");
    }
}

char *certificate_check_chain(const char *pem, const char *chain, struct err *err)
{
    auto_x509 *x509 = certificate_from_pem(pem, err);
    if (!x509)
        return NULL;
    bool has_chain = chain && *chain;
    bool alone = X509_self_signed(x509, 1) == 1;
    ERR_clear_error();
    if (!has_chain && !alone) {
        err_set(err, "Provided certificate is not a valid self signed. Please provide either a "
                     "valid self-signed certificate or certificate chain.");
        return NULL;
    }
    auto_bio *in = BIO_new_mem_buf(has_chain ? chain : "", -1), *out = BIO_new(BIO_s_mem());
    if (!in || !out) {
        certificate_failed(err);
        return NULL;
    }
    if (has_chain && copy_chain(x509, in, out, err) < 0)
        return NULL;
    return certificate_bio_text(out, err);
}
