/* What is shown of certificates, and their end. */
#include "service/accept.h"
#include "service/acm/certificates.h"
#include "service/acm/operations.h"
#include "service/doc.h"
#include "service/elbv2/certificates.h"
#include "service/page.h"

#include <string.h>

enum { PAGE_SIZE = 100, SUMMARY_NAMES_MAX = 100 };

/* The document as AWS shows it now: a new object. */
static json_t *show(const struct call *call, const json_t *doc)
{
    json_t *shown = json_copy((json_t *)doc);
    json_t *users = elb_certificate_users(call, doc_text(doc, "CertificateArn"));
    bool issued_here = doc_is(doc, "Type", "AMAZON_ISSUED");
    if (acm_is_expired(call, doc))
        json_object_set_new(shown, "Status", json_string("EXPIRED"));
    json_object_set_new(
        shown, "RenewalEligibility",
        json_string(issued_here && json_array_size(users) > 0 ? "ELIGIBLE" : "INELIGIBLE"));
    json_object_set_new(shown, "InUseBy", users);
    return shown;
}

int acm_DescribeCertificate(struct call *call, struct err *err)
{
    const json_t *doc = acm_find(call, doc_text(call->in, "CertificateArn"), err);
    return doc ? json_object_set_new(call->out, "Certificate", show(call, doc)) : -1;
}

int acm_GetCertificate(struct call *call, struct err *err)
{
    const json_t *doc = acm_find(call, doc_text(call->in, "CertificateArn"), err);
    if (!doc)
        return -1;
    json_object_set(call->out, "Certificate", json_object_get(doc, "_certificate"));
    if (*doc_text(doc, "_chain"))
        json_object_set(call->out, "CertificateChain", json_object_get(doc, "_chain"));
    return 0;
}

int acm_DeleteCertificate(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "CertificateArn");
    if (!acm_find(call, arn, err))
        return -1;
    json_auto_t *users = elb_certificate_users(call, arn);
    if (json_array_size(users) > 0)
        return err_aws(err, "ResourceInUseException", "Certificate %.300s in account %s is in use.",
                       arn, call->account);
    txn_delete(call->txn, acm_certificate_kind, call->region, arn);
    return 0;
}

/* ---- lists ---- */

static json_t *names_of(const json_t *usages)
{
    json_t *names = json_array();
    size_t i;
    const json_t *usage;
    json_array_foreach (usages, i, usage)
        json_array_append(names, json_object_get(usage, "Name"));
    return names;
}

/* A CertificateSummary of a certificate as show() makes it. */
static json_t *summarise(const json_t *shown)
{
    static const char *const same[] = {
        "CertificateArn", "DomainName", "Status",     "Type",
        "KeyAlgorithm",   "NotBefore",  "NotAfter",   "RenewalEligibility",
        "CreatedAt",      "IssuedAt",   "ImportedAt", "CertificateKeyPairOrigin",
    };
    json_t *summary = json_object();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (json_object_get(shown, same[i]))
            json_object_set(summary, same[i], json_object_get(shown, same[i]));
    json_object_set(summary, "SubjectAlternativeNameSummaries",
                    json_object_get(shown, "SubjectAlternativeNames"));
    json_object_set_new(summary, "HasAdditionalSubjectAlternativeNames", json_false());
    json_object_set_new(summary, "KeyUsages", names_of(json_object_get(shown, "KeyUsages")));
    json_object_set_new(summary, "ExtendedKeyUsages",
                        names_of(json_object_get(shown, "ExtendedKeyUsages")));
    json_object_set(summary, "ExportOption",
                    json_object_get(json_object_get(shown, "Options"), "Export"));
    json_object_set_new(summary, "InUse",
                        json_boolean(json_array_size(json_object_get(shown, "InUseBy")) > 0));
    json_object_set_new(summary, "Exported", json_false());
    return summary;
}

/* Whether a filter, which is a list, is absent or holds this text. */
static bool passes(const json_t *filter, const char *text)
{
    return json_array_size(filter) == 0 || doc_list_has(filter, text);
}

static bool passes_any(const json_t *filter, const json_t *texts)
{
    size_t i;
    const json_t *text;
    json_array_foreach (texts, i, text)
        if (passes(filter, json_string_value(text)))
            return true;
    return json_array_size(filter) == 0;
}

/* Without a filter on key types, AWS shows RSA keys of the sizes that every service takes. */
static bool passes_key_types(const json_t *filter, const json_t *summary)
{
    const char *algorithm = doc_text(summary, "KeyAlgorithm");
    if (json_array_size(filter) > 0)
        return doc_list_has(filter, algorithm);
    return !strcmp(algorithm, "RSA_1024") || !strcmp(algorithm, "RSA_2048");
}

static bool is_listed(const struct call *call, const json_t *summary)
{
    const json_t *includes = json_object_get(call->in, "Includes");
    const char *export = doc_text(includes, "exportOption");
    return passes(json_object_get(call->in, "CertificateStatuses"), doc_text(summary, "Status")) &&
           passes(json_object_get(call->in, "CertificateKeyPairOrigins"),
                  doc_text(summary, "CertificateKeyPairOrigin")) &&
           passes_key_types(json_object_get(includes, "keyTypes"), summary) &&
           passes_any(json_object_get(includes, "keyUsage"),
                      json_object_get(summary, "KeyUsages")) &&
           passes_any(json_object_get(includes, "extendedKeyUsage"),
                      json_object_get(summary, "ExtendedKeyUsages")) &&
           (!*export || doc_is(summary, "ExportOption", export)) &&
           !*doc_text(includes, "managedBy");
}

int acm_ListCertificates(struct call *call, struct err *err)
{
    static const struct paging paging = {"MaxItems", "NextToken", "NextToken",
                                         "ValidationException", PAGE_SIZE};
    bool sorted = *doc_text(call->in, "SortBy"), ordered = *doc_text(call->in, "SortOrder");
    if (sorted != ordered)
        return err_aws(err, "ValidationException",
                       "SortBy and SortOrder must be specified together.");
    json_auto_t *all = json_array();
    store_each (cursor, call->store, acm_certificate_kind, call->region) {
        json_auto_t *shown = show(call, cursor.doc);
        json_auto_t *summary = summarise(shown);
        if (!is_listed(call, summary))
            continue;
        /* The store has them in the order of their creation. */
        if (doc_is(call->in, "SortOrder", "DESCENDING"))
            json_array_insert(all, 0, summary);
        else
            json_array_append(all, summary);
    }
    return call_page(call, &paging, all, "CertificateSummaryList", err);
}
