/* ImportCertificate: certificates that were made elsewhere, new or in the place of an older one. */
#include "base/cleanup.h"
#include "service/accept.h"
#include "service/acm/certificates.h"
#include "service/acm/operations.h"
#include "service/acm/tags.h"
#include "service/doc.h"
#include "wire/base64.h"

#include <openssl/crypto.h>
#include <string.h>

/* What a request brings; import_finish() frees it. */
struct import {
    struct certificate_facts facts;
    char *chain, *private_key;
};

static void import_finish(struct import *import)
{
    certificate_finish(&import->facts);
    if (import->private_key)
        OPENSSL_cleanse(import->private_key, strlen(import->private_key));
    free(import->private_key);
    free(import->chain);
}

#define auto_import __attribute__((cleanup(import_finish))) struct import

/* The bytes of a blob as text, malloc'd; "" if it is absent, NULL if they are none. */
static char *blob_text(const struct call *call, const char *member, size_t *ret_size)
{
    const char *blob = doc_text(call->in, member);
    char *text = base64_decode(blob, strlen(blob), ret_size);
    if (text && strlen(text) == *ret_size)
        return text;
    free(text);
    return NULL;
}

static int check_facts(const struct call *call, const struct certificate_facts *facts,
                       struct err *err)
{
    int64_t now_s = call->now_ms / 1000;
    if (!facts->key_algorithm)
        return err_aws(err, "ValidationException",
                       "The key algorithm of the certificate is not supported.");
    if (!facts->signature_algorithm)
        return err_aws(err, "ValidationException",
                       "The signature algorithm of the certificate is not supported.");
    if (!*facts->issuer)
        return err_aws(err, "ValidationException", "The certificate has no issuer.");
    if (now_s < facts->not_before_s)
        return err_aws(err, "ValidationException", "The certificate is not valid yet.");
    if (now_s > facts->not_after_s)
        return err_aws(err, "ValidationException", "The certificate has expired.");
    return 0;
}

/* A client's mistake, in the words of whoever found it. */
static int invalid(struct err *err)
{
    struct err cause = *err;
    return err_aws(err, "ValidationException", "%s", cause.text);
}

static int read_request(const struct call *call, struct import *import, struct err *err)
{
    size_t size, key_size;
    auto_free char *certificate = blob_text(call, "Certificate", &size);
    auto_free char *chain = blob_text(call, "CertificateChain", &size);
    auto_free char *key = blob_text(call, "PrivateKey", &key_size);
    int result = 0;
    if (!certificate || !chain || !key)
        result = err_set(err, "The certificate body/chain provided is not in a valid PEM format.");
    else if (certificate_read(certificate, &import->facts, err) < 0 ||
             !(import->private_key = certificate_check_key(certificate, key, err)) ||
             !(import->chain = certificate_check_chain(certificate, chain, err)))
        result = -1;
    if (key)
        OPENSSL_cleanse(key, key_size);
    return result < 0 ? invalid(err) : check_facts(call, &import->facts, err);
}

/* Writes what both ways of importing have in common. */
static void set_material(const struct call *call, json_t *doc, const struct import *import)
{
    acm_set_facts(doc, &import->facts);
    json_object_set_new(doc, "ImportedAt", call_now(call));
    json_object_set_new(doc, "_chain", json_string(import->chain));
    json_object_set_new(doc, "_private_key", json_string(import->private_key));
}

static int import_new(struct call *call, const struct import *import, struct err *err)
{
    json_auto_t *tags = acm_tags_on_creation(call, err);
    if (!tags)
        return -1;
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:o, s:O}", "Type", "IMPORTED", "Status",
                  "ISSUED", "RenewalEligibility", "INELIGIBLE", "CertificateKeyPairOrigin",
                  "CUSTOMER_PROVIDED", "Options", "CertificateTransparencyLoggingPreference",
                  "DISABLED", "Export", "DISABLED", "CreatedAt", call_now(call), "_tags", tags);
    set_material(call, doc, import);
    const char *arn = acm_add(call, doc, err);
    if (!arn)
        return -1;
    return json_object_set_new(call->out, "CertificateArn", json_string(arn));
}

/* ---- re-import ---- */

/* Whether every usage of a list is in another one. */
static bool keeps_usages(const json_t *before, const json_t *after)
{
    size_t i, j;
    const json_t *usage, *other;
    json_array_foreach (before, i, usage) {
        bool kept = doc_is(usage, "Name", "ANY") || doc_is(usage, "Name", "NONE");
        json_array_foreach (after, j, other)
            kept |= json_equal(usage, other);
        if (!kept)
            return false;
    }
    return true;
}

/* What AWS asks of a certificate that takes another one's place. */
static int check_successor(const json_t *before, const json_t *after, struct err *err)
{
    if (!doc_is(before, "KeyAlgorithm", doc_text(after, "KeyAlgorithm")))
        return err_aws(err, "ValidationException",
                       "The key type and size of a certificate cannot be changed when it is "
                       "reimported.");
    if (json_array_size(json_object_get(before, "SubjectAlternativeNames")) > 0 &&
        json_array_size(json_object_get(after, "SubjectAlternativeNames")) == 0)
        return err_aws(err, "ValidationException",
                       "All domain names cannot be removed when a certificate is reimported.");
    if (!keeps_usages(json_object_get(before, "KeyUsages"), json_object_get(after, "KeyUsages")) ||
        !keeps_usages(json_object_get(before, "ExtendedKeyUsages"),
                      json_object_get(after, "ExtendedKeyUsages")))
        return err_aws(err, "ValidationException",
                       "Key usages and extended key usages cannot be removed when a certificate is "
                       "reimported.");
    return 0;
}

static int import_again(struct call *call, const char *arn, const struct import *import,
                        struct err *err)
{
    const json_t *before = acm_find(call, arn, err);
    if (!before)
        return -1;
    if (!doc_is(before, "Type", "IMPORTED"))
        return err_aws(err, "ValidationException",
                       "The certificate %s was not imported and cannot be reimported.", arn);
    if (json_array_size(json_object_get(call->in, "Tags")) > 0)
        return err_aws(err, "InvalidParameterException", "Tagging is not permitted on re-import.");
    json_auto_t *previous = json_incref((json_t *)before);
    json_t *doc = acm_edit(call, arn, err);
    set_material(call, doc, import);
    if (check_successor(previous, doc, err) < 0)
        return -1;
    return json_object_set_new(call->out, "CertificateArn", json_string(arn));
}

int acm_ImportCertificate(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "CertificateArn");
    auto_import import = {0};
    if (call_accept(call->in, "CertificateArn Certificate PrivateKey CertificateChain Tags", err) <
            0 ||
        read_request(call, &import, err) < 0)
        return -1;
    return *arn ? import_again(call, arn, &import, err) : import_new(call, &import, err);
}
