/* PutCompositeAlarm: an alarm on the states of other alarms. */
#include "service/accept.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/alarm_rule.h"
#include "service/cloudwatch/operations.h"
#include "service/doc.h"

#include <string.h>

static const char *const settings[] = {
    "AlarmDescription",
    "AlarmRule",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
    NULL,
};

/* A rule that is walked through, with the rules of the composite alarms that it names. */
struct walk {
    const struct call *call;
    const char *name; /* of the alarm that is put */
    const char *missing;
    char missing_name[ALARM_RULE_NAME_SIZE];
    bool is_tangled; /* goes in a circle, or too far */
    int depth, visits;
};

enum { RULES_DEEP_MAX = 10, RULES_VISITS_MAX = 2000 };

static const char *walk_to(void *arg, const char *name)
{
    struct walk *walk = arg;
    struct err ignored;
    const json_t *alarm = store_get(walk->call->store, alarm_kind, walk->call->region, name);
    if (!strcmp(name, walk->name) || walk->depth == RULES_DEEP_MAX ||
        ++walk->visits > RULES_VISITS_MAX) {
        walk->is_tangled = true;
    } else if (!alarm && !walk->missing) {
        size_t size = strnlen(name, sizeof walk->missing_name - 1);
        memcpy(walk->missing_name, name, size);
        walk->missing = walk->missing_name;
    } else if (json_object_get(alarm, "AlarmRule") && !walk->is_tangled) {
        walk->depth++;
        alarm_rule_holds(doc_text(alarm, "AlarmRule"), walk_to, walk, &ignored);
        walk->depth--;
    }
    return NULL;
}

static int check_rule(const struct call *call, struct err *err)
{
    struct walk walk = {.call = call, .name = doc_text(call->in, "AlarmName")};
    if (alarm_rule_holds(doc_text(call->in, "AlarmRule"), walk_to, &walk, err) < 0)
        return -1;
    if (walk.is_tangled)
        return err_aws(
            err, "ValidationError",
            "AlarmRule is not valid: composite alarms stand on each other in a circle, or "
            "more than %d deep, or on too many others",
            RULES_DEEP_MAX);
    if (walk.missing)
        return err_aws(err, "ValidationError", "AlarmRule is not valid: there is no alarm '%.255s'",
                       walk.missing);
    return 0;
}

static int check_suppressor(const struct call *call, struct err *err)
{
    const char *suppressor = doc_text(call->in, "ActionsSuppressor");
    bool has_wait = json_object_get(call->in, "ActionsSuppressorWaitPeriod");
    bool has_extension = json_object_get(call->in, "ActionsSuppressorExtensionPeriod");
    if (!*suppressor && !has_wait && !has_extension)
        return 0;
    if (!*suppressor || !has_wait || !has_extension)
        return err_aws(err, "ValidationError",
                       "ActionsSuppressor, ActionsSuppressorWaitPeriod and "
                       "ActionsSuppressorExtensionPeriod must be specified together");
    if (doc_number(call->in, "ActionsSuppressorWaitPeriod") < 0 ||
        doc_number(call->in, "ActionsSuppressorExtensionPeriod") < 0)
        return err_aws(err, "ValidationError",
                       "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not "
                       "be negative");
    if (!store_get(call->store, alarm_kind, call->region, alarm_rule_name(suppressor)))
        return err_aws(err, "ValidationError", "There is no alarm '%.255s' to suppress actions",
                       suppressor);
    return 0;
}

int cloudwatch_PutCompositeAlarm(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "AlarmName AlarmDescription AlarmRule ActionsEnabled OKActions AlarmActions "
                    "InsufficientDataActions ActionsSuppressor ActionsSuppressorWaitPeriod "
                    "ActionsSuppressorExtensionPeriod Tags",
                    err) < 0 ||
        check_rule(call, err) < 0 || check_suppressor(call, err) < 0 ||
        alarm_check_actions(call, call->in, err) < 0)
        return -1;
    return alarm_put(call, settings, err) ? 0 : -1;
}
