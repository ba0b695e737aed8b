#include "wire/cron.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    MINUTES_OF_HOUR = 60,
    HOURS_OF_DAY = 24,
    MINUTES_OF_DAY = HOURS_OF_DAY * MINUTES_OF_HOUR,
    SECONDS_OF_DAY = MINUTES_OF_DAY * 60,
    DAYS_SEARCHED = 366 * 40 + 1, /* between two leap days on a Sunday, also around a century */
    NAME_SIZE = 3,
    STEP_MAX = 1000,
};

/* What the numbers of a field may be, and how the first of them and those that follow are named. */
struct field {
    int low, high;
    const char *names;
};

static const struct field minute_field = {0, 59, ""}, hour_field = {0, 23, ""};
static const struct field day_field = {1, 31, ""};
static const struct field month_field = {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"};
static const struct field weekday_field = {0, 7, "sunmontuewedthufrisat"};

/* ---- reading ---- */

static int read_digits(const char **text)
{
    int number = 0;
    if (**text < '0' || **text > '9')
        return -1;
    for (; **text >= '0' && **text <= '9' && number <= STEP_MAX; ++*text)
        number = number * 10 + (**text - '0');
    return number;
}

static int read_value(const char **text, const struct field *field)
{
    for (int i = 0; field->names[i * NAME_SIZE]; i++)
        if (!strncasecmp(*text, field->names + i * NAME_SIZE, NAME_SIZE)) {
            *text += NAME_SIZE;
            return field->low + i;
        }
    int number = read_digits(text);
    return number < field->low || number > field->high ? -1 : number;
}

/* `*`, a number or a range, perhaps in steps: its bits, or 0 if it is none. */
static uint64_t read_part(const char **text, const struct field *field)
{
    int low = field->low, high = field->high, step = 1;
    bool is_single = false;
    if (**text == '*') {
        ++*text;
    } else {
        low = high = read_value(text, field);
        is_single = **text != '-';
        if (!is_single) {
            ++*text;
            high = read_value(text, field);
            if (high == 0 && field == &weekday_field) /* a week may end with its Sunday */
                high = 7;
        }
    }
    if (**text == '/' && !is_single) {
        ++*text;
        step = read_digits(text);
    }
    if (low < 0 || high < low || step < 1 || step > STEP_MAX)
        return 0;
    uint64_t bits = 0;
    for (int i = low; i <= high; i += step)
        bits |= UINT64_C(1) << i;
    return bits;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* A whole field with the space behind it: its bits, or 0. */
static uint64_t read_field(const char **text, const struct field *field, bool *ret_any)
{
    uint64_t bits = 0, part;
    *ret_any = **text == '*';
    do {
        part = read_part(text, field);
        bits |= part;
    } while (part && **text == ',' && ++*text);
    if (!part || (**text && !is_space(**text)))
        return 0;
    while (is_space(**text))
        ++*text;
    return bits;
}

int cron_parse(const char *text, struct cron *ret_cron)
{
    struct cron cron = {0};
    bool any;
    while (is_space(*text))
        text++;
    cron.minutes = read_field(&text, &minute_field, &any);
    cron.hours = (uint32_t)read_field(&text, &hour_field, &cron.any_hour);
    cron.days = (uint32_t)read_field(&text, &day_field, &cron.any_day);
    cron.months = (uint32_t)read_field(&text, &month_field, &any);
    cron.weekdays = (uint32_t)read_field(&text, &weekday_field, &cron.any_weekday);
    cron.weekdays |= cron.weekdays >> 7; /* 7 is Sunday too */
    if (*text || !cron.minutes || !cron.hours || !cron.days || !cron.months || !cron.weekdays ||
        cron_next(&cron, 0) == INT64_MAX)
        return -1;
    *ret_cron = cron;
    return 0;
}

/* ---- what comes next ---- */

static bool is_on_day(const struct cron *cron, int64_t day)
{
    time_t noon = (time_t)(day * SECONDS_OF_DAY + SECONDS_OF_DAY / 2);
    struct tm date;
    if (!gmtime_r(&noon, &date) || !(cron->months >> (date.tm_mon + 1) & 1))
        return false;
    bool by_day = cron->days >> date.tm_mday & 1, by_weekday = cron->weekdays >> date.tm_wday & 1;
    return cron->any_day || cron->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first minute of a day that fits, at or after `minute`; MINUTES_OF_DAY if there is none. */
static int64_t next_in_day(const struct cron *cron, int64_t minute)
{
    for (int64_t hour = minute / MINUTES_OF_HOUR; hour < HOURS_OF_DAY; hour++) {
        if (!(cron->hours >> hour & 1))
            continue;
        int64_t begin = hour * MINUTES_OF_HOUR;
        int64_t first = minute > begin ? minute - begin : 0;
        for (; first < MINUTES_OF_HOUR; first++)
            if (cron->minutes >> first & 1)
                return begin + first;
    }
    return MINUTES_OF_DAY;
}

int64_t cron_next(const struct cron *cron, int64_t minute)
{
    int64_t day = minute / MINUTES_OF_DAY - (minute % MINUTES_OF_DAY < 0);
    int64_t in_day = minute - day * MINUTES_OF_DAY;
    for (int i = 0; i < DAYS_SEARCHED; i++, day++, in_day = 0) {
        int64_t found = is_on_day(cron, day) ? next_in_day(cron, in_day) : MINUTES_OF_DAY;
        if (found < MINUTES_OF_DAY)
            return day * MINUTES_OF_DAY + found;
    }
    return INT64_MAX;
}
