#include "service/sns/signing.h"

#include "base/cleanup.h"
#include "service/acm/authority.h"
#include "service/doc.h"
#include "wire/certificate.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char kind[] = "signing-certificate", id[] = "sns";

/* Messages are kept and looked at later, so it is not renewed but lasts. */
enum { VALIDITY_DAYS = 10 * 365 };

static char *issue(struct call *call, const char *key, struct err *err)
{
    struct acm_validity validity = acm_validity(call, VALIDITY_DAYS);
    struct certificate_order order = {.names = (const char *const[]){"sns.amazonaws.com"},
                                      .name_count = 1,
                                      .not_before_s = validity.not_before_s,
                                      .not_after_s = validity.not_after_s};
    call->world->random(call->world->arg, order.serial, sizeof order.serial);
    const json_t *authority = acm_authority(call, err);
    return authority ? certificate_issue(doc_text(authority, "_certificate"),
                                         doc_text(authority, "_private_key"), key, &order, err)
                     : NULL;
}

int sns_signing_prepare(struct call *call, struct err *err)
{
    char file[64], first[17], second[17];
    if (store_get(call->store, kind, "", id))
        return 0;
    auto_free char *key = call->world->rsa_key(call->world->arg, 1, err);
    auto_free char *pem = key ? issue(call, key, err) : NULL;
    if (pem) {
        call_make_hex16(call, first);
        call_make_hex16(call, second);
        snprintf(file, sizeof file, "SimpleNotificationService-%s%s.pem", first, second);
        txn_put(
            call->txn, kind, "", id,
            json_pack("{s:s, s:s, s:s}", "_file", file, "_certificate", pem, "_private_key", key));
    }
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    return pem ? 0 : -1;
}

const char *sns_signing_file(const struct store *store)
{
    return doc_text(store_get(store, kind, "", id), "_file");
}

const char *sns_signing_certificate(const struct store *store, const char *file)
{
    const json_t *doc = store_get(store, kind, "", id);
    return doc && doc_is(doc, "_file", file) ? doc_text(doc, "_certificate") : NULL;
}

char *sns_sign(struct call *call, const char *version, const char *text, size_t size,
               struct err *err)
{
    if (sns_signing_prepare(call, err) < 0)
        return NULL;
    const json_t *doc = store_get(call->store, kind, "", id);
    return certificate_sign(doc_text(doc, "_private_key"), strcmp(version, "2") ? "SHA1" : "SHA256",
                            text, size, err);
}
