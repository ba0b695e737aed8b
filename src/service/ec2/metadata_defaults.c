/* What instances of a region begin with when a launch says nothing of their metadata service. */
#include "service/ec2/metadata_defaults.h"

#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"

#include <string.h>

static const char kind[] = "metadata-defaults", id[] = "account",
                  hop_limit[] = "HttpPutResponseHopLimit";

static const char *const members[] = {"HttpTokens", "HttpEndpoint", "InstanceMetadataTags",
                                      "HttpPutResponseHopLimit"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* "no-preference" and -1 take a default away. */
static bool is_preference(const json_t *value)
{
    if (json_is_integer(value))
        return json_integer_value(value) != -1;
    return strcmp(json_string_value(value), "no-preference") != 0;
}

int ec2_ModifyInstanceMetadataDefaults(struct call *call, struct err *err)
{
    const json_t *hops = json_object_get(call->in, hop_limit);
    int64_t limit = json_integer_value(hops);
    if (call_accept(call->in,
                    "HttpTokens HttpEndpoint InstanceMetadataTags HttpPutResponseHopLimit "
                    "HttpTokensEnforced=disabled",
                    err) < 0)
        return -1;
    if (hops && limit != -1 && (limit < 1 || limit > 64))
        return err_aws(err, "InvalidParameterValue",
                       "Value (%lld) for parameter HttpPutResponseHopLimit is invalid.",
                       (long long)limit);
    json_t *defaults =
        json_copy((json_t *)(uintptr_t)store_get(call->store, kind, call->region, id));
    if (!defaults)
        defaults = json_object();
    for (size_t i = 0; i < COUNT(members); i++) {
        json_t *value = json_object_get(call->in, members[i]);
        if (value && is_preference(value))
            json_object_set(defaults, members[i], value);
        else if (value)
            json_object_del(defaults, members[i]);
    }
    txn_put(call->txn, kind, call->region, id, defaults);
    return json_object_set_new(call->out, "Return", json_true());
}

int ec2_GetInstanceMetadataDefaults(struct call *call, struct err *err)
{
    (void)err;
    json_t *shown = json_object();
    metadata_defaults_apply(call, shown);
    json_object_set_new(shown, "ManagedBy", json_string("account"));
    return json_object_set_new(call->out, "AccountLevel", shown);
}

void metadata_defaults_apply(const struct call *call, json_t *options)
{
    const json_t *defaults = store_get(call->store, kind, call->region, id);
    for (size_t i = 0; i < COUNT(members); i++) {
        json_t *value = json_object_get(defaults, members[i]);
        if (value)
            json_object_set(options, members[i], value);
    }
}
