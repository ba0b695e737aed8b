/* Who asks: Signature Version 4 with the keys of the account. */
#include "front/exchange.h"

#include <stdio.h>
#include <string.h>

enum { SKEW_MAX_S = 15 * 60 };

/* Root of the account; only good on loopback, which is where we listen. */
static const char root_key[] = "test", root_secret[] = "test";

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

static int check_signature(const struct front_call *call, int64_t now_s, struct err *err)
{
    const struct sigv4_claim *claim = &call->claim;
    if (!call->is_signed)
        return front_fail(call, FRONT_UNSIGNED, err, NULL);
    if (strcmp(claim->access_key, root_key) != 0 || claim->token[0])
        return front_fail(call, FRONT_UNKNOWN_KEY, err, NULL);
    if (strcmp(claim->service, call->service->signing_name) != 0)
        return front_fail(call, FRONT_WRONG_SIGNATURE, err,
                          "Credential should be scoped to correct service: '%s'. ",
                          call->service->signing_name);
    if (check_time(call, now_s, err) < 0)
        return -1;
    if (!sigv4_verify(&call->request->signed_part, claim, root_secret))
        return front_fail(call, FRONT_WRONG_SIGNATURE, err, NULL);
    return 0;
}

int front_authenticate(struct front_call *call, int64_t now_s, struct err *err)
{
    if (call->options->authenticate && check_signature(call, now_s, err) < 0)
        return -1;
    snprintf(call->user_arn, sizeof(call->user_arn), "arn:aws:iam::%s:root",
             call->options->account);
    return 0;
}
