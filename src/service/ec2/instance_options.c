/* Options of instances that have operations of their own: credits, maintenance, placement. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/placement_group.h"

#include <string.h>

static const char kind[] = "instance";

/* ---- ModifyInstanceCreditSpecification ---- */

static json_t *failed_row(const char *id, const char *code, const char *text)
{
    return json_pack("{s:s, s:{s:s, s:s}}", "InstanceId", id, "Error", "Code", code, "Message",
                     text);
}

/* Each instance succeeds or fails by itself. */
static void set_credits(struct call *call, const char *id, const char *credits, json_t *done,
                        json_t *failed)
{
    struct err err;
    const json_t *instance = ec2_find(call, kind, id, &err);
    if (!instance)
        json_array_append_new(failed, failed_row(id, err.code, err.text));
    else if (!json_object_get(instance, "_credits"))
        json_array_append_new(failed, failed_row(id, "InstanceCreditSpecification.NotSupported",
                                                 "The instance type does not have CPU credits."));
    else if (!instance_is(instance, "running") && !instance_is(instance, "stopped"))
        json_array_append_new(failed, failed_row(id, "IncorrectInstanceState",
                                                 "The instance is not running or stopped."));
    else {
        json_object_set_new(txn_edit(call->txn, kind, call->region, id), "_credits",
                            json_string(credits));
        json_array_append_new(done, json_pack("{s:s}", "InstanceId", id));
    }
}

int ec2_ModifyInstanceCreditSpecification(struct call *call, struct err *err)
{
    const json_t *wanted = json_object_get(call->in, "InstanceCreditSpecifications"), *row;
    json_t *done = json_array(), *failed = json_array();
    json_object_set_new(call->out, "SuccessfulInstanceCreditSpecifications", done);
    json_object_set_new(call->out, "UnsuccessfulInstanceCreditSpecifications", failed);
    size_t i;
    json_array_foreach (wanted, i, row) {
        const char *credits = doc_text(row, "CpuCredits");
        if (strcmp(credits, "standard") != 0 && strcmp(credits, "unlimited") != 0)
            return err_aws(err, "InvalidParameterValue",
                           "Value (%.40s) for parameter CpuCredits is invalid. Valid values are "
                           "'standard' and 'unlimited'.",
                           credits);
        set_credits(call, doc_text(row, "InstanceId"), credits, done, failed);
    }
    return 0;
}

/* ---- ModifyInstanceMaintenanceOptions ---- */

int ec2_ModifyInstanceMaintenanceOptions(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || call_accept(call->in, "InstanceId AutoRecovery RebootMigration=default", err) < 0)
        return -1;
    json_t *instance = ec2_edit(call, kind, id, err);
    if (!instance)
        return -1;
    json_t *options = json_object_get(instance, "MaintenanceOptions");
    if (json_object_get(call->in, "AutoRecovery"))
        json_object_set(options, "AutoRecovery", json_object_get(call->in, "AutoRecovery"));
    json_object_set_new(call->out, "InstanceId", json_string(id));
    return json_object_update(call->out, options);
}

/* ---- ModifyInstancePlacement ---- */

int ec2_ModifyInstancePlacement(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || call_accept(call->in,
                           "InstanceId GroupName GroupId PartitionNumber Tenancy=default "
                           "Affinity=default",
                           err) < 0)
        return -1;
    json_t *instance = ec2_edit(call, kind, id, err);
    if (!instance)
        return -1;
    if (!instance_is(instance, "stopped"))
        return err_aws(err, "IncorrectInstanceState",
                       "The instance '%s' is not in the 'stopped' state.", id);
    json_t *placement = json_object_get(instance, "Placement");
    if (json_object_get(call->in, "GroupName") || json_object_get(call->in, "GroupId")) {
        json_object_set_new(placement, "GroupName", json_string(""));
        json_object_del(placement, "GroupId");
        json_object_del(placement, "PartitionNumber");
    }
    if (placement_group_join(call, call->in, placement, err) < 0)
        return -1;
    return json_object_set_new(call->out, "Return", json_true());
}

/* ---- GetPasswordData ---- */

/* Only Windows has a password to give. */
int ec2_GetPasswordData(struct call *call, struct err *err)
{
    const char *id = ec2_required(call, "InstanceId", err);
    if (!id || !ec2_find(call, kind, id, err))
        return -1;
    json_object_set_new(call->out, "InstanceId", json_string(id));
    json_object_set_new(call->out, "PasswordData", json_string(""));
    return json_object_set_new(call->out, "Timestamp", call_now(call));
}
