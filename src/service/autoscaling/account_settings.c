/*
 * The account's settings. There is one: whether groups without a maintenance policy launch before
 * they terminate. Here they do not, and it cannot be switched on.
 */
#include "service/autoscaling/operations.h"
#include "service/doc.h"

#include <string.h>

static const char launch_first[] = "launchBeforeTerminate";

static int check_name(const struct call *call, struct err *err)
{
    if (doc_is(call->in, "Name", launch_first))
        return 0;
    return err_aws(err, "ValidationError", "There is no account setting %s.",
                   doc_text(call->in, "Name"));
}

int autoscaling_DescribeAccountSettings(struct call *call, struct err *err)
{
    if (json_object_get(call->in, "Name") && check_name(call, err) < 0)
        return -1;
    json_auto_t *settings = json_pack("[{s:s, s:s, s:s}]", "Name", launch_first, "Value",
                                      "disabled", "EnforcementType", "none");
    return call_page(call, &autoscaling_paging, settings, "Settings", err);
}

int autoscaling_PutAccountSetting(struct call *call, struct err *err)
{
    if (check_name(call, err) < 0)
        return -1;
    if (doc_is(call->in, "Value", "disabled"))
        return 0;
    if (!doc_is(call->in, "Value", "enabled"))
        return err_aws(err, "ValidationError", "Value must be one of [enabled, disabled].");
    return err_aws(err, "UnsupportedOperation",
                   "The account setting %s cannot be enabled: set an InstanceMaintenancePolicy on "
                   "the groups.",
                   launch_first);
}
