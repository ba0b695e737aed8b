/* Rules of composite alarms. */
#include "service/cloudwatch/alarm_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

/* "hot" and "hot too" are in ALARM, "fine" is OK, "new" has no data; there are no others. */
static const char *state_of(void *arg, const char *name)
{
    int *asked = arg;
    ++*asked;
    if (!strncmp(name, "hot", 3))
        return "ALARM";
    if (!strcmp(name, "new"))
        return "INSUFFICIENT_DATA";
    return strcmp(name, "fine") ? NULL : "OK";
}

static int holds(const char *rule)
{
    struct err err;
    int asked = 0;
    return alarm_rule_holds(rule, state_of, &asked, &err);
}

static void a_rule_holds_or_not(void **state)
{
    (void)state;
    static const struct {
        int holds;
        const char *rule;
    } rows[] = {
        {1, "ALARM(hot)"},
        {1, "ALARM(\"hot too\") AND OK(fine)"},
        {1, "ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:hot)"},
        {1, "ALARM('arn:aws:cloudwatch:us-east-1:000000000000:alarm:hot too')"},
        {1, "INSUFFICIENT_DATA( new )"},
        {0, "ALARM(nobody) OR OK(nobody)"},
        {1, "NOT ALARM(nobody)"},
        {1, "FALSE AND FALSE OR TRUE"},
        {0, "FALSE AND (FALSE OR TRUE)"},
        {1, "NOT (ALARM(fine) OR ALARM(new)) AND NOT NOT TRUE"},
        {1, "AT_LEAST(2, ALARM, (hot, \"hot too\", fine))"},
        {0, "AT_LEAST(3, ALARM, (hot, \"hot too\", fine))"},
        {1, "AT_LEAST(50%, NOT ALARM, (hot, fine))"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (holds(rows[i].rule) != rows[i].holds)
            fail_msg("%s", rows[i].rule);
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "",
        "hot",
        "ALARM",
        "ALARM(hot",
        "ALARM()",
        "ALARM(hot)) ",
        "ALARM(hot) OK(fine)",
        "TRUE AND",
        "AT_LEAST(0, ALARM, (hot))",
        "AT_LEAST(1, hot)",
        "ALARMS(hot)",
        "OR TRUE",
        "((((((((((((((((((((((((((((((((((TRUE))))))))))))))))))))))))))))))))))",
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (holds(rules[i]) != -1)
            fail_msg("%s", rules[i]);
}

/* So that who checks a rule sees all of its alarms. */
static void every_alarm_is_asked_for(void **state)
{
    (void)state;
    struct err err;
    int asked = 0;
    alarm_rule_holds("ALARM(hot) OR ALARM(fine) AND AT_LEAST(1, OK, (new, fine))", state_of, &asked,
                     &err);
    assert_int_equal(asked, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_holds_or_not),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(every_alarm_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
