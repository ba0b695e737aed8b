#include "wire/time_zone_rule.h"

#include <string.h>
#include <time.h>

enum {
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    OFFSET_HOURS_MAX = 24,
    TIME_HOURS_MAX = 167, /* a week before or after the day that is named */
};
/* Years from here on have five digits: nobody asks for them, and libc need not know them. */
static const int64_t time_max_s = INT64_C(253402300800);

/* What is left of the text. */
struct reader {
    const char *at, *end;
    bool failed;
};

static bool take(struct reader *reader, char byte)
{
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static int read_number(struct reader *reader, int low, int high)
{
    int number = 0;
    reader->failed |= !is_digit(reader);
    for (; is_digit(reader) && number <= high; reader->at++)
        number = number * 10 + (*reader->at - '0');
    reader->failed |= number < low || number > high;
    return number;
}

/* "CET" or "<-02>" */
static void skip_name(struct reader *reader)
{
    const char *begin = reader->at;
    bool is_quoted = take(reader, '<');
    while (reader->at < reader->end) {
        char byte = *reader->at, letter = (char)(byte | 0x20);
        bool is_letter = letter >= 'a' && letter <= 'z';
        if (!is_letter && !(is_quoted && (is_digit(reader) || byte == '+' || byte == '-')))
            break;
        reader->at++;
    }
    reader->failed |= reader->at - begin < 3 || (is_quoted && !take(reader, '>'));
}

/* "[-]hh[:mm[:ss]]" in seconds */
static int32_t read_time(struct reader *reader, int hours_max)
{
    int sign = take(reader, '-') ? -1 : 1;
    if (sign > 0)
        take(reader, '+');
    int32_t time_s = read_number(reader, 0, hours_max) * HOUR_S;
    if (take(reader, ':'))
        time_s += read_number(reader, 0, 59) * 60;
    if (take(reader, ':'))
        time_s += read_number(reader, 0, 59);
    return sign * time_s;
}

/* ",M3.5.0/2" */
static struct rule_date read_date(struct reader *reader)
{
    struct rule_date date = {.kind = 'N', .time_s = 2 * HOUR_S};
    reader->failed |= !take(reader, ',');
    if (take(reader, 'M')) {
        date.kind = 'M';
        date.month = read_number(reader, 1, 12);
        reader->failed |= !take(reader, '.');
        date.week = read_number(reader, 1, 5);
        reader->failed |= !take(reader, '.');
        date.weekday = read_number(reader, 0, 6);
    } else if (take(reader, 'J')) {
        date.kind = 'J';
        date.day = read_number(reader, 1, 365);
    } else {
        date.day = read_number(reader, 0, 365);
    }
    if (take(reader, '/'))
        date.time_s = read_time(reader, TIME_HOURS_MAX);
    return date;
}

int zone_rule_read(struct zone_rule *ret_rule, const char *text, size_t size)
{
    struct reader reader = {text, text + size, false};
    struct zone_rule rule = {0};
    *ret_rule = rule;
    if (!size)
        return 0;
    skip_name(&reader);
    rule.standard_s = -read_time(&reader, OFFSET_HOURS_MAX);
    rule.has_daylight = !reader.failed && reader.at < reader.end;
    if (rule.has_daylight) {
        skip_name(&reader);
        rule.daylight_s = rule.standard_s + HOUR_S;
        if (reader.at < reader.end && *reader.at != ',')
            rule.daylight_s = -read_time(&reader, OFFSET_HOURS_MAX);
        rule.begin = read_date(&reader);
        rule.end = read_date(&reader);
    }
    if (reader.failed || reader.at < reader.end)
        return -1;
    *ret_rule = rule;
    return 0;
}

/* The beginning of a day, as if clocks on the wall showed UTC. Days beyond the month go on. */
static int64_t day_s(int year, int month, int day)
{
    struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&date);
}

static int64_t date_s(const struct rule_date *date, int year)
{
    bool is_leap = day_s(year, 3, 1) - day_s(year, 2, 28) > DAY_S;
    if (date->kind == 'N')
        return day_s(year, 1, 1 + date->day) + date->time_s;
    if (date->kind == 'J')
        return day_s(year, 1, date->day + (is_leap && date->day >= 60)) + date->time_s;
    int64_t first_s = day_s(year, date->month, 1), next_s = day_s(year, date->month + 1, 1);
    int weekday = (int)(((first_s / DAY_S + 4) % 7 + 7) % 7); /* 1970 began with a Thursday */
    int64_t found_s = first_s + (int64_t)((date->weekday - weekday + 7) % 7) * DAY_S;
    for (int week = 1; week < date->week && found_s + 7 * DAY_S < next_s; week++)
        found_s += 7 * DAY_S;
    return found_s + date->time_s;
}

struct change {
    int64_t time_s;
    int32_t offset_s; /* from then on */
};

static void add_change(struct change *changes, int *count, struct change change)
{
    int at = (*count)++;
    for (; at > 0 && changes[at - 1].time_s > change.time_s; at--)
        changes[at] = changes[at - 1];
    changes[at] = change;
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t time_s)
{
    struct zone_span span = {INT64_MIN, INT64_MAX, rule->standard_s, rule->standard_s};
    struct change changes[6];
    int count = 0;
    if (!rule->has_daylight || time_s >= time_max_s || time_s <= -time_max_s)
        return span;
    time_t now = (time_t)time_s;
    struct tm date;
    gmtime_r(&now, &date);
    for (int year = date.tm_year + 1899; year <= date.tm_year + 1901; year++) {
        add_change(
            changes, &count,
            (struct change){date_s(&rule->begin, year) - rule->standard_s, rule->daylight_s});
        add_change(changes, &count,
                   (struct change){date_s(&rule->end, year) - rule->daylight_s, rule->standard_s});
    }
    for (int i = 0; i < count; i++) {
        if (changes[i].time_s > time_s) {
            span.end_s = changes[i].time_s;
            break;
        }
        if (changes[i].time_s != span.begin_s)
            span.before_s = span.offset_s;
        span.begin_s = changes[i].time_s;
        span.offset_s = changes[i].offset_s;
    }
    return span;
}
