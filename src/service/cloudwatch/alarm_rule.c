#include "service/cloudwatch/alarm_rule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct reader {
    const char *next;
    alarm_rule_state *state_of;
    void *arg;
    struct err *err;
    int depth, alarms;
    bool failed; /* err says why; whatever is read from then on does not count */
};

static bool read_or(struct reader *reader);

static bool fail(struct reader *reader, const char *what)
{
    if (!reader->failed)
        err_aws(reader->err, "ValidationError", "AlarmRule is not valid: %s", what);
    reader->failed = true;
    return false;
}

static void skip_space(struct reader *reader)
{
    while (isspace((unsigned char)*reader->next))
        reader->next++;
}

/* Takes `token` if it comes next; one of letters only as a whole word. */
static bool take(struct reader *reader, const char *token)
{
    size_t size = strlen(token);
    skip_space(reader);
    if (strncmp(reader->next, token, size))
        return false;
    unsigned char after = (unsigned char)reader->next[size];
    if (isalpha((unsigned char)*token) && (isalnum(after) || after == '_'))
        return false;
    reader->next += size;
    return true;
}

static void expect(struct reader *reader, const char *token)
{
    if (!reader->failed && !take(reader, token))
        fail(reader, "a bracket or a comma is missing");
}

const char *alarm_rule_name(const char *name_or_arn)
{
    const char *name = strncmp(name_or_arn, "arn:", 4) ? NULL : strstr(name_or_arn, ":alarm:");
    return name ? name + strlen(":alarm:") : name_or_arn;
}

/* The next alarm's state; "" if there is no such alarm. */
static const char *read_alarm(struct reader *reader)
{
    char text[ALARM_RULE_NAME_SIZE + 128]; /* an ARN is longer than a name */
    skip_space(reader);
    char quote = *reader->next == '"' || *reader->next == '\'' ? *reader->next : 0;
    const char ends[] = {quote, '\0'};
    const char *begin = reader->next + (quote != 0);
    size_t size = strcspn(begin, quote ? ends : " \t\r\n(),\"'");
    if (!size || size >= sizeof text || (quote && begin[size] != quote)) {
        fail(reader, "the name of an alarm is missing or too long");
        return "";
    }
    memcpy(text, begin, size);
    text[size] = '\0';
    reader->next = begin + size + (quote != 0);
    if (++reader->alarms > ALARM_RULE_ALARMS_MAX) {
        fail(reader, "it names too many alarms");
        return "";
    }
    const char *state = reader->state_of(reader->arg, alarm_rule_name(text));
    return state ? state : "";
}

static const char *take_state(struct reader *reader)
{
    static const char *const states[] = {"ALARM", "OK", "INSUFFICIENT_DATA"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (take(reader, states[i]))
            return states[i];
    return NULL;
}

/* AT_LEAST(2, ALARM, (a, b, c)), after its name; the number may be a percentage of the alarms. */
static bool read_at_least(struct reader *reader)
{
    int total = 0, fitting = 0;
    char *end;
    expect(reader, "(");
    skip_space(reader);
    long needed = strtol(reader->next, &end, 10);
    if (end == reader->next || needed < 1 || needed > ALARM_RULE_ALARMS_MAX)
        return fail(reader, "AT_LEAST needs a number");
    reader->next = end;
    bool is_percent = take(reader, "%");
    expect(reader, ",");
    bool negates = take(reader, "NOT");
    const char *state = take_state(reader);
    if (!state)
        return fail(reader, "AT_LEAST needs a state");
    expect(reader, ",");
    expect(reader, "(");
    do {
        const char *found = read_alarm(reader);
        total++;
        fitting += *found && (strcmp(found, state) == 0) != negates;
    } while (!reader->failed && take(reader, ","));
    expect(reader, ")");
    expect(reader, ")");
    return is_percent ? fitting * 100 >= needed * total : fitting >= needed;
}

static bool read_not(struct reader *reader)
{
    if (reader->failed || ++reader->depth > DEPTH_MAX)
        return fail(reader, "too many brackets within brackets");
    bool holds;
    const char *state;
    if (take(reader, "NOT")) {
        holds = !read_not(reader);
    } else if (take(reader, "(")) {
        holds = read_or(reader);
        expect(reader, ")");
    } else if (take(reader, "TRUE")) {
        holds = true;
    } else if (take(reader, "FALSE")) {
        holds = false;
    } else if (take(reader, "AT_LEAST")) {
        holds = read_at_least(reader);
    } else if ((state = take_state(reader))) {
        expect(reader, "(");
        holds = !strcmp(read_alarm(reader), state);
        expect(reader, ")");
    } else {
        return fail(reader, "a state such as ALARM(name) is missing");
    }
    reader->depth--;
    return holds;
}

static bool read_and(struct reader *reader)
{
    bool holds = read_not(reader);
    while (!reader->failed && take(reader, "AND"))
        holds = read_not(reader) && holds;
    return holds;
}

static bool read_or(struct reader *reader)
{
    bool holds = read_and(reader);
    while (!reader->failed && take(reader, "OR"))
        holds = read_and(reader) || holds;
    return holds;
}

int alarm_rule_holds(const char *rule, alarm_rule_state *state_of, void *arg, struct err *err)
{
    struct reader reader = {.next = rule, .state_of = state_of, .arg = arg, .err = err};
    bool holds = read_or(&reader);
    skip_space(&reader);
    if (!reader.failed && *reader.next)
        fail(&reader, "there is more after its end");
    return reader.failed ? -1 : holds;
}
