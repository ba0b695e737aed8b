#include "wire/tls_policy.h"

#include <stddef.h>
#include <string.h>

/* Every list begins with the ciphers of TLS 1.3; older policies use the list after them. */
#define TLS13 "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"
/* Then those with forward secrecy, in the order of AWS's lists. */
#define ECDHE                                                                                      \
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",   \
        "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", \
        "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"
#define ECDHE_WITH_SHA1                                                                            \
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",   \
        "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",               \
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",                            \
        "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA",            \
        "ECDHE-ECDSA-AES256-SHA"
enum { TLS13_COUNT = 3 };

static const char *const tls13[] = {TLS13, NULL};

static const char *const restricted[] = {
    TLS13,
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    NULL,
};

static const char *const standard[] = {
    TLS13,
    ECDHE,
    NULL,
};

/* Also key exchange by RSA, but nothing with SHA-1. */
static const char *const without_sha1[] = {
    TLS13, ECDHE, "AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256", NULL,
};

/* Also SHA-1, but only key exchange with forward secrecy. */
static const char *const forward_secrecy[] = {
    TLS13,
    ECDHE_WITH_SHA1,
    NULL,
};

static const char *const all[] = {
    TLS13,           ECDHE_WITH_SHA1, "AES128-GCM-SHA256",
    "AES128-SHA256", "AES128-SHA",    "AES256-GCM-SHA384",
    "AES256-SHA256", "AES256-SHA",    NULL,
};

static const struct tls_policy policies[] = {
    {"ELBSecurityPolicy-2016-08", 0, 2, all + TLS13_COUNT},
    {"ELBSecurityPolicy-TLS13-1-2-2021-06", 2, 3, standard},
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 2, 3, restricted},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", 2, 3, without_sha1},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", 2, 3, all},
    {"ELBSecurityPolicy-TLS13-1-1-2021-06", 1, 3, all},
    {"ELBSecurityPolicy-TLS13-1-0-2021-06", 0, 3, all},
    {"ELBSecurityPolicy-TLS13-1-3-2021-06", 3, 3, tls13},
    {"ELBSecurityPolicy-TLS-1-2-2017-01", 2, 2, without_sha1 + TLS13_COUNT},
    {"ELBSecurityPolicy-TLS-1-1-2017-01", 1, 2, all + TLS13_COUNT},
    {"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", 2, 2, all + TLS13_COUNT},
    {"ELBSecurityPolicy-FS-2018-06", 0, 2, forward_secrecy + TLS13_COUNT},
    {"ELBSecurityPolicy-2015-05", 0, 2, all + TLS13_COUNT},
    {"ELBSecurityPolicy-FS-1-2-Res-2019-08", 2, 2, standard + TLS13_COUNT},
    {"ELBSecurityPolicy-FS-1-1-2019-08", 1, 2, forward_secrecy + TLS13_COUNT},
    {"ELBSecurityPolicy-FS-1-2-2019-08", 2, 2, forward_secrecy + TLS13_COUNT},
    {"ELBSecurityPolicy-FS-1-2-Res-2020-10", 2, 2, restricted + TLS13_COUNT},
};

enum { POLICY_COUNT = sizeof policies / sizeof policies[0] };

const struct tls_policy *tls_policy_at(int index)
{
    return index >= 0 && index < POLICY_COUNT ? &policies[index] : NULL;
}

const struct tls_policy *tls_policy_find(const char *name)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}

const char *tls_policy_missing(const char *name)
{
    if (strncmp(name, "ELBSecurityPolicy-", 18) != 0)
        return NULL;
    if (strstr(name, "-FIPS-"))
        return "a validated FIPS 140 module";
    if (strstr(name, "-PQ-"))
        return "post-quantum key exchange";
    return strcmp(name, "ELBSecurityPolicy-TLS-1-0-2015-04") == 0 ? "the cipher DES-CBC3-SHA"
                                                                  : NULL;
}

const struct tls_policy *tls_policy_for_targets(const struct tls_policy *listener)
{
    return tls_policy_find(listener->newest == 3 ? "ELBSecurityPolicy-TLS13-1-0-2021-06"
                                                 : TLS_POLICY_DEFAULT);
}

const char *tls_protocol_name(int minor)
{
    static const char *const names[] = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    return names[minor];
}
