/* Security Token Service: who is calling, and credentials for a while. */
#include "service/accept.h"
#include "service/call.h"
#include "service/doc.h"
#include "service/sts/credentials.h"

enum { SESSION_MAX_S = 3600 }; /* of an account's root */

static int sts_GetCallerIdentity(struct call *call, struct err *err)
{
    (void)err;
    const json_t *session = sts_find(call->store, call->access_key);
    const char *user_id = session ? doc_text(session, "_user_id") : call->account;
    json_object_set_new(call->out, "Account", json_string(call->account));
    json_object_set_new(call->out, "Arn", json_string(call->user_arn));
    return json_object_set_new(call->out, "UserId", json_string(user_id));
}

static int sts_GetSessionToken(struct call *call, struct err *err)
{
    if (sts_find(call->store, call->access_key))
        return err_aws(err, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    if (json_object_get(call->in, "SerialNumber") || json_object_get(call->in, "TokenCode"))
        return err_aws(err, "AccessDenied",
                       "MultiFactorAuthentication failed, unable to validate MFA code.  Please "
                       "verify your MFA serial number is valid and associated with this user.");
    if (call_accept(call->in, "DurationSeconds MinimumSessionTokenSize", err) < 0)
        return -1;
    int64_t duration_s = doc_number(call->in, "DurationSeconds");
    int64_t token_size = doc_number(call->in, "MinimumSessionTokenSize");
    struct sts_order order = {
        .arn = call->user_arn,
        .user_id = call->account,
        .duration_s = duration_s && duration_s < SESSION_MAX_S ? duration_s : SESSION_MAX_S,
        .token_size_min = token_size > 0 ? (size_t)token_size : 0,
    };
    json_t *credentials;
    if (sts_issue(call, &order, &credentials, err) < 0)
        return -1;
    return json_object_set_new(call->out, "Credentials", credentials);
}

static int sts_GetAccessKeyInfo(struct call *call, struct err *err)
{
    char account[13];
    if (!sts_read_account(doc_text(call->in, "AccessKeyId"), account))
        return err_aws(err, "ValidationError", "The access key ID is not valid.");
    return json_object_set_new(call->out, "Account", json_string(account));
}

static const struct service_operation operations[] = {
    {"GetAccessKeyInfo", sts_GetAccessKeyInfo},
    {"GetCallerIdentity", sts_GetCallerIdentity},
    {"GetSessionToken", sts_GetSessionToken},
    {NULL, NULL},
};

const struct service sts_service = {
    .name = "sts",
    .operations = operations,
};
