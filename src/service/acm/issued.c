/* What is asked of certificates that were issued here, after they were. */
#include "service/accept.h"
#include "service/acm/certificates.h"
#include "service/acm/issue.h"
#include "service/acm/operations.h"
#include "service/doc.h"
#include "service/elbv2/certificates.h"

/* Whether it can be exported is decided when it is requested, and cannot be here. */
int acm_UpdateCertificateOptions(struct call *call, struct err *err)
{
    static const char preference[] = "CertificateTransparencyLoggingPreference";
    const json_t *asked = json_object_get(call->in, "Options");
    json_t *doc = acm_edit(call, doc_text(call->in, "CertificateArn"), err);
    if (!doc ||
        call_accept(asked, "CertificateTransparencyLoggingPreference Export=DISABLED", err) < 0)
        return -1;
    if (!doc_is(doc, "Type", "AMAZON_ISSUED"))
        return err_aws(err, "InvalidStateException",
                       "The options of an imported certificate cannot be updated.");
    if (*doc_text(asked, preference))
        json_object_set(json_object_get(doc, "Options"), preference,
                        json_object_get(asked, preference));
    return 0;
}

int acm_RenewCertificate(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "CertificateArn");
    const json_t *doc = acm_find(call, arn, err);
    if (!doc)
        return -1;
    json_auto_t *users = elb_certificate_users(call, arn);
    if (!doc_is(doc, "Type", "AMAZON_ISSUED") || json_array_size(users) == 0)
        return err_aws(err, "ValidationException",
                       "The certificate %.300s is not eligible for renewal.", arn);
    return acm_renew(call, arn, err);
}

/* No certificate waits for its validation here, so there is no e-mail to send again. */
int acm_ResendValidationEmail(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "CertificateArn");
    if (!acm_find(call, arn, err))
        return -1;
    return err_aws(err, "InvalidStateException",
                   "The certificate %.300s is not in the state PENDING_VALIDATION.", arn);
}
