#include "service/acm/certificates.h"

#include "service/doc.h"

#include <stdio.h>
#include <string.h>

enum { CERTIFICATES_MAX = 2500 /* of a region */ };

const char acm_certificate_kind[] = "certificate";

/* ---- finding ---- */

const json_t *acm_find(const struct call *call, const char *arn, struct err *err)
{
    const json_t *found = store_get(call->store, acm_certificate_kind, call->region, arn);
    if (!found)
        err_aws(err, "ResourceNotFoundException", "Could not find certificate %.300s.", arn);
    return found;
}

json_t *acm_edit(const struct call *call, const char *arn, struct err *err)
{
    return acm_find(call, arn, err) ? txn_edit(call->txn, acm_certificate_kind, call->region, arn)
                                    : NULL;
}

bool acm_is_expired(const struct call *call, const json_t *certificate)
{
    return doc_number(certificate, "NotAfter") < call->now_ms / 1000;
}

const char *acm_add(struct call *call, json_t *doc, struct err *err)
{
    char uuid[37], arn[ACM_ARN_SIZE];
    if (store_count(call->store, acm_certificate_kind, call->region) >= CERTIFICATES_MAX) {
        json_decref(doc);
        err_aws(err, "LimitExceededException",
                "You have reached the maximum number of certificates. Delete certificates that are "
                "not in use, or contact AWS Support to request an increase.");
        return NULL;
    }
    call_make_uuid(call, uuid);
    snprintf(arn, sizeof arn, "arn:aws:acm:%s:%s:certificate/%s", call->region, call->account,
             uuid);
    json_object_set_new(doc, "CertificateArn", json_string(arn));
    txn_put(call->txn, acm_certificate_kind, call->region, arn, doc);
    return doc_text(doc, "CertificateArn");
}

/* ---- facts ---- */

static json_t *key_usages(const struct certificate_facts *facts)
{
    static const char *const names[] = {
        "DIGITAL_SIGNATURE", "NON_REPUDIATION", "KEY_ENCIPHERMENT",
        "DATA_ENCIPHERMENT", "KEY_AGREEMENT",   "CERTIFICATE_SIGNING",
        "CRL_SIGNING",       "ENCIPHER_ONLY",   "DECIPHER_ONLY",
    };
    json_t *usages = json_array();
    for (size_t bit = 0; bit < sizeof names / sizeof *names; bit++)
        if (facts->key_usages & 1u << bit)
            json_array_append_new(usages, json_pack("{s:s}", "Name", names[bit]));
    /* Without the extension a key may be used for anything. */
    if (!facts->has_key_usages)
        json_array_append_new(usages, json_pack("{s:s}", "Name", "ANY"));
    return usages;
}

static const char *extended_usage_name(const char *oid)
{
    static const struct {
        const char *oid, *name;
    } rows[] = {
        {"1.3.6.1.5.5.7.3.1", "TLS_WEB_SERVER_AUTHENTICATION"},
        {"1.3.6.1.5.5.7.3.2", "TLS_WEB_CLIENT_AUTHENTICATION"},
        {"1.3.6.1.5.5.7.3.3", "CODE_SIGNING"},
        {"1.3.6.1.5.5.7.3.4", "EMAIL_PROTECTION"},
        {"1.3.6.1.5.5.7.3.5", "IPSEC_END_SYSTEM"},
        {"1.3.6.1.5.5.7.3.6", "IPSEC_TUNNEL"},
        {"1.3.6.1.5.5.7.3.7", "IPSEC_USER"},
        {"1.3.6.1.5.5.7.3.8", "TIME_STAMPING"},
        {"1.3.6.1.5.5.7.3.9", "OCSP_SIGNING"},
        {"2.5.29.37.0", "ANY"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].oid, oid))
            return rows[i].name;
    return "CUSTOM";
}

static json_t *extended_usages(const struct certificate_facts *facts)
{
    json_t *usages = json_array();
    for (size_t i = 0; i < facts->extended_usage_count; i++)
        json_array_append_new(usages, json_pack("{s:s, s:s}", "Name",
                                                extended_usage_name(facts->extended_usages[i]),
                                                "OID", facts->extended_usages[i]));
    if (facts->extended_usage_count == 0)
        json_array_append_new(usages, json_pack("{s:s}", "Name", "NONE"));
    return usages;
}

void acm_set_facts(json_t *doc, const struct certificate_facts *facts)
{
    json_t *names = json_array();
    for (size_t i = 0; i < facts->name_count; i++)
        json_array_append_new(names, json_string(facts->names[i]));
    json_object_del(doc, "DomainName");
    if (facts->name_count > 0)
        json_object_set_new(doc, "DomainName", json_string(facts->names[0]));
    json_object_set_new(doc, "SubjectAlternativeNames", names);
    json_object_set_new(doc, "Serial", json_string(facts->serial));
    json_object_set_new(doc, "Subject", json_string(facts->subject));
    json_object_set_new(doc, "Issuer", json_string(facts->issuer));
    json_object_set_new(doc, "NotBefore", json_integer(facts->not_before_s));
    json_object_set_new(doc, "NotAfter", json_integer(facts->not_after_s));
    json_object_set_new(doc, "KeyAlgorithm", json_string(facts->key_algorithm));
    json_object_set_new(doc, "SignatureAlgorithm", json_string(facts->signature_algorithm));
    json_object_set_new(doc, "KeyUsages", key_usages(facts));
    json_object_set_new(doc, "ExtendedKeyUsages", extended_usages(facts));
    json_object_set_new(doc, "_certificate", json_string(facts->pem));
}
