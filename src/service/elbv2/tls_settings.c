#include "service/elbv2/tls_settings.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/elbv2/certificates.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "wire/tls_policy.h"

#include <string.h>

/* ---- security policies ---- */

static const struct tls_policy *find_policy(const char *name, struct err *err)
{
    const struct tls_policy *policy = tls_policy_find(name);
    const char *missing = policy ? NULL : tls_policy_missing(name);
    if (missing)
        err_aws(err, "UnsupportedOperation",
                "The SSL policy '%s' is not supported by Pileus: it needs %s", name, missing);
    else if (!policy)
        err_aws(err, "SSLPolicyNotFound", "SSL policy '%.200s' not found", name);
    return policy;
}

static json_t *show_policy(const struct tls_policy *policy)
{
    json_t *protocols = json_array(), *ciphers = json_array();
    for (int minor = policy->oldest; minor <= policy->newest; minor++)
        json_array_append_new(protocols, json_string(tls_protocol_name(minor)));
    for (int i = 0; policy->ciphers[i]; i++)
        json_array_append_new(
            ciphers, json_pack("{s:s, s:i}", "Name", policy->ciphers[i], "Priority", i + 1));
    return json_pack("{s:s, s:o, s:o, s:[s]}", "Name", policy->name, "SslProtocols", protocols,
                     "Ciphers", ciphers, "SupportedLoadBalancerTypes", "application");
}

int elb_DescribeSSLPolicies(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "Names"), *name;
    json_auto_t *all = json_array();
    size_t i;
    if (call_accept(call->in, "Names Marker PageSize LoadBalancerType=application", err) < 0)
        return -1;
    json_array_foreach (names, i, name) {
        const struct tls_policy *policy = find_policy(json_string_value(name), err);
        if (!policy)
            return -1;
        json_array_append_new(all, show_policy(policy));
    }
    for (int at = 0; json_array_size(names) == 0 && tls_policy_at(at); at++)
        json_array_append_new(all, show_policy(tls_policy_at(at)));
    return elb_page(call, all, "SslPolicies", err);
}

/* ---- settings of a listener ---- */

static int check_protocol(const char *protocol, struct err *err)
{
    if (!strcmp(protocol, "HTTP") || !strcmp(protocol, "HTTPS"))
        return 0;
    if (!*protocol)
        return err_aws(err, "ValidationError", "A listener protocol must be specified");
    return err_aws(err, "ValidationError",
                   "Protocol '%s' is not valid for a listener of an application load balancer: it "
                   "must be one of 'HTTP, HTTPS'",
                   protocol);
}

static int set_plain(const struct call *call, json_t *listener, struct err *err)
{
    static const char *const members[] = {"SslPolicy", "Certificates", "AlpnPolicy",
                                          "MutualAuthentication"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *asked = json_object_get(call->in, members[i]);
        if (json_is_string(asked)  ? json_string_length(asked) > 0
            : json_is_array(asked) ? json_array_size(asked) > 0
                                   : json_object_size(asked) > 0)
            return err_aws(err, "InvalidConfigurationRequest",
                           "%s cannot be specified for a listener with the protocol 'HTTP'",
                           members[i]);
        json_object_del(listener, members[i]);
    }
    json_object_set_new(listener, "_certificates", json_array());
    return 0;
}

static int set_policy(const struct call *call, json_t *listener, struct err *err)
{
    const char *asked = doc_text(call->in, "SslPolicy");
    if (!*asked && json_object_get(listener, "SslPolicy"))
        return 0;
    const struct tls_policy *policy = find_policy(*asked ? asked : TLS_POLICY_DEFAULT, err);
    if (!policy)
        return -1;
    json_object_set_new(listener, "SslPolicy", json_string(policy->name));
    return 0;
}

static int set_certificate(const struct call *call, json_t *listener, struct err *err)
{
    const json_t *asked = json_object_get(call->in, "Certificates");
    if (json_array_size(asked) == 0 && json_object_get(listener, "Certificates"))
        return 0;
    if (json_array_size(asked) == 0)
        return err_aws(err, "ValidationError",
                       "A certificate must be specified for HTTPS listeners");
    if (json_array_size(asked) > 1)
        return err_aws(err, "TooManyCertificates",
                       "Up to '1' certificate can be specified, but '%zu' were specified: others "
                       "are added by AddListenerCertificates",
                       json_array_size(asked));
    json_t *arns = elb_certificate_arns(call, asked, err);
    if (!arns)
        return -1;
    json_object_set_new(listener, "Certificates",
                        json_pack("[{s:O}]", "CertificateArn", json_array_get(arns, 0)));
    json_decref(arns);
    return 0;
}

static int set_tls(const struct call *call, json_t *listener, struct err *err)
{
    const json_t *mutual = json_object_get(call->in, "MutualAuthentication");
    if (json_array_size(json_object_get(call->in, "AlpnPolicy")) > 0)
        return err_aws(err, "ALPNPolicyNotFound",
                       "ALPN policies are for TLS listeners of network load balancers only");
    if (call_accept(mutual, "Mode=off", err) < 0 || set_policy(call, listener, err) < 0 ||
        set_certificate(call, listener, err) < 0)
        return -1;
    json_object_set_new(listener, "MutualAuthentication", json_pack("{s:s}", "Mode", "off"));
    if (!json_object_get(listener, "_certificates"))
        json_object_set_new(listener, "_certificates", json_array());
    return 0;
}

int elb_set_protocol(const struct call *call, json_t *listener, struct err *err)
{
    const char *asked = doc_text(call->in, "Protocol");
    const char *protocol = *asked ? asked : doc_text(listener, "Protocol");
    if (check_protocol(protocol, err) < 0)
        return -1;
    if ((strcmp(protocol, "HTTPS") == 0 ? set_tls(call, listener, err)
                                        : set_plain(call, listener, err)) < 0)
        return -1;
    json_object_set_new(listener, "Protocol", json_string(protocol));
    return 0;
}
