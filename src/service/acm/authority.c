#include "service/acm/authority.h"

#include "base/cleanup.h"
#include "wire/certificate.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char kind[] = "certificate-authority", id[] = "local";

/* It must outlast what it issues, also when the cloud's clock has been set years ahead. */
enum { AUTHORITY_DAYS = 50 * 365, DAY_S = 86400 };

struct acm_validity acm_validity(const struct call *call, int days)
{
    int64_t cloud_s = call->now_ms / 1000, real_s = call->world->real_ms(call->world->arg) / 1000;
    int64_t first_s = cloud_s < real_s ? cloud_s : real_s;
    int64_t last_s = cloud_s < real_s ? real_s : cloud_s;
    return (struct acm_validity){first_s - first_s % DAY_S - DAY_S,
                                 last_s - last_s % DAY_S + (int64_t)days * DAY_S - 1};
}

static const json_t *make_authority(struct call *call, struct err *err)
{
    char name[64], hex[17];
    call_make_hex16(call, hex);
    /* Trust stores show the name: two clouds on one machine have different ones. */
    snprintf(name, sizeof name, "Pileus CA %.8s", hex);
    struct acm_validity validity = acm_validity(call, AUTHORITY_DAYS);
    struct certificate_order order = {.names = (const char *const[]){name},
                                      .name_count = 1,
                                      .not_before_s = validity.not_before_s,
                                      .not_after_s = validity.not_after_s};
    call->world->random(call->world->arg, order.serial, sizeof order.serial);
    /* Made in no time, so that nothing waits for it. */
    auto_free char *key = certificate_new_key("EC_prime256v1", err);
    auto_free char *pem = key ? certificate_make_authority(key, &order, err) : NULL;
    if (pem)
        txn_put(call->txn, kind, "", id,
                json_pack("{s:s, s:s}", "_certificate", pem, "_private_key", key));
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    return pem ? store_get(call->store, kind, "", id) : NULL;
}

const json_t *acm_authority(struct call *call, struct err *err)
{
    const json_t *found = store_get(call->store, kind, "", id);
    return found ? found : make_authority(call, err);
}
