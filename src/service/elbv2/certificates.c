#include "service/elbv2/certificates.h"

#include "service/doc.h"
#include "service/elbv2/resource.h"

static bool uses(const json_t *listener, const char *certificate_arn)
{
    size_t i;
    const json_t *certificate;
    json_array_foreach (json_object_get(listener, "Certificates"), i, certificate)
        if (doc_is(certificate, "CertificateArn", certificate_arn))
            return true;
    return doc_list_has(json_object_get(listener, "_certificates"), certificate_arn);
}

json_t *elb_certificate_users(const struct call *call, const char *certificate_arn)
{
    json_t *users = json_array();
    store_each (cursor, call->store, elb_kind(ELB_LISTENER), call->region) {
        const char *load_balancer = doc_text(cursor.doc, "LoadBalancerArn");
        if (uses(cursor.doc, certificate_arn) && !doc_list_has(users, load_balancer))
            json_array_append_new(users, json_string(load_balancer));
    }
    return users;
}
