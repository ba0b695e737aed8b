/* Key pairs: public keys that instances let in. Private keys are handed out once and not kept. */
#include "base/cleanup.h"
#include "service/ec2/describe.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/key_material.h"
#include "service/ec2/tags.h"
#include "wire/base64.h"

#include <string.h>

static const char kind[] = "key-pair";

enum { NAME_SIZE_MAX = 255, KEY_PAIRS_MAX = 5000 };

static int check_new_name(const struct call *call, const char *name, struct err *err)
{
    if (strlen(name) > NAME_SIZE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "Value for parameter keyName is invalid. Length exceeds maximum of 255.");
    if (store_get(call->store, kind, call->region, name))
        return err_aws(err, "InvalidKeyPair.Duplicate", "The keypair already exists");
    if (store_count(call->store, kind, call->region) >= KEY_PAIRS_MAX)
        return err_aws(err, "KeyPairLimitExceeded",
                       "The maximum number of key pairs has been reached.");
    return 0;
}

/* Stores the public half and fills the output that creating and importing have in common. */
static int add_key_pair(struct call *call, const char *name, const struct key_material *key,
                        struct err *err)
{
    char id[32];
    json_auto_t *tags = ec2_tags_on_creation(call, kind, kind, err);
    if (!tags)
        return -1;
    call_make_id(call, "key", id);
    json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:o, s:O, s:o}", "KeyPairId", id, "KeyName", name,
                            "KeyType", key->type, "KeyFingerprint", key->fingerprint, "CreateTime",
                            call_now(call), "Tags", tags, "_public_key",
                            json_sprintf("%s %s", key->public_line, name));
    txn_put(call->txn, kind, call->region, name, doc);
    static const char *const shown[] = {"KeyPairId", "KeyName", "KeyFingerprint", "Tags"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        json_object_set(call->out, shown[i], json_object_get(doc, shown[i]));
    return 0;
}

static int create_rsa(const struct call *call, struct key_material *key, struct err *err)
{
    auto_free char *pem = call->world->rsa_key(call->world->arg, 1, err);
    int result = pem ? key_material_create_rsa(pem, key, err) : -1;
    if (pem)
        explicit_bzero(pem, strlen(pem));
    return result;
}

static int create_material(const struct call *call, struct key_material *key, struct err *err)
{
    const char *type = ec2_text(call->in, "KeyType"), *format = ec2_text(call->in, "KeyFormat");
    if (format && strcmp(format, "pem") != 0)
        return err_aws(err, "UnsupportedOperation",
                       "The value '%s' for parameter KeyFormat is not supported by Pileus yet.",
                       format);
    if (!type || strcmp(type, "rsa") == 0)
        return create_rsa(call, key, err);
    uint8_t random[KEY_RANDOM_SIZE];
    call->world->random(call->world->arg, random, sizeof random);
    int result = key_material_create_ed25519(random, key, err);
    explicit_bzero(random, sizeof random);
    return result;
}

int ec2_CreateKeyPair(struct call *call, struct err *err)
{
    struct key_material key = {0};
    const char *name = ec2_required(call, "KeyName", err);
    if (!name || check_new_name(call, name, err) < 0 || create_material(call, &key, err) < 0)
        return -1;
    int result = add_key_pair(call, name, &key, err);
    if (result == 0)
        json_object_set_new(call->out, "KeyMaterial", json_string(key.private_key));
    key_material_finish(&key);
    return result;
}

int ec2_ImportKeyPair(struct call *call, struct err *err)
{
    struct key_material key = {0};
    const char *name = ec2_required(call, "KeyName", err);
    const char *blob = name ? ec2_required(call, "PublicKeyMaterial", err) : NULL;
    if (!blob || check_new_name(call, name, err) < 0)
        return -1;
    size_t size = 0;
    auto_free char *text = base64_decode(blob, strlen(blob), &size);
    if (key_material_import(text ? text : "", text ? size : 0, &key, err) < 0)
        return -1;
    int result = add_key_pair(call, name, &key, err);
    key_material_finish(&key);
    return result;
}

static const struct ec2_filter filters[] = {
    {"key-pair-id", "KeyPairId"},
    {"fingerprint", "KeyFingerprint"},
    {"key-name", "KeyName"},
    {NULL, NULL},
};

static json_t *show_public(const struct call *call, const json_t *doc)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)doc);
    if (json_is_true(json_object_get(call->in, "IncludePublicKey")))
        json_object_set(shown, "PublicKey", json_object_get(doc, "_public_key"));
    return shown;
}

int ec2_DescribeKeyPairs(struct call *call, struct err *err)
{
    static const struct ec2_describe describe = {
        .kind = kind,
        .list = "KeyPairs",
        .selectors = {{"KeyNames", "KeyName", kind}, {"KeyPairIds", "KeyPairId", "key-pair-id"}},
        .filters = filters,
        .show = show_public,
    };
    return ec2_describe(call, &describe, err);
}

/* The name of the key pair with this id; NULL if there is none. */
static const char *name_of_id(const struct call *call, const char *id)
{
    store_each (cursor, call->store, kind, call->region)
        if (strcmp(ec2_text(cursor.doc, "KeyPairId"), id) == 0)
            return cursor.id;
    return NULL;
}

/* Succeeds also when there is no such key pair, as in EC2. */
int ec2_DeleteKeyPair(struct call *call, struct err *err)
{
    const char *name = ec2_text(call->in, "KeyName"), *id = ec2_text(call->in, "KeyPairId");
    if (!name && !id)
        return err_aws(err, "MissingParameter",
                       "The request must contain the parameter KeyName or KeyPairId");
    if (id && ec2_id_check("key-pair-id", id, err) < 0)
        return -1;
    const char *found = name ? name : name_of_id(call, id);
    const json_t *doc = found ? store_get(call->store, kind, call->region, found) : NULL;
    if (doc) {
        json_object_set(call->out, "KeyPairId", json_object_get(doc, "KeyPairId"));
        txn_delete(call->txn, kind, call->region, found);
    }
    return json_object_set_new(call->out, "Return", json_true());
}
