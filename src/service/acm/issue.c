#include "service/acm/issue.h"

#include "base/cleanup.h"
#include "service/acm/authority.h"
#include "service/acm/certificates.h"
#include "service/doc.h"
#include "wire/certificate.h"

#include <openssl/crypto.h>
#include <string.h>

enum { VALIDITY_DAYS = 198, RENEWAL_DAYS = 60 /* before the end */ };

static char *new_key(const struct call *call, const char *algorithm, struct err *err)
{
    if (strcmp(algorithm, "RSA_2048") == 0)
        return call->world->rsa_key(call->world->arg, 1, err);
    return certificate_new_key(algorithm, err);
}

/* Takes over a certificate and its key into the document. */
static int set_issued(const struct call *call, json_t *doc, const json_t *authority,
                      const char *pem, const char *key, struct err *err)
{
    struct certificate_facts facts;
    if (certificate_read(pem, &facts, err) < 0)
        return -1;
    acm_set_facts(doc, &facts);
    certificate_finish(&facts);
    json_object_set_new(doc, "IssuedAt", call_now(call));
    json_object_set(doc, "_chain", json_object_get(authority, "_certificate"));
    json_object_set_new(doc, "_private_key", json_string(key));
    return 0;
}

int acm_issue(struct call *call, json_t *doc, struct err *err)
{
    const char *names[CERTIFICATE_NAMES_MAX];
    struct acm_validity validity = acm_validity(call, VALIDITY_DAYS);
    struct certificate_order order = {
        .names = names, .not_before_s = validity.not_before_s, .not_after_s = validity.not_after_s};
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(doc, "SubjectAlternativeNames"), i, name)
        if (order.name_count < CERTIFICATE_NAMES_MAX)
            names[order.name_count++] = json_string_value(name);
    call->world->random(call->world->arg, order.serial, sizeof order.serial);
    const json_t *authority = acm_authority(call, err);
    auto_free char *key = authority ? new_key(call, doc_text(doc, "KeyAlgorithm"), err) : NULL;
    auto_free char *pem =
        key ? certificate_issue(doc_text(authority, "_certificate"),
                                doc_text(authority, "_private_key"), key, &order, err)
            : NULL;
    int result = pem ? set_issued(call, doc, authority, pem, key, err) : -1;
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    return result;
}

/* ---- renewal ---- */

int64_t acm_renewal_due_ms(const json_t *certificate)
{
    if (!doc_is(certificate, "Type", "AMAZON_ISSUED"))
        return INT64_MAX;
    return (doc_number(certificate, "NotAfter") - (int64_t)RENEWAL_DAYS * 86400) * 1000;
}

int acm_renew(struct call *call, const char *arn, struct err *err)
{
    json_t *doc = acm_edit(call, arn, err);
    if (!doc || acm_issue(call, doc, err) < 0)
        return -1;
    json_object_set_new(
        doc, "RenewalSummary",
        json_pack("{s:s, s:O, s:o}", "RenewalStatus", "SUCCESS", "DomainValidationOptions",
                  json_object_get(doc, "DomainValidationOptions"), "UpdatedAt", call_now(call)));
    return 0;
}
