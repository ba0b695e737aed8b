#include "service/elbv2/certificates.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"

#include <string.h>

/* ---- who uses what ---- */

static bool is_default(const json_t *listener, const char *arn)
{
    return doc_is(json_array_get(json_object_get(listener, "Certificates"), 0), "CertificateArn",
                  arn);
}

json_t *elb_certificate_users(const struct call *call, const char *certificate_arn)
{
    json_t *users = json_array();
    store_each (cursor, call->store, elb_kind(ELB_LISTENER), call->region) {
        const char *load_balancer = doc_text(cursor.doc, "LoadBalancerArn");
        bool uses = is_default(cursor.doc, certificate_arn) ||
                    doc_list_has(json_object_get(cursor.doc, "_certificates"), certificate_arn);
        if (uses && !doc_list_has(users, load_balancer))
            json_array_append_new(users, json_string(load_balancer));
    }
    return users;
}

/* Whether a certificate has a name with a dot, and a key that load balancers take. */
static bool is_usable(const json_t *certificate)
{
    bool qualified = false;
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(certificate, "SubjectAlternativeNames"), i, name)
        qualified |= strchr(json_string_value(name), '.') != NULL;
    return qualified && !doc_is(certificate, "KeyAlgorithm", "RSA_1024");
}

static int check_certificate(const struct call *call, const char *arn, struct err *err)
{
    const json_t *certificate = store_get(call->store, "certificate", call->region, arn);
    if (!certificate)
        return err_aws(err, "CertificateNotFound", "Certificate '%.300s' not found", arn);
    if (!is_usable(certificate))
        return err_aws(err, "UnsupportedCertificate",
                       "The certificate '%s' must have a fully-qualified domain name, a supported "
                       "signature, and a supported key size.",
                       arn);
    return 0;
}

json_t *elb_certificate_arns(const struct call *call, const json_t *certificates, struct err *err)
{
    json_auto_t *arns = json_array();
    size_t i;
    const json_t *certificate;
    json_array_foreach (certificates, i, certificate) {
        const char *arn = doc_text(certificate, "CertificateArn");
        if (json_object_get(certificate, "IsDefault")) {
            err_aws(err, "ValidationError", "You cannot specify IsDefault for a certificate");
            return NULL;
        }
        if (!*arn) {
            err_aws(err, "ValidationError", "A certificate ARN must be specified");
            return NULL;
        }
        if (check_certificate(call, arn, err) < 0)
            return NULL;
        if (!doc_list_has(arns, arn))
            json_array_append_new(arns, json_string(arn));
    }
    if (json_array_size(arns) > 0)
        return json_incref(arns);
    err_aws(err, "ValidationError", "A certificate ARN must be specified");
    return NULL;
}

/* ---- certificates besides the default one ---- */

/* The listener of the request, which must be one with certificates, to be changed. */
static json_t *edit_listener(struct call *call, struct err *err)
{
    json_t *listener = elb_edit(call, ELB_LISTENER, doc_text(call->in, "ListenerArn"), err);
    if (!listener || doc_is(listener, "Protocol", "HTTPS"))
        return listener;
    err_aws(err, "InvalidConfigurationRequest",
            "Certificates cannot be specified for a listener with the protocol '%s'",
            doc_text(listener, "Protocol"));
    return NULL;
}

/* Certificates of all listeners of a load balancer without default ones, each once. */
static int check_count(const struct call *call, const char *load_balancer_arn, struct err *err)
{
    json_auto_t *seen = json_array();
    size_t i;
    const json_t *arn;
    store_each (cursor, call->store, elb_kind(ELB_LISTENER), call->region)
        if (doc_is(cursor.doc, "LoadBalancerArn", load_balancer_arn))
            json_array_foreach (json_object_get(cursor.doc, "_certificates"), i, arn)
                if (!doc_list_has(seen, json_string_value(arn)))
                    json_array_append(seen, (json_t *)(uintptr_t)arn);
    if (json_array_size(seen) <= ELB_CERTIFICATES_MAX)
        return 0;
    return err_aws(err, "TooManyCertificates",
                   "The maximum number of certificates has been reached for the load balancer "
                   "'%s'",
                   load_balancer_arn);
}

static json_t *show(const char *arn, bool as_default)
{
    return json_pack("{s:s, s:b}", "CertificateArn", arn, "IsDefault", (int)as_default);
}

int elb_AddListenerCertificates(struct call *call, struct err *err)
{
    json_t *listener = edit_listener(call, err);
    json_auto_t *arns =
        listener ? elb_certificate_arns(call, json_object_get(call->in, "Certificates"), err)
                 : NULL;
    if (!arns)
        return -1;
    json_t *known = json_object_get(listener, "_certificates"), *shown = json_array();
    json_object_set_new(call->out, "Certificates", shown);
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn) {
        if (!doc_list_has(known, json_string_value(arn)))
            json_array_append(known, (json_t *)(uintptr_t)arn);
        json_array_append_new(shown, show(json_string_value(arn), false));
    }
    return check_count(call, doc_text(listener, "LoadBalancerArn"), err);
}

int elb_RemoveListenerCertificates(struct call *call, struct err *err)
{
    json_t *listener = edit_listener(call, err);
    if (!listener)
        return -1;
    json_t *known = json_object_get(listener, "_certificates");
    size_t i;
    const json_t *certificate;
    json_array_foreach (json_object_get(call->in, "Certificates"), i, certificate) {
        const char *arn = doc_text(certificate, "CertificateArn");
        if (!doc_list_has(known, arn) && is_default(listener, arn))
            return err_aws(err, "OperationNotPermitted",
                           "The default certificate '%s' of a listener cannot be removed", arn);
        doc_list_remove(known, arn);
    }
    return 0;
}

int elb_DescribeListenerCertificates(struct call *call, struct err *err)
{
    const json_t *listener = elb_find(call, ELB_LISTENER, doc_text(call->in, "ListenerArn"), err);
    if (!listener)
        return -1;
    json_auto_t *all = json_array();
    size_t i;
    const json_t *certificate;
    json_array_foreach (json_object_get(listener, "Certificates"), i, certificate)
        json_array_append_new(all, show(doc_text(certificate, "CertificateArn"), true));
    json_array_foreach (json_object_get(listener, "_certificates"), i, certificate)
        json_array_append_new(all, show(json_string_value(certificate), false));
    return elb_page(call, all, "Certificates", err);
}
