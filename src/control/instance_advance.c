/*
 * How observed state follows from reports and from what is desired.
 *
 * `_boot` counts the starts that were asked for, `_running_boot` is the last that the host reported
 * as started and `_exited_boot` the last that ended. An instance is up while the former exceeds
 * the latter, and at rest for good when its last boot has ended.
 */
#include "control/instances_impl.h"

#include "service/doc.h"
#include "service/ec2/instance_state.h"
#include "service/ec2/interface.h"
#include "service/ec2/volume.h"

#include <stdio.h>
#include <string.h>

enum { FORGET_MS = 3600 * 1000 };

static const char kind[] = "instance";

bool instance_is_up(const json_t *instance)
{
    return doc_number(instance, "_running_boot") > doc_number(instance, "_exited_boot");
}

static void set_number(json_t *instance, const char *member, int64_t number)
{
    json_object_set_new(instance, member, json_integer(number));
}

/* The instance ended its last boot although it should run: what the user chose happens. */
static void end_by_itself(json_t *instance, const char *text)
{
    bool lost = strcmp(text, INSTANCE_TEXT_LOST) == 0;
    bool terminates = !lost && doc_is(instance, "_shutdown_behavior", "terminate");
    bool killed = lost || strstr(text, "signal") != NULL;
    json_object_set_new(instance, "_desired", json_string(terminates ? "terminated" : "stopped"));
    instance_move(instance, terminates ? "shutting-down" : "stopping");
    if (killed)
        instance_set_reason(instance, "Server.InternalError", text);
    else
        instance_set_reason(instance, "Client.InstanceInitiatedShutdown",
                            "Instance initiated shutdown");
}

/* A first start that fails ends the instance; a later one leaves it stopped, with its disk. */
static void fail_start(json_t *instance, const char *text)
{
    char reason[512];
    bool first = doc_number(instance, "_running_boot") == 0;
    snprintf(reason, sizeof reason, "Internal error on launch%s%s", text[0] ? ": " : "", text);
    json_object_set_new(instance, "_desired", json_string(first ? "terminated" : "stopped"));
    instance_move(instance, first ? "shutting-down" : "stopping");
    instance_set_reason(instance, "Server.InternalError", reason);
}

/* Rebooted from within, or lost with its host and to be recovered: the user wants it to run. */
static bool goes_on(const json_t *instance, const char *text)
{
    const json_t *options = json_object_get(instance, "MaintenanceOptions");
    if (strcmp(text, INSTANCE_TEXT_LOST) == 0)
        return !doc_is(options, "AutoRecovery", "disabled");
    return strcmp(text, INSTANCE_TEXT_RESTARTED) == 0;
}

static void started(struct call *call, json_t *instance, int64_t boot)
{
    set_number(instance, "_running_boot", boot);
    set_number(instance, "_started_ms", call->now_ms);
    if (!instance_is(instance, "pending"))
        return;
    instance_clear_reason(instance);
    instance_move(instance, "running");
    volumes_instance_started(call, instance);
}

static void ended(json_t *instance, int64_t boot, bool failed, const char *text)
{
    int64_t last = doc_number(instance, "_boot");
    set_number(instance, "_exited_boot", boot);
    if (!doc_is(instance, "_desired", "running") || boot < last)
        return;
    if (failed)
        fail_start(instance, text);
    else if (goes_on(instance, text))
        set_number(instance, "_boot", last + 1);
    else
        end_by_itself(instance, text);
}

static void removed(struct call *call, json_t *instance)
{
    char slot[24];
    snprintf(slot, sizeof slot, "%lld", (long long)doc_number(instance, "_slot"));
    txn_delete(call->txn, "slot", "", slot);
    json_object_set_new(instance, "_removed", json_true());
}

/*
 * The boot that a report is about. Boot 0 means that the host does not have the instance: that
 * answers the wish that it should not run, and says nothing about one that should.
 */
static int64_t boot_of(const json_t *instance, const struct message_instance_state *report)
{
    bool should_run = doc_is(instance, "_desired", "running");
    return report->boot || should_run ? (int64_t)report->boot : doc_number(instance, "_boot");
}

/* Most reports after a restart repeat what is known. */
static bool is_news(const json_t *instance, const struct message_instance_state *report)
{
    int64_t boot = boot_of(instance, report);
    if (report->report == INSTANCE_REMOVED)
        return instance_is(instance, "terminated") && !doc_flag(instance, "_removed");
    if (boot > doc_number(instance, "_boot"))
        return false;
    if (report->report == INSTANCE_STARTED)
        return boot > doc_number(instance, "_running_boot");
    return (report->report == INSTANCE_EXITED || report->report == INSTANCE_FAILED) &&
           boot > doc_number(instance, "_exited_boot");
}

void instance_apply_report(struct call *call, const char *id,
                           const struct message_instance_state *report)
{
    const json_t *known = store_get(call->store, kind, call->region, id);
    if (!known || !is_news(known, report))
        return;
    json_t *instance = txn_edit(call->txn, kind, call->region, id);
    int64_t boot = boot_of(instance, report);
    if (report->report == INSTANCE_REMOVED)
        removed(call, instance);
    else if (report->report == INSTANCE_STARTED)
        started(call, instance, boot);
    else
        ended(instance, boot, report->report == INSTANCE_FAILED, report->text);
}

/* What is done to each interface of an instance; it may drop out of the document by that. */
static void each_interface(struct call *call, const json_t *instance,
                           void (*act)(struct call *call, const char *id))
{
    size_t i;
    const json_t *interface;
    json_auto_t *interfaces = json_copy(json_object_get(instance, "NetworkInterfaces"));
    json_array_foreach (interfaces, i, interface)
        act(call, doc_text(interface, "NetworkInterfaceId"));
}

/* A terminated instance has no interface and no addresses any more, and shows none. */
static void strip(struct call *call, json_t *instance)
{
    static const char *const gone[] = {"PrivateIpAddress", "PublicIpAddress", "SubnetId", "VpcId"};
    each_interface(call, instance, ec2_interface_leave);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        json_object_del(instance, gone[i]);
    json_object_set_new(instance, "NetworkInterfaces", json_array());
    json_object_set_new(instance, "SecurityGroups", json_array());
    json_object_set_new(instance, "PrivateDnsName", json_string(""));
    json_object_set_new(instance, "PublicDnsName", json_string(""));
}

static void become_stopped(struct call *call, json_t *instance)
{
    instance_move(instance, "stopped");
    json_object_del(instance, "_force_stop");
    each_interface(call, instance, ec2_interface_release_public);
}

static void become_terminated(struct call *call, json_t *instance)
{
    instance_move(instance, "terminated");
    strip(call, instance);
    volumes_instance_terminated(call, instance);
    set_number(instance, "_terminated_ms", call->now_ms);
    set_number(instance, "_forget_ms", call->now_ms + FORGET_MS);
}

/*
 * Whether nothing of it runs or will run. A reboot that was called off never starts: the last boot
 * that did has ended, and the host hears of no other.
 */
static bool is_at_rest(const json_t *instance)
{
    int64_t exited = doc_number(instance, "_exited_boot");
    bool called_off = !doc_is(instance, "_desired", "running") && exited > 0 &&
                      exited >= doc_number(instance, "_running_boot");
    return called_off || exited >= doc_number(instance, "_boot");
}

bool instance_network_moves(const json_t *instance)
{
    size_t i;
    const json_t *interface;
    json_array_foreach (json_object_get(instance, "NetworkInterfaces"), i, interface)
        if (!doc_is(json_object_get(interface, "Attachment"), "Status", "attached"))
            return true;
    return false;
}

void instance_check(struct call *call, const char *id, bool unreachable)
{
    const json_t *instance = store_get(call->store, kind, call->region, id);
    bool fails = unreachable && instance_is(instance, "running");
    if (fails == (doc_number(instance, "_unreachable_ms") != 0))
        return;
    json_t *edited = txn_edit(call->txn, kind, call->region, id);
    if (fails)
        set_number(edited, "_unreachable_ms", call->now_ms);
    else
        json_object_del(edited, "_unreachable_ms");
}

void instance_advance(struct call *call, const char *id, bool has_network)
{
    const json_t *instance = store_get(call->store, kind, call->region, id);
    bool rests = is_at_rest(instance);
    if (instance_network_moves(instance) && (has_network || rests))
        each_interface(call, instance, ec2_interface_go_on);
    if (!rests)
        return;
    if (instance_is(instance, "stopping"))
        become_stopped(call, txn_edit(call->txn, kind, call->region, id));
    else if (instance_is(instance, "shutting-down"))
        become_terminated(call, txn_edit(call->txn, kind, call->region, id));
}
