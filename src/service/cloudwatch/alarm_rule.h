/*
 * The rule of a composite alarm: a sentence about the states of other alarms. Pure.
 *
 *     or      := and ("OR" and)*
 *     and     := not ("AND" not)*
 *     not     := "NOT" not | "(" or ")" | "TRUE" | "FALSE" | STATE "(" alarm ")"
 *              | "AT_LEAST" "(" number ["%"] "," ["NOT"] STATE "," "(" alarm ("," alarm)* ")" ")"
 *     STATE   := "ALARM" | "OK" | "INSUFFICIENT_DATA"
 *     alarm   := a name or ARN, in quotes when it has blanks or brackets
 *
 * Amazon CloudWatch API Reference, PutCompositeAlarm.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

enum { ALARM_RULE_ALARMS_MAX = 100, ALARM_RULE_NAME_SIZE = 256 };

/* The state of an alarm: "ALARM" ... NULL: there is no such alarm, and the rule does not hold. */
typedef const char *alarm_rule_state(void *arg, const char *name);

/*
 * Whether the rule holds: 1 or 0, or -1 and err if it is not a rule. Asks for every alarm that it
 * names, in their order, also where the answer is known already.
 */
int alarm_rule_holds(const char *rule, alarm_rule_state *state_of, void *arg, struct err *err);
/* The name in an ARN of an alarm; whatever is not one is a name already. */
const char *alarm_rule_name(const char *name_or_arn);
