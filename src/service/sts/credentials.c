#include "service/sts/credentials.h"

#include "base/cleanup.h"
#include "service/doc.h"
#include "wire/base64.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_BYTES = 30, TOKEN_BYTES = 96, KEY_BYTES = 10, KEY_PREFIX_SIZE = 4 };

static const char kind[] = "temporary-credentials";
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* ---- ids of access keys: ten bytes, of which the bits 1 to 40 are the account ---- */

static void write_account(uint8_t bytes[KEY_BYTES], const char *account)
{
    uint64_t number = strtoull(account, NULL, 10) << 7;
    bytes[0] |= 0x80;
    for (int i = 0; i < 6; i++) {
        uint8_t kept = i == 0 ? 0x80 : i == 5 ? 0x7f : 0;
        bytes[i] = (uint8_t)((bytes[i] & kept) | (uint8_t)(number >> (8 * (5 - i))));
    }
}

static void make_access_key(const struct call *call, char out[STS_ACCESS_KEY_SIZE])
{
    uint8_t bytes[KEY_BYTES];
    call->world->random(call->world->arg, bytes, sizeof bytes);
    write_account(bytes, call->account);
    char *digit = stpcpy(out, "ASIA");
    for (int bit = 0; bit < 8 * KEY_BYTES; bit += 5) {
        unsigned pair =
            (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < KEY_BYTES ? bytes[bit / 8 + 1] : 0U);
        *digit++ = base32[pair >> (11 - bit % 8) & 31];
    }
    *digit = 0;
}

bool sts_read_account(const char *access_key, char out[13])
{
    if (strlen(access_key) != STS_ACCESS_KEY_SIZE - 1 ||
        (strncmp(access_key, "AKIA", KEY_PREFIX_SIZE) != 0 &&
         strncmp(access_key, "ASIA", KEY_PREFIX_SIZE) != 0))
        return false;
    uint64_t head = 0; /* of the first ten digits: 50 bits, two more than the six bytes */
    for (int i = 0; i < STS_ACCESS_KEY_SIZE - 1 - KEY_PREFIX_SIZE; i++) {
        const char *digit = strchr(base32, access_key[KEY_PREFIX_SIZE + i]);
        if (!digit)
            return false;
        if (i < 10)
            head = head << 5 | (uint64_t)(digit - base32);
    }
    uint64_t account = head >> 9 & 0xffffffffff;
    if (account > 999999999999)
        return false;
    snprintf(out, 13, "%012llu", (unsigned long long)account);
    return true;
}

/* ---- what is kept ---- */

const json_t *sts_find(const struct store *store, const char *access_key)
{
    return store_get(store, kind, "", access_key);
}

/* Forgets what has expired. Until room is needed its holders are told that it has. */
static void forget_expired(struct call *call, int64_t real_s)
{
    char expired[64][STS_ACCESS_KEY_SIZE];
    size_t count;
    do {
        count = 0;
        store_each (cursor, call->store, kind, "") {
            if (doc_number(cursor.doc, "Expiration") <= real_s)
                snprintf(expired[count++], STS_ACCESS_KEY_SIZE, "%s", cursor.id);
            if (count == sizeof expired / sizeof *expired)
                break;
        }
        for (size_t i = 0; i < count; i++)
            txn_delete(call->txn, kind, "", expired[i]);
    } while (count);
}

static int make_room(struct call *call, int64_t real_s, struct err *err)
{
    if (store_count(call->store, kind, "") < STS_CREDENTIALS_MAX)
        return 0;
    forget_expired(call, real_s);
    if (store_count(call->store, kind, "") < STS_CREDENTIALS_MAX)
        return 0;
    return err_aws(err, "Throttling",
                   "Rate exceeded: %d temporary credentials have not expired yet.",
                   STS_CREDENTIALS_MAX);
}

static char *random_base64(const struct call *call, size_t size)
{
    uint8_t bytes[STS_TOKEN_SIZE_MAX / 4 * 3];
    assert(size <= sizeof bytes);
    call->world->random(call->world->arg, bytes, size);
    return base64_encode(bytes, size);
}

int sts_issue(struct call *call, const struct sts_order *order, json_t **ret_credentials,
              struct err *err)
{
    int64_t real_s = call->world->real_ms(call->world->arg) / 1000;
    json_int_t expiration = real_s + order->duration_s;
    size_t token_bytes = (order->token_size_min + 3) / 4 * 3;
    char access_key[STS_ACCESS_KEY_SIZE];
    if (make_room(call, real_s, err) < 0)
        return -1;
    do
        make_access_key(call, access_key);
    while (sts_find(call->store, access_key));
    auto_free char *secret = random_base64(call, SECRET_BYTES);
    auto_free char *token =
        random_base64(call, token_bytes > TOKEN_BYTES ? token_bytes : TOKEN_BYTES);
    json_t *credentials =
        json_pack("{s:s, s:s, s:s, s:I}", "AccessKeyId", access_key, "SecretAccessKey", secret,
                  "SessionToken", token, "Expiration", expiration);
    json_t *kept = json_copy(credentials);
    if (!kept) {
        json_decref(credentials);
        return err_set(err, "out of memory");
    }
    json_object_set_new(kept, "_arn", json_string(order->arn));
    json_object_set_new(kept, "_user_id", json_string(order->user_id));
    txn_put(call->txn, kind, "", access_key, kept);
    *ret_credentials = credentials;
    return 0;
}
