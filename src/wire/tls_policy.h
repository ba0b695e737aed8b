/*
 * The security policies of Application Load Balancers (ELBSecurityPolicy-...): which protocols and
 * ciphers a listener negotiates. Data only.
 */
#pragma once

struct tls_policy {
    const char *name;
    int oldest, newest; /* minor versions of TLS 1: 0 to 3 */
    /* OpenSSL's names in the order of preference, those of TLS 1.3 first; NULL-terminated. */
    const char *const *ciphers;
};

/* What a listener has that names no policy. */
#define TLS_POLICY_DEFAULT "ELBSecurityPolicy-2016-08"

/* In the order of DescribeSSLPolicies; NULL after the last. */
const struct tls_policy *tls_policy_at(int index);
/* NULL if there is none of this name. */
const struct tls_policy *tls_policy_find(const char *name);
/*
 * Why a policy that AWS has is not among these: a phrase for "the policy NAME needs ...". NULL if
 * AWS has none of this name either, or it is there.
 */
const char *tls_policy_missing(const char *name);
/* The policy of connections to HTTPS targets behind a listener with this policy. */
const struct tls_policy *tls_policy_for_targets(const struct tls_policy *listener);
/* "TLSv1" to "TLSv1.3", as in the API and in x-amzn-tls-version. */
const char *tls_protocol_name(int minor);
