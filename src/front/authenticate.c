/* Who asks: Signature Version 4 with the keys of the account and of STS. */
#include "front/exchange.h"
#include "service/doc.h"
#include "service/sts/credentials.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

enum { SKEW_MAX_S = 15 * 60 };

/* Root of the account; only good on loopback, and where options->root_key says so. */
static const char root_key[] = "test", root_secret[] = "test";

/* Whose key a request is signed with. */
struct holder {
    const char *secret;
    const char *arn; /* NULL: root of the account */
};

int front_read_claim(struct front_call *call, struct err *err)
{
    struct err reason;
    int found = sigv4_read(&call->request->signed_part, &call->claim, &reason);
    if (found < 0 && call->options->authenticate)
        return front_fail(call, FRONT_INCOMPLETE_SIGNATURE, err, "%s", reason.text);
    call->is_signed = found > 0 || (found < 0 && call->claim.service[0]);
    return 0;
}

/* The time of the signature against ours; real time, whatever cloud time is. */
static int check_time(const struct front_call *call, int64_t now_s, struct err *err)
{
    const struct sigv4_claim *claim = &call->claim;
    if (claim->time_s > now_s + SKEW_MAX_S)
        return front_fail(call, FRONT_EXPIRED, err,
                          "Signature not yet current: %s is still later than our time plus 15 min.",
                          claim->timestamp);
    if (claim->presigned && now_s > claim->time_s + claim->expires_s)
        return front_fail(call, FRONT_EXPIRED, err, NULL);
    if (!claim->presigned && claim->time_s < now_s - SKEW_MAX_S)
        return front_fail(call, FRONT_EXPIRED, err,
                          "Signature expired: %s is now earlier than our time minus 15 min.",
                          claim->timestamp);
    return 0;
}

static bool is_session_token(const struct front_call *call, const json_t *credentials)
{
    const char *token = doc_text(credentials, "SessionToken");
    size_t size = strlen(token);
    return strlen(call->claim.token) == size && CRYPTO_memcmp(call->claim.token, token, size) == 0;
}

static int find_holder(const struct front_call *call, int64_t now_s, struct holder *holder,
                       struct err *err)
{
    const struct front_options *options = call->options;
    if (options->root_key && strcmp(call->claim.access_key, root_key) == 0 &&
        !call->claim.token[0]) {
        *holder = (struct holder){.secret = root_secret};
        return 0;
    }
    const json_t *credentials = sts_find(options->store, call->claim.access_key);
    if (!credentials || !is_session_token(call, credentials))
        return front_fail(call, FRONT_UNKNOWN_KEY, err, NULL);
    if (doc_number(credentials, "Expiration") <= now_s)
        return front_fail(call, FRONT_EXPIRED_TOKEN, err, NULL);
    *holder = (struct holder){.secret = doc_text(credentials, "SecretAccessKey"),
                              .arn = doc_text(credentials, "_arn")};
    return 0;
}

static int check_signature(const struct front_call *call, int64_t now_s, struct holder *holder,
                           struct err *err)
{
    const struct sigv4_claim *claim = &call->claim;
    if (!call->is_signed)
        return front_fail(call, FRONT_UNSIGNED, err, NULL);
    if (find_holder(call, now_s, holder, err) < 0)
        return -1;
    if (strcmp(claim->service, call->service->signing_name) != 0)
        return front_fail(call, FRONT_WRONG_SIGNATURE, err,
                          "Credential should be scoped to correct service: '%s'. ",
                          call->service->signing_name);
    if (check_time(call, now_s, err) < 0)
        return -1;
    if (!sigv4_verify(&call->request->signed_part, claim, holder->secret))
        return front_fail(call, FRONT_WRONG_SIGNATURE, err, NULL);
    return 0;
}

/* Whether the operation may be asked for by anybody, and nobody says who it is. */
static bool is_anonymous(const struct front_call *call)
{
    const struct service_operation *row = service_find(call->service->name, call->action);
    return !call->is_signed && row && row->is_open;
}

int front_authenticate(struct front_call *call, int64_t now_s, struct err *err)
{
    struct holder holder = {0};
    call->user_arn[0] = 0;
    if (is_anonymous(call))
        return 0;
    if (call->options->authenticate && check_signature(call, now_s, &holder, err) < 0)
        return -1;
    if (holder.arn)
        snprintf(call->user_arn, sizeof(call->user_arn), "%s", holder.arn);
    else
        snprintf(call->user_arn, sizeof(call->user_arn), "arn:aws:iam::%s:root",
                 call->options->account);
    return 0;
}
