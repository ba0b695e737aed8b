#include "model/timestamp.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Beyond these a four-digit year does not hold the time. */
static const double seconds_min = -62135596800.0, seconds_max = 253402300799.999;

static bool in_range(double seconds)
{
    return seconds >= seconds_min && seconds <= seconds_max;
}

static bool parse_number(const char *text, double *ret)
{
    char *end;
    if (text[strspn(text, "+-.0123456789eE")] != 0)
        return false;
    *ret = strtod(text, &end);
    return end != text && *end == 0;
}

/* ".678": adds the fraction and returns what follows. */
static const char *parse_fraction(const char *text, double *seconds)
{
    if (*text != '.' && *text != ',')
        return text;
    double unit = 0.1;
    for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
        *seconds += (*text - '0') * unit;
    return text;
}

/* "Z", "+02:00", "-0200", or nothing, which means UTC. */
static bool parse_zone(const char *text, double *seconds)
{
    if (*text == 0 || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    struct tm zone = {0};
    const char *end = strptime(text, "%z", &zone);
    if (!end || *end)
        return false;
    *seconds -= (double)zone.tm_gmtoff;
    return true;
}

static bool parse_iso8601(const char *text, double *ret)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    if (!rest)
        return false;
    if (*rest == 'T' || *rest == 't' || *rest == ' ') {
        const char *clock = strptime(rest + 1, "%H:%M:%S", &tm);
        rest = clock ? clock : strptime(rest + 1, "%H:%M", &tm);
        if (!rest)
            return false;
    }
    *ret = (double)timegm(&tm);
    rest = parse_fraction(rest, ret);
    return parse_zone(rest, ret);
}

static bool parse_rfc822(const char *text, double *ret)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S", &tm);
    if (!rest)
        return false;
    *ret = (double)timegm(&tm);
    rest = parse_fraction(rest, ret);
    return strcmp(rest, " GMT") == 0;
}

bool timestamp_parse(const char *text, double *ret_seconds)
{
    double seconds;
    if (!parse_number(text, &seconds) && !parse_iso8601(text, &seconds) &&
        !parse_rfc822(text, &seconds))
        return false;
    if (!in_range(seconds))
        return false;
    *ret_seconds = round(seconds * 1000) / 1000;
    return true;
}

/* Broken-down UTC and milliseconds. */
static struct tm split(double seconds, int *ret_ms)
{
    seconds = fmin(fmax(seconds, seconds_min), seconds_max);
    int64_t ms = (int64_t)llround(seconds * 1000);
    int64_t whole = ms / 1000 - (ms % 1000 < 0);
    *ret_ms = (int)(ms - whole * 1000);
    time_t time = (time_t)whole;
    struct tm tm;
    gmtime_r(&time, &tm);
    return tm;
}

void timestamp_iso8601(struct buf *out, double seconds)
{
    int ms;
    struct tm tm = split(seconds, &ms);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
}

void timestamp_rfc822(struct buf *out, double seconds)
{
    int ms;
    struct tm tm = split(seconds, &ms);
    char text[64];
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S", &tm);
    buf_append_string(out, text);
    if (ms)
        buf_printf(out, ".%03d", ms);
    buf_append_string(out, " GMT");
}

void timestamp_unix(struct buf *out, double seconds)
{
    if (seconds == floor(seconds))
        buf_printf(out, "%.0f", seconds);
    else
        buf_printf(out, "%.3f", seconds);
}
