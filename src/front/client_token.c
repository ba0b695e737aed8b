#include "front/client_token.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MS = 24 * 3600 * 1000, FORGOTTEN_AT_ONCE = 16 };

static const char kind[] = "client-token";

static int hash_input(const json_t *in, char out[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *text = json_dumps(in, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return -1;
    SHA256((unsigned char *)text, strlen(text), digest);
    free(text);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

static bool is_kept(const json_t *doc, int64_t now_ms)
{
    return json_integer_value(json_object_get(doc, "created_ms")) + KEPT_MS > now_ms;
}

int client_token_find(struct client_token *token, struct call *call,
                      const struct model_service *service, const struct model_operation *operation,
                      struct err *err)
{
    *token = (struct client_token){0};
    const struct model_member *member = model_client_token(operation);
    const char *text = member ? json_string_value(json_object_get(call->in, member->name)) : NULL;
    if (!text || !*text)
        return 0;
    if (strlen(text) > CLIENT_TOKEN_SIZE_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "The client token is longer than %d characters.", CLIENT_TOKEN_SIZE_MAX);
    snprintf(token->id, sizeof(token->id), "%s:%s:%s", service->name, operation->name, text);
    if (hash_input(call->in, token->hash) < 0)
        return err_set(err, "out of memory");
    const json_t *doc = store_get(call->store, kind, call->region, token->id);
    if (!doc || !is_kept(doc, call->now_ms))
        return 0;
    if (strcmp(json_string_value(json_object_get(doc, "hash")), token->hash) != 0)
        return err_aws(err, "IdempotentParameterMismatch",
                       "The client token '%s' was used before with other parameters.", text);
    json_object_update(call->out, json_object_get(doc, "out"));
    return 1;
}

/* Forgets some of the oldest answers, so that they do not grow without end. */
static void forget_old(struct call *call)
{
    const char *old[FORGOTTEN_AT_ONCE];
    size_t count = 0;
    store_each (cursor, call->store, kind, call->region) {
        if (count == FORGOTTEN_AT_ONCE || is_kept(cursor.doc, call->now_ms))
            break;
        old[count++] = cursor.id;
    }
    for (size_t i = 0; i < count; i++) {
        char id[256];
        snprintf(id, sizeof(id), "%s", old[i]);
        txn_delete(call->txn, kind, call->region, id);
    }
}

void client_token_keep(const struct client_token *token, struct call *call)
{
    if (!token->id[0])
        return;
    forget_old(call);
    txn_put(call->txn, kind, call->region, token->id,
            json_pack("{s:s, s:o, s:I}", "hash", token->hash, "out", json_deep_copy(call->out),
                      "created_ms", (json_int_t)call->now_ms));
}
