/* Start, stop, reboot and terminate: handlers say what is desired, the controller does it. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/handlers.h"
#include "service/ec2/ids.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/interface.h"

#include <string.h>

static const char kind[] = "instance";

/* What an operation does to one instance that is its own to change. */
typedef int instance_action(struct call *call, json_t *instance, struct err *err);

/* The first pass finds what is wrong before anything is changed. */
typedef int instance_check(const json_t *instance, struct err *err);

static int check_all(const struct call *call, instance_check *check, struct err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, item) {
        const json_t *instance = ec2_find(call, kind, json_string_value(item), err);
        if (!instance || check(instance, err) < 0)
            return -1;
    }
    return 0;
}

static json_t *change_row(const char *id, const json_t *before, const json_t *instance)
{
    return json_pack("{s:s, s:O, s:O}", "InstanceId", id, "PreviousState", before, "CurrentState",
                     json_object_get(instance, "State"));
}

/* Checks all, acts on each; `list`: the member of the output, NULL if there is none. */
static int act_on_all(struct call *call, const char *list, instance_check *check,
                      instance_action *act, struct err *err)
{
    json_auto_t *changes = json_array();
    size_t i;
    const json_t *item;
    if (list)
        json_object_set(call->out, list, changes);
    if (check_all(call, check, err) < 0)
        return -1;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, item) {
        const char *id = json_string_value(item);
        json_t *instance = txn_edit(call->txn, kind, call->region, id);
        json_auto_t *before = json_incref(json_object_get(instance, "State"));
        if (act(call, instance, err) < 0)
            return -1;
        json_array_append_new(changes, change_row(id, before, instance));
    }
    return 0;
}

static int wrong_state(const json_t *instance, const char *done, struct err *err)
{
    return err_aws(err, "IncorrectInstanceState",
                   "The instance '%s' is not in a state from which it can be %s.",
                   doc_text(instance, "InstanceId"), done);
}

static void set_number(json_t *instance, const char *member, int64_t number)
{
    json_object_set_new(instance, member, json_integer(number));
}

/* ---- start ---- */

static int check_start(const json_t *instance, struct err *err)
{
    if (instance_is(instance, "stopped") || instance_is(instance, "pending") ||
        instance_is(instance, "running"))
        return 0;
    return wrong_state(instance, "started", err);
}

static int start(struct call *call, json_t *instance, struct err *err)
{
    const json_t *interfaces = json_object_get(instance, "NetworkInterfaces");
    if (!instance_is(instance, "stopped"))
        return 0;
    json_object_set_new(instance, "_desired", json_string("running"));
    json_object_del(instance, "_force_stop");
    set_number(instance, "_boot", doc_number(instance, "_boot") + 1);
    json_object_set_new(instance, "LaunchTime", call_now(call));
    instance_clear_reason(instance);
    instance_move(instance, "pending");
    if (json_array_size(interfaces) != 1)
        return 0; /* as on AWS, no public address is assigned then */
    return ec2_interface_acquire_public(
        call, doc_text(json_array_get(interfaces, 0), "NetworkInterfaceId"), err);
}

int ec2_StartInstances(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InstanceIds", err) < 0)
        return -1;
    return act_on_all(call, "StartingInstances", check_start, start, err);
}

/* ---- stop ---- */

static int check_stop(const json_t *instance, struct err *err)
{
    if (doc_flag(instance, "_stop_protection"))
        return err_aws(err, "OperationNotPermitted",
                       "The instance '%s' may not be stopped. Modify its 'disableApiStop' "
                       "instance attribute and try again.",
                       doc_text(instance, "InstanceId"));
    if (instance_is(instance, "shutting-down") || instance_is(instance, "terminated"))
        return wrong_state(instance, "stopped", err);
    return 0;
}

static int stop(struct call *call, json_t *instance, struct err *err)
{
    (void)err;
    if (doc_flag(call->in, "Force") && !instance_is(instance, "stopped"))
        json_object_set_new(instance, "_force_stop", json_true());
    if (instance_is(instance, "stopped") || instance_is(instance, "stopping"))
        return 0;
    json_object_set_new(instance, "_desired", json_string("stopped"));
    instance_set_user_reason(instance, "Client.UserInitiatedShutdown", "User initiated shutdown",
                             call->now_ms);
    instance_move(instance, "stopping");
    return 0;
}

int ec2_StopInstances(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InstanceIds Force", err) < 0)
        return -1;
    return act_on_all(call, "StoppingInstances", check_stop, stop, err);
}

/* ---- reboot ---- */

static int check_reboot(const json_t *instance, struct err *err)
{
    if (instance_is(instance, "running") || instance_is(instance, "pending"))
        return 0;
    return wrong_state(instance, "rebooted", err);
}

static int reboot(struct call *call, json_t *instance, struct err *err)
{
    (void)call, (void)err;
    /* One that is still starting, or is being rebooted already, has its boot ahead of it. */
    if (doc_number(instance, "_running_boot") == doc_number(instance, "_boot"))
        set_number(instance, "_boot", doc_number(instance, "_boot") + 1);
    return 0;
}

int ec2_RebootInstances(struct call *call, struct err *err)
{
    return act_on_all(call, NULL, check_reboot, reboot, err);
}

/* ---- terminate ---- */

static int check_terminate(const json_t *instance, struct err *err)
{
    if (!doc_flag(instance, "_termination_protection") || instance_is(instance, "terminated"))
        return 0;
    return err_aws(err, "OperationNotPermitted",
                   "The instance '%s' may not be terminated. Modify its 'disableApiTermination' "
                   "instance attribute and try again.",
                   doc_text(instance, "InstanceId"));
}

static int terminate(struct call *call, json_t *instance, struct err *err)
{
    (void)err;
    if (doc_flag(call->in, "Force"))
        json_object_set_new(instance, "_force_stop", json_true());
    if (instance_is(instance, "terminated") || instance_is(instance, "shutting-down"))
        return 0;
    json_object_set_new(instance, "_desired", json_string("terminated"));
    instance_set_user_reason(instance, "Client.UserInitiatedShutdown", "User initiated shutdown",
                             call->now_ms);
    instance_move(instance, "shutting-down");
    return 0;
}

int ec2_TerminateInstances(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InstanceIds Force", err) < 0)
        return -1;
    return act_on_all(call, "TerminatingInstances", check_terminate, terminate, err);
}

/* ---- monitoring ---- */

static int set_monitoring(struct call *call, const char *state, struct err *err)
{
    json_t *rows = json_array();
    json_object_set_new(call->out, "InstanceMonitorings", rows);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(call->in, "InstanceIds"), i, item) {
        json_t *instance = ec2_edit(call, kind, json_string_value(item), err);
        if (!instance)
            return -1;
        json_object_set_new(instance, "Monitoring", json_pack("{s:s}", "State", state));
        json_array_append_new(rows, json_pack("{s:O, s:O}", "InstanceId", item, "Monitoring",
                                              json_object_get(instance, "Monitoring")));
    }
    return 0;
}

int ec2_MonitorInstances(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InstanceIds", err) < 0)
        return -1;
    return set_monitoring(call, "enabled", err);
}

int ec2_UnmonitorInstances(struct call *call, struct err *err)
{
    if (call_accept(call->in, "InstanceIds", err) < 0)
        return -1;
    return set_monitoring(call, "disabled", err);
}
