/* Security Token Service: who is calling. */
#include "service/call.h"

#include <string.h>

static int sts_GetCallerIdentity(struct call *call, struct err *err)
{
    (void)err;
    const char *user = strrchr(call->user_arn, ':');
    bool is_root = user && strcmp(user, ":root") == 0;
    json_object_set_new(call->out, "Account", json_string(call->account));
    json_object_set_new(call->out, "Arn", json_string(call->user_arn));
    return json_object_set_new(call->out, "UserId",
                               json_string(is_root ? call->account : call->access_key));
}

static const struct service_operation operations[] = {
    {"GetCallerIdentity", sts_GetCallerIdentity},
    {NULL, NULL},
};

const struct service sts_service = {
    .name = "sts",
    .operations = operations,
};
